#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""A subscriber that stops: its publishers wait, and are told for whom, until it goes on or is let go."""

import os
import unittest

from harness import Case

SIZE = 8192
COUNT = 2000  # 16 MB: more than outbox, slabs and the kernel's buffers hold together
SMALL_OUTBOX = ("--settle-ms", "0", "--outbox-high", "1M")
NEVER = "600000"


class StoppedSubscriber(Case):
    def stopped(self, filter, name):
        subscriber = self.program("subscriber", "-n", name, filter, name=name)
        session = int(subscriber.expect(r"^connected again=0 session=(\d+)$")[1])
        subscriber.stop()
        return subscriber, session

    def test_publishers_are_held_told_for_whom_and_released_with_nothing_lost(self):
        broker = self.broker(*SMALL_OUTBOX, "--stall-ms", NEVER, "--hold-max-ms", NEVER)
        sleeper, session = self.stopped("flood.*", "sleeper")
        publishers = [self.program("publisher", "-n", f"pump{n}", "-c", COUNT, "-s", SIZE, f"flood.{n}", name=f"pump{n}")
                      for n in range(2)]
        for n, publisher in enumerate(publishers):
            publisher.expect(rf"^held session={session} name=sleeper topic=flood\.{n}$")
        uid = os.getuid()
        for n, publisher in enumerate(publishers):
            broker.n_taken = 0
            broker.expect(rf'warn: held session=\d+ name="pump{n}" pid={publisher.pid} command="publisher" uid={uid} '
                          rf'by session={session} name="sleeper" pid={sleeper.pid} command="subscriber" uid={uid} '
                          rf'topic="flood\.{n}" owed=\d+ limit=1048576 of=outbox-high$')
        sleeper.go_on()
        for n, publisher in enumerate(publishers):
            publisher.expect(rf"^released session={session} name=sleeper topic=flood\.{n}$")
            self.assertEqual(publisher.report()["unconfirmed_at_close"], 0)
            broker.expect(r"info: released held_ms=\d+ session=")
        report = self.report_of(sleeper)
        self.assertEqual(report["topics"], {f"flood.{n}": [0, COUNT, 0, 0] for n in range(2)})
        self.assertEqual((report["lost"], report["damaged"], report["reconnects"]), (0, 0, 0))

    def test_one_that_stays_stopped_is_evicted_and_the_others_complete(self):
        broker = self.broker(*SMALL_OUTBOX, "--stall-ms", "500")
        sleeper, session = self.stopped("flood.*", "sleeper")
        others = [self.program("subscriber", "-n", f"other{n}", "flood.*", name=f"other{n}") for n in range(3)]
        for other in others:
            other.expect("^connected")
        publisher = self.program("publisher", "-c", COUNT, "-s", SIZE, "flood.all")
        publisher.expect(rf"^held session={session} name=sleeper topic=flood\.all$")
        evicted = broker.expect(rf'warn: evicted session={session} name="sleeper" pid={sleeper.pid} command="subscriber" '
                                rf'uid={os.getuid()}: took no byte for 500 ms \(limit 500 ms, stall-ms\) while others waited, with \d+ '
                                r'bytes owed \(limit 1048576, outbox-high\); lost messages=(\d+) bytes=(\d+)$')
        publisher.expect(rf"^released session={session} name=sleeper")
        self.assertEqual(publisher.report()["unconfirmed_at_close"], 0)
        for other in others:
            report = self.report_of(other)
            self.assertEqual(report["topics"], {"flood.all": [0, COUNT, 0, 0]})
            self.assertEqual((report["lost"], report["damaged"], report["reconnects"]), (0, 0, 0))

        # it is told what it lost, comes back, and is served again
        sleeper.go_on()
        lost = sleeper.expect(r"^lost frames=(\d+) bytes=(\d+): evicted")
        self.assertEqual((lost[1], lost[2]), (evicted[1], evicted[2]))
        sleeper.expect(r"^disconnected: .*took no byte for 500 ms")
        sleeper.expect(r"^connected again=1 session=")
        report = self.report_of(sleeper)
        first, following, missing, again = report["topics"]["flood.all"]
        self.assertEqual((first, missing, again), (0, 0, 0))
        self.assertLess(following, COUNT)
        self.assertEqual(report["lost"], int(evicted[1]))
        self.assertGreater(report["lost"], 0)

    def test_publishers_to_others_are_not_held(self):
        self.broker(*SMALL_OUTBOX, "--stall-ms", NEVER, "--hold-max-ms", NEVER)
        self.stopped("flood.*", "sleeper")
        self.program("publisher", "-s", SIZE, "flood.all").expect("^held")
        other = self.program("subscriber", "elsewhere.*")
        other.expect("^connected")
        report = self.program("publisher", "-c", COUNT, "-s", SIZE, "elsewhere.here").report()
        self.assertEqual(report["holds"], 0)
        self.assertEqual(self.report_of(other)["topics"], {"elsewhere.here": [0, COUNT, 0, 0]})


if __name__ == "__main__":
    unittest.main()
