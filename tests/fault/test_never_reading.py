#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120
"""Clients that never read, neither their messages nor their ERRORs: they cost a bounded amount, and others nothing."""

from fault import LINUX, SANITIZED, FaultCase, main, publish, sized, wire

N = sized(20, 100, 10)
OFFERED = sized(24, 100, 24) << 20  # bytes to each: they share them, so it has to be more than there is memory
SIZE = 32768
MEMORY_MAX = sized(8, 32, 8) << 20
MARK = sized(1, 8, 1) << 20  # of each outbox: less than what is offered and the kernel does not take
ROOM = 16 << 20  # for all that is no message
REQUESTS = sized(200_000, 1_000_000, 200_000)  # of each
EACH = 3 << 20  # bytes: 1 MiB of answers, what the kernel holds of them, and a slab of requests; measured: 2.4 MiB


class NeverReading(FaultCase):
    """Red when find_full() finds none, when conn.c reads on although answers_are_unread(), or when nothing may pass()."""

    def flood(self, policy):
        self.begin("--memory-max", str(MEMORY_MAX), "--outbox-high", str(MARK), "--stall-ms", sized("100", "300"))
        deaf = []
        for number in range(N):
            session = self.session(f"deaf{number}", overflow=policy)
            session.subscribe("flood.**")
            session.paused = True
            deaf.append(session)
        writer = self.session("writer")
        count = OFFERED // SIZE
        for start in range(0, count, 64):
            writer.queue(*(publish("flood.all", bytes(SIZE)) for _ in range(min(64, count - start))))
            wire.pump([writer], lambda: not writer.queued, "the flood to be written")
        _, pong = writer.barrier()
        self.assertEqual(pong.accepted, count)
        most = self.umbeld.memory("VmHWM") if LINUX else 0
        self.say(f"at most {most / 1048576:.0f} MiB resident, of messages {self.info()['memory_peak'] / 1048576:.1f} MiB")
        self.assertLessEqual(self.info()["memory_peak"], MEMORY_MAX + (8 << 20))
        if not SANITIZED:
            self.assertLess(most, MEMORY_MAX + ROOM)
        # nobody who did not ask for it loses a message and stays
        self.assertEqual(self.info()["evicted"], 0 if policy == "drop-oldest" else N)
        for session in (*deaf, writer):
            session.close()
        self.finish(f"{N} x {OFFERED >> 20} MiB under {policy}")

    def test_block(self):
        self.flood("block")

    def test_drop_oldest(self):
        self.flood("drop-oldest")

    def test_disconnect(self):
        self.flood("disconnect")

    def test_answers_and_refusals_that_nobody_reads(self):
        """They are not read either until they read: the kernel holds what they write."""
        self.begin()
        deaf = []
        for number in range(10):
            session = self.session(f"deaf{number}")
            session.paused = True
            requests = ([wire.SUBSCRIBE, 1, 1, "a..b", {}], [wire.UNSUBSCRIBE, 1, 99], publish("$nothing"),
                        [wire.PUBLISH, 0, wire.ZEROS, "nobody", session.inbox + ".x", None, b""], [wire.PING, 1])
            session.queue(b"".join(map(wire.frame, requests)) * (REQUESTS // 5))
            deaf.append(session)
        grown, before = 0, -1
        while grown > before:  # until it reads no more of them
            before = grown
            self.watch(deaf, 1.0)
            grown = self.info()["memory_used"] - self.used_before
            self.assertLess(grown / len(deaf), EACH)
        self.assertTrue(all(session.queued for session in deaf), "all of it was taken: the test is too tame")
        self.say(f"{grown / len(deaf) / 1024:.0f} KiB for each of them")
        self.assertLess(grown / len(deaf), EACH)
        for session in deaf:
            session.close()
        self.finish(f"10 x {REQUESTS} requests")


if __name__ == "__main__":
    main()
