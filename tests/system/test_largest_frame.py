#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""A body of exactly max_frame arrives intact, and one byte more is refused."""

import os
import unittest
from unittest import mock

from harness import Case, publish, wire

TOPIC = "large"


def frame_of(body_len, topic=TOPIC):
    """A PUBLISH frame whose body has this length, full of bytes that are not the same twice."""
    overhead = len(wire.pack(publish(topic, bytes(70000)))) - 70000
    payload_len = body_len - overhead
    if payload_len < 65536:  # a bin of this length has a shorter head
        payload_len += 2
    frame = wire.frame(publish(topic, os.urandom(payload_len)))
    assert len(frame) == 5 + body_len
    return frame


class LargestFrame(Case):
    def check(self, limit, *flags):
        broker = self.broker("--settle-ms", "0", *flags)
        subscribers = [self.subscriber("**", name=f"s{n}") for n in range(2)]
        publisher = self.session("publisher")
        self.assertEqual(publisher.limits["max_frame"], limit)
        for length in (limit - 1, limit):
            sent = frame_of(length)
            publisher.queue(sent)
            wire.pump([publisher, *subscribers], lambda: all(s.frames for s in subscribers), "a large frame")
            for subscriber in subscribers:
                frame = subscriber.frames.popleft()
                self.assertTrue(frame.without_stamp() == sent, "other bytes than were sent")
        too_long = frame_of(limit + 1)
        publisher.queue(too_long)
        wire.pump([publisher], lambda: publisher.ended, "the publisher to be cut off")
        *_, error = publisher.receive_rest()
        self.assertEqual((error.type, error.tree[1], error.tree[4]), (wire.ERROR, wire.FATAL_CODES["frame_too_big"], True))
        self.assertIn(str(limit + 1), error.tree[2])
        self.assertIn(str(limit), error.tree[2])
        for subscriber in subscribers:
            self.assertEqual(subscriber.barrier()[0], [])
        broker.expect(rf"warn: frame_too_big: .*{limit + 1}.*{limit}.* name=\"publisher\" pid={os.getpid()} ")

    def test_with_the_default(self):
        self.check(4194304)

    def test_with_a_small_one(self):
        self.check(65536, "--max-frame", "64K")

    def test_with_an_odd_one(self):
        self.check(1000001, "--max-frame", "1000001")

    def test_with_a_large_one(self):
        with mock.patch.object(wire, "MAX_FRAME", 9 << 20):
            self.check(9 << 20, "--max-frame", "9M")

    def test_many_at_once_from_and_to_many(self):
        self.broker("--settle-ms", "0")
        subscribers = [self.subscriber("large.*", name=f"s{n}") for n in range(3)]
        publishers = [self.session(f"p{n}") for n in range(6)]
        sent = {f"large.{n}": frame_of(4194304, f"large.{n}") for n in range(len(publishers))}
        for publisher, frame in zip(publishers, sent.values()):
            publisher.queue(frame)
        wire.pump([*publishers, *subscribers], lambda: all(len(s.frames) == len(sent) for s in subscribers), "all of them")
        for subscriber in subscribers:
            for frame in subscriber.frames:
                self.assertTrue(frame.without_stamp() == sent.pop(frame.tree[3]), "other bytes than were sent")
            sent = {frame.tree[3]: frame.without_stamp() for frame in subscriber.frames}


if __name__ == "__main__":
    unittest.main()
