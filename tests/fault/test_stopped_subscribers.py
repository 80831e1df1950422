#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120
"""SIGSTOP: under each policy a subscriber that stands still gets what it asked for, and others what they need."""

import time

from fault import ALONE, FULL, FaultCase, main, publish, sized, wire

STOPPED_S = sized(2, 60, 2)
STALL_MS = "2000" if FULL else "300"
LINGER_S = 5
SIZE = 8192
COUNT = sized(2000, 20000, 1000)
N_MONITORS = 40
SMALL = sized(400000, 5000000, 20000)
FEW = 10
MOST = 2 << 20  # bytes that a stopped monitor may cost; measured: 0.5 MiB, and 3.5 when it was red
MEMORY_MAX = 8 << 20
MONITORED = sized(1000, 10000, 500)
POLICIES = {"block": (), "drop-oldest": ("-o",), "disconnect": ("-d",)}


class StoppedSubscribers(FaultCase):
    """Red when hold.c never evicts (block), outbox_drop.c drops without a GAP (drop-oldest), shed.c never evicts (disconnect)."""

    def stopped(self, policy):
        self.begin("--outbox-high", "1M", "--stall-ms", STALL_MS)
        sleeper = self.program("subscriber", "-n", "sleeper", *POLICIES[policy], "flood.*", name="sleeper")
        sleeper.expect("^connected again=0")
        sleeper.stop()
        begun = time.monotonic()
        publisher = self.program("publisher", "-n", "pump", "-c", COUNT, "-s", SIZE, "flood.a", name="pump")
        report = publisher.report(seconds=wire.DEADLINE + STOPPED_S)
        took = time.monotonic() - begun
        self.assertEqual((report["published"], report["unconfirmed_at_close"], report["reconnects"]), (COUNT, 0, 0))
        self.assertEqual(report["holds"] > 0, policy == "block", report)
        if policy == "block":
            self.umbeld.expect(r'warn: evicted session=\d+ name="sleeper"')
            if ALONE:
                self.assertLess(took, int(STALL_MS) / 1000 + 2.5)
        self.watch([self.observer], max(0.0, STOPPED_S - took))
        sleeper.go_on()
        if policy != "drop-oldest":
            if STOPPED_S < LINGER_S:  # its last words are kept for that long
                sleeper.expect(r"^lost frames=\d+")
            sleeper.expect("^connected again=1")
        seen = self.report_of(sleeper)
        self.assertEqual(seen["damaged"], 0)
        self.assertEqual(seen["topics"].get("flood.a", [0, 0, 0, 0])[3], 0, "none comes twice")
        if policy == "drop-oldest":
            self.assertEqual(seen["received"] + seen["lost"], COUNT)
            self.assertEqual(seen["reconnects"], 0)
        self.finish(f"{STOPPED_S} s under {policy}, {COUNT} messages routed in {took:.2f} s, holds {report['holds']}")

    def test_block(self):
        self.stopped("block")

    def test_drop_oldest(self):
        self.stopped("drop-oldest")

    def test_disconnect(self):
        self.stopped("disconnect")

    def test_a_stopped_monitor_of_messages_that_come_few_by_few(self):
        """Of those that are dropped nothing is left. Red when spans.c keeps their places and outbox_pack.c joins none."""
        self.begin("--outbox-high", "64K")
        monitor = self.session("monitor", overflow="drop-oldest")
        monitor.subscribe("flood.a")
        monitor.paused = True
        sender = self.session("sender")
        few = b"".join(wire.frame(publish(topic)) for topic in ("flood.a", "flood.b")) * FEW
        for _ in range(0, SMALL, FEW):
            sender.send(few)
        self.assertEqual(sender.barrier()[1].accepted, 2 * SMALL)
        grown = self.most_grown()
        self.assertLess(grown, MOST)
        monitor.paused = False
        got = monitor.barrier()[0]
        lost = sum(frame.tree[1] for frame in got if frame.type == wire.GAP)
        self.assertEqual(sum(frame.type == wire.PUBLISH for frame in got) + lost, SMALL)
        monitor.close()
        sender.close()
        self.finish(f"{SMALL} small messages to one stopped monitor, at most {grown / 1048576:.2f} MiB for it")

    def test_forty_stopped_monitors_when_memory_is_short(self):
        """Publishing goes on, nobody is held, and each loss is announced."""
        self.begin("--memory-max", str(MEMORY_MAX), "--outbox-high", "4M")
        monitors = []
        for number in range(N_MONITORS):
            monitor = self.session(f"monitor{number}", overflow="drop-oldest")
            monitor.subscribe("flood.**")
            monitor.paused = True
            monitors.append(monitor)
        sender = self.session("sender")
        for start in range(0, MONITORED, 100):
            sender.queue(*(publish(f"flood.{number % 4}", bytes(SIZE)) for number in range(start, start + 100)))
            wire.pump([sender], lambda: not sender.queued, "the flood to be written")
        before, pong = sender.barrier()
        self.assertEqual((before, pong.accepted), ([], MONITORED), "the sender was held, or worse")
        for monitor in monitors:
            monitor.paused = False
            monitor.queue([wire.PING, 1])
        wire.pump(monitors, lambda: all(m.frames and m.frames[-1].type == wire.PONG for m in monitors), "all to be told")
        for monitor in monitors:
            got = sum(frame.type == wire.PUBLISH for frame in monitor.frames)
            lost = sum(frame.tree[1] for frame in monitor.frames if frame.type == wire.GAP)
            self.assertEqual(got + lost, MONITORED)
            self.assertGreater(lost, 0, "not one was dropped: the test is too tame")
            monitor.close()
        sender.close()
        self.finish(f"{N_MONITORS} monitors, {MONITORED} messages of {SIZE}")


if __name__ == "__main__":
    main()
