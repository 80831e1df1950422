#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel top: as text and JSON for scripts, and as a screen on a real terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unittest

from cli import PATIENCE, UMBEL, CliTest

ESCAPES = re.compile(rb"\x1b\[[?0-9;]*[a-zA-Z]")


class Top(CliTest):
    def setUp(self):
        super().setUp()
        self.env["TERM"] = "xterm"

    def publish_without_end(self, topic, name):
        """As fast as the test writes."""
        return self.spawn(UMBEL, "pub", "--name", name, topic, "--lines", stdin=-1, stderr=-3)

    def top(self, *args):
        done = self.umbel("top", "--interval", 0.1, *args)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    # as text

    def test_sessions_processes_and_topics_are_told_with_their_rates(self):
        self.start_broker()
        sub = self.subscribe("--name", "reader", "door.*", stdout=-3)
        self.pub("door.front", "x", "--retain")
        told = json.loads(self.top("--once", "--json"))
        [reader] = [row for row in told["rows"] if row["name"] == "reader"]
        self.assertEqual((reader["pid"], reader["uid"], reader["subscribes"]), (sub.pid, os.getuid(), ["door.*"]))
        self.assertEqual((told["by"], told["broker"]["sessions"]), ("session", 2))
        # what umbel ls has is called the same here, and all has the same form
        [same] = json.loads(self.umbel("ls", "clients", "--json", "--session", reader["session"]).stdout.splitlines()[0]),
        self.assertEqual({key: same[key] for key in reader if key in same},
                         {key: reader[key] for key in ("session", "uid", "pid", "name", "queued_bytes", "dropped")})
        self.assertEqual({key for key in reader if key not in same},
                         {"in_per_second", "out_per_second", "held_by", "subscribes"})
        for figure in re.findall(r"_per_second\":([^,}]*)", self.top("--once", "--json")):
            self.assertRegex(figure, r"^\d+\.\d{1,3}$")
        [row] = [row for row in json.loads(self.top("--once", "--json", "--by", "process"))["rows"] if row["pid"] == sub.pid]
        self.assertEqual((row["sessions"], row["subscriptions"]), (1, 1))
        [row] = json.loads(self.top("--once", "--json", "--by", "topic"))["rows"]
        self.assertEqual((row["topic"], row["receivers"]), ("door.front", 2))  # and top
        lines = self.top("--once", "--sort", "name").splitlines()
        self.assertTrue(lines[0].startswith(f"{self.socket}: umbeld "))
        self.assertEqual(lines[4].split()[:4], ["SESSION", "USER", "PID", "NAME"])
        self.assertEqual([line.split()[3] for line in lines[5:]], ["reader", "umbel"])

    def test_progress_is_told_on_a_terminal(self):
        self.start_broker()
        told = self.told_on_a_terminal("top", "--once", "--interval", 1.1)
        self.assertRegex(told, rb"^measuring for 1 s \.\.\.\x1b\[K\r")
        self.assertTrue(told.endswith(b"\x1b[K"), told)

    def test_without_once_it_goes_on_until_nobody_reads(self):
        self.start_broker()
        top = self.spawn(UMBEL, "top", "--json", "--interval", 0.1, stdout=-1)
        said = [json.loads(top.stdout.readline()) for _ in range(3)]
        self.assertGreater(said[2]["broker"]["uptime_ms"], said[0]["broker"]["uptime_ms"])
        self.assertGreater(said[2]["broker"]["in_per_second"], 0)  # its own questions
        top.stdout.close()
        self.assertEqual(top.wait(PATIENCE), 0)

    def test_topics_are_counted_while_they_are_watched(self):
        self.start_broker()
        top = self.spawn(UMBEL, "top", "--json", "--by", "topic", "--interval", 0.1, stdout=-1)
        publisher = self.publish_without_end("busy.topic", "source")
        rate = 0
        while rate == 0:
            publisher.stdin.write(b"hello\n" * 10)
            publisher.stdin.flush()
            for row in json.loads(top.stdout.readline())["rows"]:
                if row["topic"] == "busy.topic" and row["per_second"] > 0:
                    self.assertEqual(row["from"], "source")
                    self.assertAlmostEqual(row["bytes_per_second"] / row["per_second"], 5, delta=0.1)
                    rate = row["per_second"]

    def test_what_is_wrong_is_said(self):
        for args, words in ((["--by", "colour"], b"session, process or topic"), (["--sort", "colour"], b"there are session, user"),
                            (["--interval", "0"], b"0.1 to 3600"), (["--interval", "x"], b"not a number"), (["door"], b"no arguments")):
            done = self.umbel("top", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)
        self.assertEqual(self.umbel("top", "--once").returncode, 4)

    def test_who_may_not_ask_is_told_why(self):
        with open(f"{self.folder}/umbeld.yaml", "w", encoding="ascii") as config:
            config.write("acl:\n  - allow: [publish]\n    who: [everyone]\n    topics: [a]\n")
        self.start_broker("--config", f"{self.folder}/umbeld.yaml")
        done = self.umbel("top", "--once")
        self.assertEqual((done.returncode, done.stdout), (6, b""))
        self.assertIn(b"introspect", done.stderr)
        self.open_terminal(80, 24)
        top = self.start_on_terminal()
        self.assertEqual(top.wait(PATIENCE), 6)
        self.wait_for(lambda: b"introspect" in self.written.rpartition(b"\x1b[?1049l")[2])

    # as a screen

    def open_terminal(self, columns, rows):
        self.ours, self.its = pty.openpty()
        for fd in self.ours, self.its:
            self.addCleanup(os.close, fd)
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.its)
        self.written = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def start_on_terminal(self, *args):
        return self.spawn(UMBEL, "top", "--interval", 0.2, *args, stdin=self.its, stdout=self.its, stderr=self.its,
                          start_new_session=True)

    def page(self):
        """The lines of the last whole page."""
        pages = self.written.split(b"\x1b[H")
        last = pages[-1] if b"\x1b[J" in pages[-1] else pages[-2]
        return ESCAPES.sub(b"", last).decode().replace("\r", "").split("\n")

    def wait_for(self, there):
        """Read what is written until `there()`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if there():
                    return
            except IndexError:  # there are no two pages yet
                pass
            self.assertLess(time.monotonic(), deadline, self.written[-3000:])
            if select.select([self.ours], [], [], 0.1)[0]:
                self.written += os.read(self.ours, 1 << 16)

    def press(self, keys):
        os.write(self.ours, keys)

    def expect_left(self, top, status=0):
        """The terminal is as it was."""
        self.assertEqual(top.wait(PATIENCE), status)
        self.wait_for(lambda: b"\x1b[?1049l" in self.written)
        self.assertIn(b"\x1b[?25h", self.written)
        self.assertEqual(termios.tcgetattr(self.its), self.modes)

    def test_a_screen_with_views_that_keys_choose(self):
        self.start_broker()
        self.subscribe("--name", "日本語" * 7, "a.*", stdout=-3)
        self.pub("a.b", "1", "--retain")
        self.open_terminal(80, 24)
        top = self.start_on_terminal()
        self.wait_for(lambda: "SESSION" in self.page()[4] and "a.*" in "".join(self.page()))
        self.assertLessEqual(max(map(len, self.page())), 80)
        self.assertEqual(len(self.page()), 24)
        for key, heading, foot in ((b"t", "TOPIC", "by rate"), (b"p", "COMMAND", "by out"), (b">", "QUEUED", "by queued"),
                                   (b"r", "QUEUED", "by queued (reversed)"), (b"\x1b[D", "COMMAND", "by out (reversed)"),
                                   (b"s", "SESSION", "by out")):
            self.press(key)
            self.wait_for(lambda: heading in self.page()[4] and self.page()[-1].endswith(foot))
        self.press(b"h")
        self.wait_for(lambda: "any key: back" in "".join(self.page()))
        self.press(b"x")
        self.wait_for(lambda: "any key: back" not in "".join(self.page()))
        self.press(b"q")
        self.expect_left(top)

    def test_it_follows_the_size_of_the_terminal(self):
        self.start_broker()
        self.subscribe("some.filter.that.is.much.longer.than.a.narrow.terminal.is.wide", stdout=-3)
        self.open_terminal(120, 10)
        top = self.start_on_terminal()
        self.wait_for(lambda: len(self.page()) == 10 and "is.wide" in "".join(self.page()))
        self.resize(60, 30)
        top.send_signal(signal.SIGWINCH)
        self.wait_for(lambda: len(self.page()) == 30 and max(map(len, self.page())) <= 60)
        self.resize(20, 4)
        self.wait_for(lambda: len(self.page()) == 4)
        self.press(b"\x03")
        self.expect_left(top)

    def test_many_sessions_scroll(self):
        self.start_broker()
        self.subscribe(*(f"f.{i}" for i in range(50)), stdout=-3)
        publishers = [self.publish_without_end("x", f"p{i}") for i in range(25)]
        self.open_terminal(80, 16)
        self.start_on_terminal("--sort", "session")
        self.wait_for(lambda: self.page()[-1].endswith(f"1-10 of {len(publishers) + 2} by session"))
        self.press(b"\x1b[6~")
        self.wait_for(lambda: "11-20 of 27" in self.page()[-1])
        self.press(b"\x1b[F")
        self.wait_for(lambda: "18-27 of 27" in self.page()[-1])
        self.press(b"\x1b[A")
        self.wait_for(lambda: "17-26 of 27" in self.page()[-1])

    def test_it_shows_the_column_that_it_sorts_by(self):
        self.start_broker()
        self.subscribe("--name", "a.long.name.of.somebody", "a.filter.that.takes.room", stdout=-3)
        self.open_terminal(40, 10)
        self.start_on_terminal("--sort", "dropped")  # nobody lost anything
        self.wait_for(lambda: self.page()[4].startswith("SESSION") and "DROPPED" in self.page()[4])
        for key, column in (b">", "HELD BY"), (b">", "SUBSCRIBES"), (b"<", "HELD BY"):
            self.press(key)
            self.wait_for(lambda: self.page()[4].startswith("SESSION") and column in self.page()[4])

    def test_it_says_that_the_broker_does_not_answer(self):
        broker = self.start_broker()
        self.open_terminal(80, 24)
        self.start_on_terminal()
        self.wait_for(lambda: f"pid {broker.pid}," in self.page()[0] and self.page()[3] == "")
        broker.send_signal(signal.SIGSTOP)
        self.wait_for(lambda: re.fullmatch(r"no answer for \d+ s: .* busy or stopped", self.page()[3]))
        broker.send_signal(signal.SIGCONT)
        self.wait_for(lambda: self.page()[3] == "")

    def test_it_says_that_the_broker_is_shutting_down(self):
        broker = self.start_broker("--drain-ms", PATIENCE * 1000)
        self.subscribe("x", stdout=-3).send_signal(signal.SIGSTOP)  # the broker waits for its last word
        self.open_terminal(80, 24)
        self.start_on_terminal("--interval", 3600)
        self.wait_for(lambda: f"pid {broker.pid}," in self.page()[0] and self.page()[3] == "")
        broker.send_signal(signal.SIGTERM)
        self.wait_for(lambda: self.page()[3] == "the broker is shutting down; waiting for the next")
        self.crash(broker)
        self.wait_for(lambda: self.page()[3] == "no broker; waiting for it to return")

    def test_it_outlives_the_broker(self):
        broker = self.start_broker()
        self.open_terminal(80, 24)
        top = self.start_on_terminal()
        self.wait_for(lambda: f"pid {broker.pid}," in self.page()[0])
        self.crash(broker)
        self.wait_for(lambda: "no broker" in self.page()[3])
        another = self.start_broker()
        self.wait_for(lambda: f"pid {another.pid}," in self.page()[0])
        another.send_signal(signal.SIGSTOP)
        self.press(b"q")  # is heeded although an answer is awaited
        self.expect_left(top)

    def test_however_it_ends_the_terminal_is_as_it_was(self):
        self.start_broker()
        for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0)):
            self.open_terminal(80, 24)
            top = self.start_on_terminal()
            self.wait_for(lambda: "SESSION" in self.page()[4])
            top.send_signal(number)
            self.expect_left(top, status)

    def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(self):
        self.start_broker()
        self.open_terminal(80, 24)
        # the kernel stops nobody whose process group has no parent in the session, as ours has none under nohup
        top = self.spawn(UMBEL, "top", "--interval", 0.2, stdin=self.its, stdout=self.its, stderr=self.its,
                         preexec_fn=os.setpgrp)
        self.wait_for(lambda: "SESSION" in self.page()[4])
        self.press(b"\x1a")
        os.waitid(os.P_PID, top.pid, os.WSTOPPED)
        self.assertEqual(termios.tcgetattr(self.its), self.modes)
        self.wait_for(lambda: b"\x1b[?1049l" in self.written)
        top.send_signal(signal.SIGCONT)
        self.wait_for(lambda: b"\x1b[?1049h" in self.written.rpartition(b"\x1b[?1049l")[2])
        self.press(b"q")
        self.expect_left(top)

    def test_a_terminal_that_can_do_nothing_gets_text(self):
        self.start_broker()
        self.env["TERM"] = "dumb"
        self.open_terminal(80, 24)
        self.start_on_terminal()
        self.wait_for(lambda: self.written.count(b"SESSION") > 1)
        self.assertNotIn(b"\x1b", self.written)


if __name__ == "__main__":
    unittest.main()
