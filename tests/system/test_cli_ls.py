#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel ls: what the broker knows, for people and for programs."""

import fcntl
import getpass
import json
import os
import pty
import signal
import struct
import termios
import time
import unittest

from cli import PATIENCE, UMBEL, CliTest


class Ls(CliTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def ls(self, *args):
        done = self.umbel("ls", *args)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def rows(self, *args):
        return [json.loads(line) for line in self.ls("--json", *args).splitlines()]

    def on_terminal(self, columns, *args):
        """What it prints on a terminal so wide, as lines."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        process = self.spawn(UMBEL, "ls", *args, stdin=its, stdout=its, stderr=its)
        os.close(its)
        out = b""
        with open(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    out += terminal.read(4096)
                except OSError:  # its end is closed
                    break
        self.assertEqual(process.wait(PATIENCE), 0, out)
        return out.decode().replace("\r", "").splitlines()

    def test_clients_are_told_in_the_order_in_which_they_came(self):
        subs = [self.subscribe(name) for name in ("b", "a", "c")]
        rows = self.rows("clients")
        self.assertEqual([row["pid"] for row in rows[:3]], [sub.pid for sub in subs])
        self.assertEqual([row["name"] for row in rows], 3 * ["umbel sub"] + ["umbel ls"])
        lines = self.ls("clients").splitlines()
        self.assertEqual(lines[0].split()[:5], ["SESSION", "USER", "PID", "COMMAND", "NAME"])
        self.assertEqual(lines[1].split()[:4], [str(rows[0]["session"]), getpass.getuser(), str(subs[0].pid), "umbel"])

    def test_subs_are_sorted_by_filter_with_group_and_name(self):
        self.subscribe("z.**")
        self.subscribe("--group", "g", "--name", "worker", "a.*")
        lines = self.ls("subs").splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["FILTER", "a.*", "z.**"])
        self.assertEqual(lines[1].split()[1::4], ["g", "worker"])
        self.assertEqual([row["filter"] for row in self.rows("subs", "--filter", "z.**")], ["z.**"])

    def test_topics_are_sorted_with_receivers_and_the_age_of_values(self):
        self.subscribe("x.*")
        for topic in ("x.b", "x.a", "y"):
            self.pub(topic, "hello", *(["--retain"] if topic != "y" else []))
        rows = self.rows("topics", "--filter", "x.*")
        self.assertEqual([(row["topic"], row["receivers"]) for row in rows], [("x.a", 1), ("x.b", 1)])
        self.assertIn("age_ms", rows[0])
        lines = self.ls("topics").splitlines()
        self.assertEqual([line.split()[0] for line in lines][:3], ["TOPIC", "x.a", "x.b"])

    def test_the_broker_tells_its_figures(self):
        figures = dict(line.split() for line in self.ls("broker").splitlines())
        self.assertEqual(figures["pid"], str(self.broker.pid))
        self.assertEqual(figures["limits.outbox_high"], str(8 << 20))
        [row] = self.rows("broker")
        self.assertEqual(row["limits"]["outbox_high"], 8 << 20)

    def test_one_session_or_user_alone_can_be_asked_for(self):
        self.subscribe("a")
        self.subscribe("b")
        session = self.rows("clients")[1]["session"]
        self.assertEqual([row["filter"] for row in self.rows("subs", "--session", session)], ["b"])
        self.assertEqual(len(self.rows("clients", "--user", getpass.getuser())), 3)
        self.assertEqual(len(self.rows("clients", "--uid", os.getuid())), 3)
        self.assertEqual(self.umbel("ls", "clients", "--uid", 54321).returncode, 1)

    def test_a_table_fits_its_terminal_and_a_pipe_gets_all(self):
        name = "a-name-that-is-as-long-as-sixty-four-bytes-can-be-and-no-longer"
        self.subscribe("--name", name, "some.topic.that.is.very.long." + "x" * 60)
        for columns in (80, 70):
            for kind in ("clients", "subs"):
                lines = self.on_terminal(columns, kind)
                self.assertLessEqual(max(map(len, lines)), columns)
                self.assertIn("…", lines[1])
                self.assertIn(name, self.ls(kind))

    def test_nothing_that_a_client_calls_itself_upsets_a_terminal(self):
        link = f"{self.folder}/\x1b[2J"
        os.symlink(UMBEL, link)
        sub = self.spawn(link, "sub", "a", stdout=-3)
        deadline = time.monotonic() + PATIENCE
        while str(sub.pid) not in self.ls("clients"):
            self.assertLess(time.monotonic(), deadline)
        self.assertIn("\\x1b[2J", self.ls("clients"))
        self.assertNotIn("\x1b", self.ls("clients") + self.ls("clients", "--json"))

    def test_a_list_of_many_pages_is_whole(self):
        filters = [f"a.filter.that.is.a.bit.longer.than.most.{i:05}" for i in range(5000)]
        self.subscribe(*filters)
        self.assertEqual([row["filter"] for row in self.rows("subs") if row["filter"].startswith("a.")], filters)

    def test_what_is_wrong_is_said(self):
        for args, words in (([], b"wants one of"),
                            (["sessions"], b"no list of sessions"),
                            (["topics", "--session", 1], b"for clients and subs"),
                            (["clients", "--filter", "a"], b"for subs and topics"),
                            (["clients", "--user", "no such user"], b"no user"),
                            (["subs", "--filter", "a..b"], b"a..b")):
            done = self.umbel("ls", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)

    def test_without_a_broker_it_says_so(self):
        self.crash(self.broker)
        self.assertEqual(self.umbel("ls", "clients").returncode, 4)

    def test_ctrl_c_ends_it_while_the_broker_is_stopped(self):
        self.broker.send_signal(signal.SIGSTOP)
        ls = self.spawn(UMBEL, "ls", "clients", "--wait", PATIENCE)
        ls.send_signal(signal.SIGINT)
        self.assertIn(ls.wait(PATIENCE), (130, -signal.SIGINT))


class Trouble(CliTest):
    def test_who_waits_for_whom_is_told(self):
        self.start_broker("--outbox-high", 1 << 20, "--stall-ms", 600000, "--hold-max-ms", 600000)
        self.subscribe("t").send_signal(signal.SIGSTOP)
        lines = f"{self.folder}/lines"
        with open(lines, "wb") as file:
            file.write((b"x" * 60000 + b"\n") * 100)
        with open(lines, "rb") as file:
            self.spawn(UMBEL, "pub", "t", "--lines", stdin=file, stderr=-3)
        deadline = time.monotonic() + PATIENCE
        told = b""
        while b"is held up by session 1\n" not in told:
            self.assertLess(time.monotonic(), deadline, told)
            told = self.umbel("ls", "clients").stdout

    def test_who_may_not_ask_is_told_why(self):
        with open(f"{self.folder}/umbeld.yaml", "w", encoding="ascii") as config:
            config.write("acl:\n  - allow: [publish]\n    who: [everyone]\n    topics: [a]\n")
        self.start_broker("--config", f"{self.folder}/umbeld.yaml")
        done = self.umbel("ls", "clients")
        self.assertEqual((done.returncode, done.stdout), (6, b""))
        self.assertIn(b"introspect", done.stderr)


if __name__ == "__main__":
    unittest.main()
