#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll timeout=90
"""Subscribers that would rather lose messages, or the connection: nobody waits for them, and every loss is counted."""

import unittest

from harness import Case, publish, wire

SIZE = 8192
COUNT = 3000  # 24 MB: more than outbox, slabs and the kernel's buffers hold together
SMALL_OUTBOX = ("--settle-ms", "0", "--outbox-high", "1M")
NEVER = "600000"
POLICIES = {"block": (), "drop-oldest": ("-o",), "disconnect": ("-d",)}
FOR_EVER = ("--stall-ms", NEVER, "--hold-max-ms", NEVER)  # who is held stays held


class Overflow(Case):
    def subscriber_program(self, policy, *options, name, filter="flood.*"):
        subscriber = self.program("subscriber", "-n", name, *POLICIES[policy], *options, filter, name=name)
        subscriber.expect("^connected again=0")
        return subscriber

    def flood(self, *topics, count=COUNT):
        """All of them at once. Nobody holds them up."""
        publishers = [self.program("publisher", "-n", topic, "-c", count, "-s", SIZE, topic, name=topic) for topic in topics]
        for publisher in publishers:
            report = publisher.report()
            self.assertEqual((report["holds"], report["unconfirmed_at_close"]), (0, 0))

    def expect_exact(self, report, topics, count=COUNT):
        """What was published is what was received and what was announced, to the message, in order and once."""
        self.assertEqual(report["received"] + report["lost"], count * len(topics))
        self.assertEqual((report["damaged"], report["reconnects"]), (0, 0))
        seen = [report["topics"].get(topic, [count, count, 0, 0]) for topic in topics]
        self.assertEqual(sum(first + skipped + count - following for first, following, skipped, _ in seen), report["lost"])
        self.assertEqual([again for _, _, _, again in seen], [0] * len(topics))
        self.assertIn(count, [following for _, following, _, _ in seen], "the newest is never the one that is dropped")

    def test_one_that_is_stopped_holds_nobody_and_counts_what_it_lost(self):
        broker = self.broker(*SMALL_OUTBOX, *FOR_EVER)
        monitor = self.subscriber_program("drop-oldest", name="monitor")
        monitor.stop()
        keen = self.subscriber_program("block", name="keen")
        topics = ("flood.a", "flood.b")
        self.flood(*topics)
        broker.expect(rf'warn: dropped messages=\d+ bytes=\d+ owed=\d+ limit=1048576 of=outbox-high session=\d+ name="monitor" pid={monitor.pid} ')
        self.assertEqual(self.report_of(keen)["topics"], {topic: [0, COUNT, 0, 0] for topic in topics})

        monitor.go_on()
        report = self.report_of(monitor)
        self.expect_exact(report, topics)
        self.assertGreater(report["lost"], COUNT, "it was hardly slow: the test has become too tame")
        self.assertGreater(report["received"], 0)

    def test_stopped_again_and_again_it_still_counts_exactly(self):
        self.broker(*SMALL_OUTBOX, *FOR_EVER)
        monitor = self.subscriber_program("drop-oldest", name="monitor")
        publisher = self.program("publisher", "-n", "pump", "-c", COUNT * 4, "-s", SIZE, "flood.a", name="pump")
        while not publisher.ended:
            monitor.stop()
            publisher.read_some()
            wire.pump([self.busy()], lambda: True)
            monitor.go_on()
        self.assertEqual(publisher.report()["holds"], 0)
        self.expect_exact(self.report_of(monitor), ["flood.a"], count=COUNT * 4)

    def busy(self):
        """A session that has made the broker turn a few times."""
        session = self.session("busy")
        for _ in range(20):
            session.barrier()
        self.addCleanup(session.close)
        return session

    def test_slow_readers_lose_what_they_cannot_take_and_others_nothing(self):
        self.broker(*SMALL_OUTBOX, *FOR_EVER)
        slow = [self.subscriber_program("drop-oldest", "-p", 5, "-t", take, name=f"slow{take}") for take in (1, 10, 100)]
        keen = self.subscriber_program("block", name="keen")
        self.flood("flood.a")
        self.assertEqual(self.report_of(keen)["topics"], {"flood.a": [0, COUNT, 0, 0]})
        for reader in slow:
            self.expect_exact(self.report_of(reader), ["flood.a"])

    def test_one_that_wants_to_be_disconnected_is(self):
        broker = self.broker(*SMALL_OUTBOX, *FOR_EVER)
        touchy = self.subscriber_program("disconnect", name="touchy")
        touchy.stop()
        self.flood("flood.a")
        evicted = broker.expect(r'warn: evicted session=\d+ name="touchy" .*asked to be disconnected then; lost messages=(\d+) ')
        touchy.go_on()
        lost = touchy.expect(r"^lost frames=(\d+) bytes=\d+: evicted")
        self.assertEqual(lost[1], evicted[1])
        touchy.expect("^disconnected: .*asked to be disconnected")
        touchy.expect("^connected again=1")
        touchy.expect("^policy 2$")  # as it asked for: it has held nobody up

    def test_one_that_was_evicted_for_stalling_comes_back_as_one_that_may_lose(self):
        self.broker(*SMALL_OUTBOX, "--stall-ms", "300")
        sleeper = self.subscriber_program("block", name="sleeper")
        sleeper.stop()
        self.program("publisher", "-c", COUNT, "-s", SIZE, "flood.a").report()
        sleeper.go_on()
        sleeper.expect(r"^lost frames=\d+ bytes=\d+: evicted")
        sleeper.expect("^connected again=1")
        sleeper.expect("^policy 1$")
        sleeper.stop()
        self.flood("flood.b")  # so nobody is held by it a second time
        sleeper.go_on()
        report = self.report_of(sleeper)
        self.assertEqual(report["topics"]["flood.b"][1], COUNT)


class ShortOfMemory(Case):
    N_STOPPED = 40
    COUNT = 1500  # 12 MB to each, of which there is room for half once

    def test_stopped_monitors_make_room_and_publishing_goes_on(self):
        broker = self.broker("--settle-ms", "0", "--memory-max", "6M", "--outbox-high", "4M", *FOR_EVER)
        monitors = []
        for n in range(self.N_STOPPED):
            monitor = self.session(f"monitor{n}", overflow="drop-oldest")
            monitor.subscribe("**" if n % 2 else f"flood.{n % 4}")
            monitor.paused = True
            monitors.append(monitor)
        keen = self.subscriber("**", name="keen")
        sender = self.session("sender")
        for n in range(self.COUNT):
            sender.queue(publish(f"flood.{n % 4}", n.to_bytes(4, "big") + bytes(SIZE - 4)))
        sender.queue([wire.PING, 1])
        wire.pump([sender, keen], lambda: sender.frames, "everything to be routed, although memory is short")
        self.assertEqual(sender.receive().tree[:3], [wire.PONG, 1, self.COUNT])
        got, _ = keen.barrier()
        self.assertEqual([int.from_bytes(one.tree[6][:4], "big") for one in got], list(range(self.COUNT)))
        broker.expect(r'warn: dropped messages=\d+ .* name="monitor\d+"')
        self.assertNotIn("memory is short", broker.text())
        for monitor in monitors:
            self.expect_exact(monitor)

    def expect_exact(self, monitor):
        number = int(monitor.name[7:])
        expected = [n for n in range(self.COUNT) if number % 2 or n % 4 == number % 4]
        monitor.paused = False
        got, _ = monitor.barrier()
        at = lost = 0
        for one in got:
            if one.type == wire.GAP:
                at += one.tree[1]
                lost += one.tree[1]
                continue
            self.assertEqual(int.from_bytes(one.tree[6][:4], "big"), expected[at])
            at += 1
        self.assertEqual(at, len(expected))
        if number % 2:
            self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main()
