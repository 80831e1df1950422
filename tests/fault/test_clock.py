#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The clock of the machine is set, forth and back: no timer fires early, no age jumps, and the canary does not notice.

libfaketime (Debian: faketime) tells the broker another time of day, and only that: no one can set CLOCK_MONOTONIC. Without it,
or under a sanitizer, which does not go with it, this is skipped. A time namespace has a monotonic clock of its own, as of a machine
that has been up for long, or that has just come back from a long sleep; that takes root, and a machine that is put to sleep while
the broker runs cannot be had in a test.
"""

import glob
import os
import shutil
import subprocess
import time
import unittest

from fault import LINUX, SANITIZED, FaultCase, main, publish, wire

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib*/faketime/libfaketime.so.1")
STEPS = ("+1h", "-1h", "+3650d", "-3650d", "+0")
HANDSHAKE_MS = 1500
DECADE = 3651 * 86400  # ten years and a day, in seconds
SLACK_MS = 2000  # what a busy machine may add to an age
TIMES_OF_ITS_OWN = ["unshare", "--time", "--monotonic", str(DECADE), "--boottime", str(DECADE)]


def can_have_a_clock_of_its_own():
    return LINUX and shutil.which("unshare") and subprocess.run([*TIMES_OF_ITS_OWN, "true"], check=False,
                                                                capture_output=True).returncode == 0


class OtherClock(FaultCase):
    """Red when struct deadline has 32 bits for its milliseconds."""

    @unittest.skipUnless(can_have_a_clock_of_its_own(), "needs a time namespace, and root for it")
    def test_a_machine_that_has_been_up_for_ten_years(self):
        """The broker is in it, the clients and the canary are not: nothing that is between them is a point in time."""
        self.begin("--handshake-ms", str(HANDSHAKE_MS), under=TIMES_OF_ITS_OWN)
        with open(f"/proc/{self.umbeld.pid}/timens_offsets", encoding="ascii") as offsets:
            self.assertIn(str(DECADE), offsets.read(), "it has our clock: the test is too tame")
        self.assertLess(self.info()["uptime_ms"], SLACK_MS + 10_000)
        writer = self.session("writer")
        writer.retain("kept", b"value")
        writer.barrier()
        kept_at = time.monotonic()
        mute = self.raw(name="mute")
        wire.pump([mute], lambda: mute.ended, "its time for HELLO to be over")
        took = time.monotonic() - kept_at
        self.expect_fatal(mute, "timeout")
        self.assertTrue(-0.1 <= took - HANDSHAKE_MS / 1000 <= SLACK_MS / 1000, f"its time was over after {took:.3f} s")
        mute.close()
        reader = self.session("reader")
        _, (value,) = reader.subscribe_retained("kept")
        age = value.tree[2]["age_ms"]
        self.assertLessEqual(abs(age - (time.monotonic() - kept_at) * 1000), SLACK_MS, f"a value is {age} ms old")
        reader.close()
        writer.retain("kept", b"")
        writer.barrier()
        writer.close()
        self.finish("a clock ten years and a day ahead")


@unittest.skipUnless(LINUX and LIBRARIES and not SANITIZED, "needs libfaketime and no sanitizer")
class Clock(FaultCase):
    """Red when clock_now_ms() reads CLOCK_REALTIME (seen: after +1h a value is 3600027 ms old)."""

    def set_clock(self, step):
        """For the broker, and for nobody else. It is what a process with its environment reads, so it is what it reads."""
        next_one = self.directory / "next"
        next_one.write_text(step + "\n", encoding="ascii")
        next_one.rename(self.directory / "clock")
        shown = subprocess.run(["date", "+%s"], env=self.told, check=True, capture_output=True, text=True).stdout
        return int(shown) - time.time()

    def test_steps_of_the_time_of_day(self):
        self.told = {**os.environ, "LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": str(self.directory / "clock"),
                     "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        self.set_clock("+0")
        self.begin("--handshake-ms", str(HANDSHAKE_MS), env=self.told)
        with open(f"/proc/{self.umbeld.pid}/maps", encoding="ascii") as maps:
            self.assertIn("libfaketime", maps.read(), "the broker reads the real clock: the test is too tame")
        writer = self.session("writer")
        writer.retain("kept", b"value")
        writer.barrier()
        kept_at = time.monotonic()
        mute = self.raw(name="mute")
        mute_at = time.monotonic()
        before = self.info()["uptime_ms"]
        for number, step in enumerate(STEPS):
            moved = self.set_clock(step)
            self.assertEqual(abs(moved) > 3000, step != "+0", f"{step} moved the clock by {moved:.0f} s")
            reader = self.session(f"reader{number}")
            _, (value,) = reader.subscribe_retained("kept")
            age, true = value.tree[2]["age_ms"], (time.monotonic() - kept_at) * 1000
            self.assertLessEqual(abs(age - true), SLACK_MS, f"after {step} a value is {age} ms old")
            up = self.info()["uptime_ms"]
            self.assertTrue(before <= up <= before + SLACK_MS + true, f"after {step} up for {up} ms, before for {before}")
            reader.subscribe("work")
            reader.send(publish("work", b"still"))
            self.expect_message(reader, "work", b"still")
            reader.close()
        if time.monotonic() - mute_at < HANDSHAKE_MS / 1000:
            self.watch([mute], 0.01)
            self.assertFalse(mute.ended, "its time for HELLO is not over")
        wire.pump([mute], lambda: mute.ended, "its time for HELLO to be over")
        took = time.monotonic() - mute_at
        self.expect_fatal(mute, "timeout")
        self.assertLess(abs(took - HANDSHAKE_MS / 1000), SLACK_MS / 1000)
        mute.close()
        writer.retain("kept", b"")
        writer.barrier()
        writer.close()
        self.finish(f"{len(STEPS)} steps, {', '.join(STEPS)}")


if __name__ == "__main__":
    main()
