#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""However a stream is cut, what came whole is routed and what did not is not."""

import socket
import struct
import time

from fault import CANARY, LINUX, SANITIZED, FaultCase, main, sized, wire

CORPUS = [
    [wire.HELLO, 1, "cut", {"overflow": "block", "will": wire.pack([3, 0, wire.ZEROS, "last.words", None, None, b"gone"])}],
    [wire.SUBSCRIBE, 1, 1, "x.*", {"group": "g"}],
    [wire.SUBSCRIBE, 2, 2, "y.**", {}],
    [wire.PUBLISH, 0, wire.ZEROS, "cut.one", None, None, b"first"],
    [wire.PUBLISH, 1, wire.ZEROS, "cut.two", None, {"content-type": "text", "n": 17}, b"second"],
    [wire.UNSUBSCRIBE, 3, 1],
    [wire.PUBLISH, 0, wire.ZEROS, "cut.three", None, None, bytes(300)],
    [wire.PING, 7],
    [0x90, "an extension", [1, 2, {}]],
    [wire.PUBLISH, 0, wire.ZEROS, "cut.four", None, None, b"fourth"],
]
FRAMES = [wire.frame(tree) for tree in CORPUS]
STREAM = b"".join(FRAMES)
SLAB = 256 << 10  # what the broker reads at a time, at most
ENDS = ("close", "half-close", "reset")
CPU_MAX = 0.05
WINDOW = 1.0


def topics_before(offset):
    """Those of the PUBLISHes that are whole in the first `offset` bytes."""
    at, topics = 0, []
    for tree, data in zip(CORPUS, FRAMES):
        at += len(data)
        if at <= offset and tree[0] == wire.PUBLISH:
            topics.append(tree[3])
    return topics


class CutStreams(FaultCase):
    """Red when input_peek() gives FRAME_OK before the body is whole, or when conn.c stops reading at EPIPE."""

    def end(self, connection, how):
        if how == "half-close":
            connection.end_writing()
            wire.pump([connection], lambda: connection.ended, "the broker to close after our end")
        elif how == "reset":
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def expect_topics(self, spy, expected):
        """These, in this order; a will comes when it comes."""
        wire.pump([spy], lambda: len(spy.frames) >= len(expected), f"{len(expected)} messages")
        got = [spy.frames.popleft().tree[3] for _ in expected]
        self.assertEqual(got, expected)

    def test_at_each_offset(self):
        spy = None
        for how in ENDS:
            self.begin()
            spy = self.subscriber("cut.*", name="spy")
            for offset in range(len(STREAM) + 1):
                cut = self.raw()
                cut.send(STREAM[:offset])
                self.end(cut, how)
                self.expect_topics(spy, topics_before(offset))
            self.assertEqual(spy.barrier()[0], [], f"more than was whole, by {how}")
            spy.close()
            self.observer.publish("cut.two")  # no value stays
            self.observer.send([wire.PUBLISH, 1, wire.ZEROS, "cut.two", None, None, b""])
            self.finish(f"{len(STREAM) + 1} times, by {how}")
            self.umbeld.terminate()

    def answers(self, connection, pieces):
        """Write these one by one; all that comes of it, to the end."""
        for piece in pieces:
            connection.send(piece)
        connection.end_writing()
        frames = connection.receive_rest()
        connection.close()
        return [frame.raw for frame in frames[1:]]  # WELCOME has numbers of its own

    def test_every_cut_in_two_and_byte_by_byte(self):
        self.begin()
        spy = self.subscriber("cut.*", name="spy")
        whole = self.answers(self.raw(), [STREAM])
        expected = topics_before(len(STREAM))
        self.expect_topics(spy, expected)
        step = sized(1, 1, 7)
        for offset in range(1, len(STREAM), step):
            self.assertEqual(self.answers(self.raw(), [STREAM[:offset], STREAM[offset:]]), whole)
            self.expect_topics(spy, expected)
        for _ in range(sized(3, 50)):
            self.assertEqual(self.answers(self.raw(), [STREAM[n:n + 1] for n in range(len(STREAM))]), whole)
            self.expect_topics(spy, expected)
        self.assertEqual(spy.barrier()[0], [])
        spy.close()
        self.observer.send([wire.PUBLISH, 1, wire.ZEROS, "cut.two", None, None, b""])
        self.finish(f"{(len(STREAM) - 1) // step} cuts, and byte by byte")

    def test_what_a_writer_wrote_before_it_closed_is_routed(self):
        """The broker's answers meet EPIPE; what the writer wrote lies in the socket all the same."""
        n, size = sized(200, 2000, 50), 50
        self.begin()
        spy = self.subscriber("quick.*", name="spy")
        for number in range(n):
            writer = self.raw()
            message = number.to_bytes(4, "big")
            writer.send([wire.HELLO, 1, "quick", {}], [wire.PING, 1], *([wire.PUBLISH, 0, wire.ZEROS, f"quick.{number}", None, None,
                                                                       message + bytes([k])] for k in range(size)), [wire.PING, 2])
            writer.close()
        self.drive([spy], lambda: len(spy.frames) == n * size, "all that was written")
        by_writer = {}
        for frame in spy.frames:
            by_writer.setdefault(frame.tree[3], []).append(frame.tree[6])
        self.assertEqual(by_writer, {f"quick.{k}": [k.to_bytes(4, "big") + bytes([j]) for j in range(size)] for k in range(n)})
        spy.close()
        self.finish(f"{n} writers of {size} messages")

    def test_what_is_left_when_the_broker_meets_epipe_is_routed(self):
        """More than it reads at a time: it has answered, and nobody is there to take that, when it reads the rest."""
        n = sized(20, 200, 10)
        self.begin(canary=False)  # it would miss the broker that stands still
        spy = self.subscriber("left.*", name="spy")
        begins = b"".join(map(wire.frame, ([wire.HELLO, 1, "left", {}], [wire.PING, 1])))
        expected = {}
        for start in range(0, n, 10):
            self.umbeld.stop()
            for number in range(start, start + 10):
                writer = self.raw()
                writer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                message = wire.frame([wire.PUBLISH, 0, wire.ZEROS, f"left.{number}", None, None, bytes(2000)])
                took = self.write_what_fits(writer, begins + message * 500)
                expected[f"left.{number}"] = (took - len(begins)) // len(message)
                self.assertGreater(took, SLAB + 65536, "it is all read at once: the test is too tame")
                writer.close()
            self.umbeld.go_on()
            self.drive([spy], lambda: len(spy.frames) >= sum(expected.values()), "all that was written")
        got = [frame.tree[3] for frame in spy.frames]
        self.assertEqual({topic: got.count(topic) for topic in set(got)}, expected)
        spy.close()
        self.finish(f"{n} writers, {sum(expected.values())} messages")

    def write_what_fits(self, connection, data):
        """Into the kernel, while nobody reads. How much that was."""
        at = 0
        connection.socket.setblocking(False)
        try:
            while at < len(data):
                at += connection.socket.send(data[at:at + 65536])
        except BlockingIOError:
            pass
        return at

    def test_half_closed_ones_cost_nothing(self):
        """The end of their stream is their goodbye; while what waits for them is unread, the broker does not spin."""
        n, each = 20, 64
        self.begin("--linger-ms", "8000", "--memory-max", "64M", canary=False)  # so the kernel takes 512 KiB for each
        halves = [self.subscriber("half", name=f"half{number}") for number in range(n)]
        for half in halves:
            half.paused = True
        publisher = self.session("publisher")
        for _ in range(each):
            publisher.publish("half", bytes(32768))
        publisher.barrier()
        for half in halves:
            half.end_writing()
        before = self.umbeld.cpu_seconds() if LINUX else 0
        time.sleep(WINDOW)  # stimulus: a second in which there is nothing to do
        used = (self.umbeld.cpu_seconds() if LINUX else 0) - before
        self.say(f"processor time in {WINDOW:.0f} s: {used * 1000:.0f} ms")
        if not SANITIZED:
            self.assertLessEqual(used, CPU_MAX * WINDOW)
        self.hear_canary()  # and not before: it costs processor time
        self.assertEqual(self.info()["sessions"], n + 2 + CANARY, "some half-closed one is gone")
        for half in halves:
            half.paused = False
        self.drive(halves, lambda: all(half.ended for half in halves), "all of them to be closed")
        for half in halves:
            self.assertEqual(len(half.frames), each)
            half.close()
        publisher.close()
        self.finish(f"{n} of them")


if __name__ == "__main__":
    main()
