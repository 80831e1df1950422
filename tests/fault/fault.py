# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the fault tests share: a broker with a canary in it, and a look at what the fault has left behind.

    UMBEL_BIN_DIR=build-test/bin UMBEL_SOURCE_DIR=. python3 tests/fault/test_x.py

    UMBEL_FAULT=alone    nothing else runs: the canary's times count
    UMBEL_FAULT=full     and the sizes are those that docs/RELIABILITY.md reports

While a test does its worst, 1,000 messages a second have to pass, none lost and none late. Afterwards the broker must have as
many descriptors as before, its messages as much memory, and as much of it resident, give or take 5 %, and KEPT of what is resident:
tables that have grown, and what malloc() cannot give back between what is still in use. That is KEPT_EACH for as many connections as
there were at a time: libevent keeps 32 bytes for each number of a descriptor, and they lie between what those connections had. Memory is looked at before the canary comes and when it has
gone: while it sings, one message of it is in a slab or is not, and how often a look meets it depends on who has the processor.
"""

import os
import pathlib
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from harness import LINUX, SANITIZED, Case, binary, publish, raise_descriptor_limit, wire  # noqa: E402

FULL = os.environ.get("UMBEL_FAULT") == "full"
ALONE = os.environ.get("UMBEL_FAULT") in ("alone", "full") and not SANITIZED
P99_MS = 50.0
SLACK = 1.05
EARLY = 0.01  # seconds; the broker's clock has milliseconds
KEPT = 512 << 10  # bytes of VmRSS
KEPT_EACH = 1024
CANARY = 2  # sessions
WARM = 32  # sessions that come and go before the baseline is taken
LOOKS = 20
QUICK = ("--settle-ms", "0", "--log-level", "warn", "--drain-ms", "100", "--give-back-ms", "100")


def sized(quick, full, sanitized=None):
    """How much of it: by itself, in ./dev fault --full, and under a sanitizer."""
    return full if FULL else sanitized if SANITIZED and sanitized is not None else quick


class FaultCase(Case):
    """A test calls begin(), harms, and calls finish()."""

    def begin(self, *flags, canary=True, **process):
        self.umbeld = self.broker(*QUICK, *flags, **process)
        self.watch_again()
        self.warm_up()
        self.baseline()
        self.canary = None
        if canary:
            self.hear_canary()
        self.begun = time.monotonic()

    def hear_canary(self):
        """From now on it sings; 100 messages have come through."""
        environment = {**os.environ, "UMBEL_SOCKET": self.path}
        self.canary = self.process(binary("fault/canary"), env=environment, name="canary")
        self.canary.expect("^sings$")

    def watch_again(self):
        """By a session of our own; what the last broker had, has gone with it."""
        self.observer = self.session("observer")
        self.observer.subscribe(self.observer.inbox + ".**")

    def warm_up(self):
        """What every broker has touched that has been of use: code, a few slabs, a few sessions."""
        sessions = [self.subscriber("warm.*", name="warm") for _ in range(WARM)]
        for session in sessions:
            session.queue(*([wire.PUBLISH, 0, wire.ZEROS, "warm.up", None, None, bytes(16384)] for _ in range(4)), [wire.PING, 1])
        wire.pump(sessions, lambda: all(len(session.frames) == 4 * WARM + 1 for session in sessions), "all to be warm")
        for session in sessions:
            session.close()
        self.expect_service()

    def baseline(self):
        """What there is now is what shall be there in the end."""
        limit = time.monotonic() + wire.DEADLINE
        while self.info()["sessions"] != 1:
            self.assertLess(time.monotonic(), limit, "those who warmed it up are not gone")
        self.descriptors_before = self.descriptors()
        self.used_before = min(self.memory_used() for _ in range(LOOKS))
        self.peak_before = self.info()["memory_peak"]
        self.resident_before = self.umbeld.memory() if LINUX else 0
        self.most_before = self.umbeld.memory("VmHWM") if LINUX else 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.umbeld.pid}/fd")) if LINUX else 0

    def info(self):
        """What the broker says of itself."""
        self.observer.publish("$SYS.broker.info", reply=self.observer.inbox + ".info")
        return wire.parse(self.observer.receive().tree[6]).plain()

    def memory_used(self):
        return self.info()["memory_used"]

    def most_grown(self):
        """Bytes: what was ever resident, beyond the most before it began."""
        return self.umbeld.memory("VmHWM") - self.most_before if LINUX and not SANITIZED else 0

    def finish(self, what, connections=0, reachable=True):
        """Nothing is left of it, and the canary has not noticed. So many connections there were at a time."""
        took = time.monotonic() - self.begun
        self.assertIsNone(self.umbeld.process.poll(), self.umbeld.text()[-3000:])
        if reachable:
            self.expect_service()
        if self.canary:
            self.expect_others_gone()
            self.expect_canary()
        resident = self.expect_clean(KEPT + KEPT_EACH * connections)
        self.say(f"{what}: {took:.1f} s, resident {self.resident_before / 1048576:.2f} -> {resident / 1048576:.2f} MiB"
                 if LINUX else what)

    def expect_others_gone(self):
        """To the end of that the canary sings beside it."""
        limit = time.monotonic() + wire.DEADLINE
        while self.descriptors() > self.descriptors_before + CANARY:
            self.assertLess(time.monotonic(), limit,
                            f"left behind: descriptors {self.descriptors_before} -> {self.descriptors()}, {CANARY} of the canary")

    def expect_clean(self, kept):
        """Within a moment; what is owed to those who have gone takes that long, and --give-back-ms."""
        limit = time.monotonic() + wire.DEADLINE
        while True:
            resident = self.umbeld.memory() if LINUX and not SANITIZED else 0
            left = [f"{what} {before} -> {now} (at most {most:.0f})" for what, before, now, most in (
                ("memory_used", self.used_before, self.memory_used(), self.used_before * SLACK),
                ("descriptors", self.descriptors_before, self.descriptors(), self.descriptors_before),
                ("VmRSS", self.resident_before, resident, self.resident_before * SLACK + kept)) if now > most]
            if not left:
                return resident
            self.assertLess(time.monotonic(), limit, f"left behind: {', '.join(left)}")

    def expect_canary(self):
        self.canary.signal(15)
        seen = self.canary.report()
        self.say(f"canary: {seen['received']} of {seen['published']}, p50 {seen['p50_ms']:.2f} ms, p99 {seen['p99_ms']:.2f} ms, "
                 f"longest {seen['max_ms']:.1f} ms")
        self.assertEqual((seen["lost"], seen["again"], seen["gaps"], seen["reconnects"]), (0, 0, 0, 0), seen)
        self.assertEqual(seen["received"], seen["published"])
        if ALONE:
            self.assertLessEqual(seen["p99_ms"], P99_MS)

    def say(self, text):
        print(f"  {self.id().rpartition('.')[2]}: {text}", flush=True)

    def raw(self, data=b"", name="raw"):
        """A connection that has these bytes to write."""
        connection = self.connection(name)
        connection.queue(data)
        return connection

    def drive(self, connections, until, what="the broker"):
        wire.pump(connections, until, what)

    def watch(self, connections, seconds):
        """Read them for this long, or until all of them have ended."""
        try:
            wire.pump(connections, lambda: all(one.ended for one in connections), "the time to pass", seconds)
        except wire.Late:
            pass

    def expect_lives(self, connections, begun, allowed, late):
        """None has ended before its time, and none long after. Returns the shortest and the longest, in seconds."""
        lives = [one.ended_at - since for one, since in zip(connections, begun)]
        self.assertGreaterEqual(min(lives), allowed - EARLY)
        self.assertLess(max(lives), allowed + late)
        return min(lives), max(lives)

    def expect_fatal(self, connection, *codes):
        """One fatal ERROR is the last frame."""
        frames = connection.receive_rest()
        self.assertTrue(frames, f"{connection.name}: closed without a word")
        tree = frames[-1].tree
        self.assertEqual((tree[0], tree[4]), (wire.ERROR, True), frames)
        self.assertIn(tree[1], [wire.FATAL_CODES[code] for code in codes], tree)
        return frames


def need_descriptors(case, n):
    if not raise_descriptor_limit(n):
        case.skipTest(f"this system does not allow {n} descriptors")


def main():
    """As unittest.main(), but a file of which all is skipped says so with 77."""
    outcome = unittest.main(exit=False).result
    all_skipped = outcome.testsRun and len(outcome.skipped) == outcome.testsRun
    sys.exit(77 if all_skipped else not outcome.wasSuccessful())
