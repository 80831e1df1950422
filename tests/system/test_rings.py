#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll timeout=120
"""Clients in a ring: each sends on what it receives. With every outbox full, all of them wait for each other, and yet go on."""

import unittest

from harness import Case, publish, wire

SIZE = 8192
STALL = 0.4  # seconds
FLAGS = ("--settle-ms", "0", "--outbox-high", "64K", "--memory-max", "64M", "--hold-notice-ms", "10", "--stall-ms",
         str(int(STALL * 1000)), "--linger-ms", "300")  # who was let go and still writes does not read its last words
FILL = 256  # 2 MiB: more than an outbox and the kernel's buffers hold; the sender is held before it is through
LAPS = 2


class Rings(Case):
    def ring(self, n):
        members = []
        for number in range(n):
            member = self.session(f"ring{number}")
            member.number, member.n_pongs = number, 0
            member.subscribe(f"ring.{number}")
            member.paused = True
            members.append(member)
        return members

    def fill(self, members):
        """One sender for each member. Returns them, each held by a full outbox."""
        fillers = []
        for member in members:
            filler = self.session(f"filler{member.number}")
            hops = (LAPS * len(members)).to_bytes(4, "big")
            for _ in range(FILL):
                filler.queue(publish(f"ring.{member.number}", hops + bytes(SIZE - 4)))
            filler.queue([wire.PING, 1])
            fillers.append(filler)
        wire.pump(fillers, lambda: all(filler.frames for filler in fillers), "every outbox to be full")
        for filler in fillers:
            self.assertEqual(filler.receive().type, wire.HOLD, "the outbox was not full: the test has become too tame")
        return fillers

    def send_on(self, member, n):
        """Write on one message, if there is one. True if there was."""
        while member.frames:
            frame = member.frames.popleft()
            if frame.type == wire.ERROR:
                self.assertEqual(frame.tree[1], wire.FATAL_CODES["slow_consumer"], frame)
            if frame.type != wire.PUBLISH:
                member.n_pongs += frame.type == wire.PONG
                continue
            hops = int.from_bytes(frame.tree[6][:4], "big") - 1
            if hops > 0:
                member.queue(publish(f"ring.{(member.number + 1) % n}", hops.to_bytes(4, "big") + frame.tree[6][4:]))
            return True
        return False

    def work(self, members, reads_while_it_writes):
        """Each sends on what it can. Returns how many messages that were."""
        moved = 0
        for member in members:
            while (reads_while_it_writes or not member.queued) and self.send_on(member, len(members)):
                moved += 1
            member.paused = bool(member.queued) and not reads_while_it_writes
        return moved

    def pump_until(self, members, fillers, reads_while_it_writes, is_over):
        """Progress is never more than a stall away. Returns how many messages were received."""
        received = 0
        while True:
            moved = []

            def goes_on():
                moved.append(self.work(members, reads_while_it_writes))
                return moved[-1] or is_over()
            # one hold, one eviction, and what a busy machine needs; each time anew
            wire.pump([*members, *fillers], goes_on, "progress", deadline=STALL + wire.DEADLINE / 6)
            received += moved[-1]
            if not moved[-1]:
                return received

    def go_round(self, members, fillers, reads_while_it_writes):
        """Until no message is on its way. Returns how many were received."""
        def is_routed():
            return all(filler.frames and filler.frames[-1].type == wire.PONG for filler in fillers)

        def is_answered():
            return all(member.ended or member.n_pongs == rounds for member in members)

        received = self.pump_until(members, fillers, reads_while_it_writes, is_routed)
        rounds = quiet = 0
        while quiet < 2:
            rounds += 1
            for member in members:
                member.queue([wire.PING, rounds])
            moved = self.pump_until(members, fillers, reads_while_it_writes, is_answered)
            received += moved
            quiet = 0 if moved else quiet + 1
        return received

    def check(self, n):
        """Those who do not read while they write can only go on when somebody is let go."""
        self.broker(*FLAGS)
        members = self.ring(n)
        self.go_round(members, self.fill(members), reads_while_it_writes=False)
        evicted = [member for member in members if member.ended]
        print(f"{len(evicted)} of {n} were evicted")
        self.expect_service()

    def check_with_those_who_read_always(self, n):
        self.broker(*FLAGS)
        members = self.ring(n)
        received = self.go_round(members, self.fill(members), reads_while_it_writes=True)
        self.assertEqual([member.number for member in members if member.ended], [])
        self.assertEqual(received, n * FILL * LAPS * n)

    def test_a_ring_of_2(self):
        self.check(2)

    def test_a_ring_of_3(self):
        self.check(3)

    def test_a_ring_of_50(self):
        self.check(50)

    def test_a_ring_of_3_that_reads_while_it_writes_loses_nobody(self):
        self.check_with_those_who_read_always(3)


if __name__ == "__main__":
    unittest.main()
