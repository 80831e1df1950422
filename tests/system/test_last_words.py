#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What a program has published is routed, however soon it ends; and publishing to nobody is no error."""

import unittest

from harness import Case, publish, wire

SIZE = 1024
MANY = 5 << 20  # bytes: more than the kernel and the broker's buffers take at once


class LastWords(Case):
    def setUp(self):
        super().setUp()
        self.watcher = None

    def start(self, *flags):
        broker = self.broker("--settle-ms", "0", *flags)
        self.watcher = self.subscriber("last.**", name="watcher")
        return broker

    def test_a_program_that_publishes_once_and_ends_is_heard(self):
        self.start()
        for flags in ([], ["-x"]):
            with self.subTest(flags=flags):
                self.assertEqual(self.program("once", *flags, "last.word", "good bye").wait(), 0)
                self.expect_message(self.watcher, "last.word", b"good bye")

    def test_it_is_heard_also_when_the_broker_starts_after_it(self):
        programs = [self.program("once", "last.word", str(n)) for n in range(5)]
        self.start("--settle-ms", "1000")
        self.assertEqual([program.wait() for program in programs], [0] * 5)
        self.assertEqual(sorted(self.watcher.receive().tree[6] for _ in programs), [b"0", b"1", b"2", b"3", b"4"])

    def test_of_a_writer_that_closes_at_once_all_is_routed(self):
        self.start()
        count = MANY // SIZE
        for good_bye in ([], [[wire.GOAWAY, "", 0]]):
            writer = self.connection("writer")
            writer.queue([wire.HELLO, 1, "writer", {}],
                         *(publish("last.many", n.to_bytes(4, "big") + bytes(SIZE - 4)) for n in range(count)), *good_bye)
            wire.pump([writer, self.watcher], lambda: not writer.queued, "5 MB to be written")
            writer.close()
            wire.pump([self.watcher], lambda: len(self.watcher.frames) >= count, "5 MB to be routed")
            got = [int.from_bytes(frame.tree[6][:4], "big") for frame in self.watcher.frames]
            self.assertEqual(got, list(range(count)))
            self.watcher.frames.clear()

    def test_of_a_writer_that_closes_while_a_reader_is_slow_all_is_routed(self):
        self.start("--outbox-high", "64K", "--stall-ms", "600000", "--hold-max-ms", "600000", "--hold-notice-ms", "10")
        count = 4096
        noticer = self.session("noticer")
        writer = self.session("writer")
        self.watcher.paused = True
        writer.queue(*(publish("last.many", n.to_bytes(4, "big") + bytes(SIZE - 4)) for n in range(count)))
        wire.pump([writer], lambda: writer.frames, "the writer to be held")
        noticer.queue(publish("last.held", b""))  # in line behind the writer
        wire.pump([noticer], lambda: noticer.frames, "the noticer to be held")
        self.watcher.paused = False
        wire.pump([writer, self.watcher], lambda: not writer.queued, "all to be written")
        writer.close()
        wire.pump([noticer, self.watcher], lambda: len(self.watcher.frames) > count, "all to be routed")
        got = [int.from_bytes(frame.tree[6][:4], "big") for frame in self.watcher.frames if frame.tree[3] == "last.many"]
        self.assertEqual(got, list(range(count)))

    def test_a_publisher_to_nobody_goes_on_and_is_counted(self):
        broker = self.start()
        publisher = self.session("publisher")
        publisher.queue(*(publish("nobody.listens", bytes(SIZE)) for _ in range(20000)))
        wire.pump([publisher], lambda: not publisher.queued, "all to be written")
        before, counts = publisher.barrier()
        self.assertEqual((before, counts), ([], (20000, 20000, 0)))
        report = self.program("publisher", "-c", 20000, "nobody.either").report()
        self.assertEqual((report["holds"], report["refused"], report["unconfirmed_at_close"]), (0, 0, 0))
        self.assertEqual(self.watcher.barrier()[0], [])
        self.assertNotIn("warn", broker.text())


if __name__ == "__main__":
    unittest.main()
