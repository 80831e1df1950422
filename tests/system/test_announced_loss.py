#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Whoever rather loses messages than holds others up is told through the library how many, to the last one."""

import unittest

from harness import Case

COUNT = 200000  # far more than a socket holds, however it comes
BLOCK, DROP_OLDEST, DISCONNECT = range(3)


class AnnouncedLoss(Case):
    def reader(self, *flags, policy):
        reader = self.program("subscriber", "-n", "reader", *flags, "much", name="reader")
        reader.expect(f"^policy {policy}$")
        return reader

    def publish_all(self):
        report = self.program("publisher", "-c", COUNT, "much").report()
        self.assertEqual((report["holds"], report["unconfirmed_at_close"]), (0, 0))

    def test_received_and_lost_are_what_was_sent_though_the_reader_stood_still(self):
        self.broker("--settle-ms", "0", "--outbox-high", "64K")
        reader = self.reader("-o", policy=DROP_OLDEST)
        reader.stop()
        self.publish_all()
        reader.go_on()
        report = self.report_of(reader)
        self.assertEqual((report["damaged"], report["topics"]["much"][3]), (0, 0))
        self.assertGreater(report["lost"], 0)
        self.assertEqual(report["received"] + report["lost"], COUNT)
        self.assertEqual(report["reconnects"], 0)

    def test_one_who_asked_to_be_disconnected_is_and_comes_back(self):
        self.broker("--settle-ms", "0", "--outbox-high", "64K")
        reader = self.reader("-d", policy=DISCONNECT)
        reader.stop()
        self.publish_all()
        reader.go_on()
        reader.expect("^disconnected")
        reader.expect("^connected again=1")
        reader.expect(f"^policy {DISCONNECT}$")
        report = self.report_of(reader)
        self.assertGreater(report["lost"], 0)
        # what was published while it was away was never its own
        self.assertLessEqual(report["received"] + report["lost"], COUNT)


if __name__ == "__main__":
    unittest.main()
