#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""However many subscribers stop, the broker's memory stays bounded, and publishers go on."""

import os
import re
import unittest

from harness import LINUX, SANITIZED, Case, publish, wire

MEMORY_MAX = 16 << 20
ROOM = 16 << 20  # for the program, its libraries, and what is no message; measured: under 1 MiB
N_STOPPED = 30
SIZE = 32768
COUNT = 128  # 4 MiB to each of them: 7 times what there is room for
# evicted readers must not keep the memory while they linger, and who is held for memory in the middle of a frame is not
# to blame for the time that this frame takes
FLAGS = ("--settle-ms", "0", "--memory-max", str(MEMORY_MAX), "--stall-ms", "50", "--linger-ms", "600000", "--frame-ms", "300")


class MemoryBound(Case):
    def run_all(self, broker, stopped, publishers, keen):
        """Publishers write all they have; what is stopped is not read. Returns the publishers' counts."""
        for publisher in publishers:
            publisher.queue([wire.PING, 1])
        wire.pump([*publishers, keen],
                  lambda: all(p.ended or p.frames and p.frames[-1].type == wire.PONG for p in publishers),
                  "all that was published to be routed")
        for publisher in publishers:
            *others, pong = publisher.frames
            self.assertEqual(pong.type, wire.PONG, f"{publisher.name}: {pong}")
            self.assertEqual({frame.type for frame in others} - {wire.HOLD}, set(), others)
        if LINUX and not SANITIZED:
            peak = broker.memory("VmHWM")
            print(f"at most {peak / 1048576:.1f} MiB resident, with {MEMORY_MAX / 1048576:.0f} MiB for messages")
            self.assertLess(peak, MEMORY_MAX + ROOM)
        return [wire.Pong(*publisher.frames[-1].tree[2:5]) for publisher in publishers]

    def test_with_stopped_subscribers_of_many_publishers(self):
        broker = self.broker(*FLAGS)
        stopped = [self.subscriber(f"flood.{n}", name=f"stopped{n}") for n in range(N_STOPPED)]
        keen = self.subscriber("alive", name="keen")
        publishers = []
        for n in range(N_STOPPED):
            publisher = self.session(f"p{n}")
            publisher.queue(*(publish(f"flood.{n}", bytes(SIZE)) for _ in range(COUNT)), publish("alive", b"%d" % n))
            publishers.append(publisher)
        counts = self.run_all(broker, stopped, publishers, keen)
        for count in counts:
            self.assertEqual((count.accepted, count.refused), (COUNT + 1, 0))
        got, _ = keen.barrier()
        self.assertEqual(sorted(frame.tree[6] for frame in got), sorted(b"%d" % n for n in range(N_STOPPED)))
        self.expect_culprits(broker, stopped)

    def test_with_stopped_subscribers_of_one_publisher(self):
        broker = self.broker(*FLAGS)
        stopped = [self.subscriber("flood.**", name=f"stopped{n}") for n in range(N_STOPPED)]
        keen = self.subscriber("flood.**", name="keen")
        publisher = self.session("publisher")
        publisher.queue(*(publish("flood.all", n.to_bytes(4, "big") + bytes(SIZE - 4)) for n in range(8 * COUNT)))
        counts = self.run_all(broker, stopped, [publisher], keen)
        self.assertEqual(counts, [(8 * COUNT, 0, 0)])
        got = [int.from_bytes(frame.tree[6][:4], "big") for frame in keen.barrier()[0]]
        self.assertEqual(got, list(range(8 * COUNT)))
        self.expect_culprits(broker, stopped)

    def expect_culprits(self, broker, stopped):
        """Everyone who was cut off is named, and only those who did not read were."""
        broker.read_some()
        evicted = re.findall(r'evicted session=(\d+) name="(\w+)" pid=(\d+) command="[^"]*" uid=(\d+): (?:owed|took|held)',
                             broker.text())
        names = {session.name: str(session.id) for session in stopped}
        self.assertTrue(evicted)
        for session, name, pid, uid in evicted:
            self.assertEqual((session, pid, uid), (names.get(name), str(os.getpid()), str(os.getuid())))


if __name__ == "__main__":
    unittest.main()
