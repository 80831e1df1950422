#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Each example does what its first lines say."""

import json
import os
import signal
import socket
import subprocess
import unittest

from cli import BIN, PATIENCE, CliTest

EXAMPLES = BIN / "examples"


class Examples(CliTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def example(self, name, *args, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return self.spawn(EXAMPLES / name, *args, **options)

    def test_hello_hears_itself_and_others(self):
        hello = self.example("hello")
        self.assertEqual(hello.stdout.readline(), b"door.front: open\n")
        self.pub("door.back", "shut")
        self.assertEqual(hello.stdout.readline(), b"door.back: shut\n")

    def test_no_loop_publishes_once_and_exits(self):
        sub = self.subscribe("--json", "--count", 1, "note")
        self.finish(self.example("no_loop", "note", "text"))
        self.assertEqual(json.loads(self.finish(sub))["payload"], "text")

    def test_no_loop_says_that_there_is_no_broker(self):
        self.crash(self.broker)
        program = self.example("no_loop", "note", "text")
        self.assertEqual(program.wait(PATIENCE), 1)
        self.assertIn(self.socket.encode(), program.stderr.read())

    def test_threads_lose_nothing_and_keep_each_ones_order(self):
        out = self.finish(self.example("threads", 8, 2000))
        self.assertEqual(out, b"8 threads, 16000 messages, 16000 came, "
                              b"0 out of order\n")

    def test_epoll_loop_is_a_chat(self):
        one = self.example("epoll_loop", "room", stdin=subprocess.PIPE)
        two = self.example("epoll_loop", "room", stdin=subprocess.PIPE)
        for program in (one, two):
            self.wait_for_line(program.stderr, b"* in chat.room")
        one.stdin.write(b"hello two\n")
        one.stdin.flush()
        self.assertEqual(two.stdout.readline(),
                         b"[uid %d] hello two\n" % os.getuid())
        two.stdin.write(b"hello one\n")
        two.stdin.flush()
        self.assertEqual(one.stdout.readline(),
                         b"[uid %d] hello one\n" % os.getuid())
        for program in (one, two):
            program.stdin.close()
            self.assertEqual(program.wait(PATIENCE), 0)

    def test_epoll_loop_says_what_is_in_a_file_and_ends(self):
        sub = self.subscribe("--count", 1, "chat.*")
        with open(f"{self.folder}/said", "w+b") as file:
            file.write(b"read this\n")
            file.flush()
            file.seek(0)
            self.assertEqual(self.example("epoll_loop", stdin=file).wait(PATIENCE), 0)
        self.assertEqual(self.finish(sub), b"chat.lobby read this\n")
        self.assertEqual(self.example("epoll_loop", stdin=subprocess.DEVNULL).wait(PATIENCE), 0)

    def test_epoll_loop_outlives_its_broker(self):
        one = self.example("epoll_loop", stdin=subprocess.PIPE)
        self.wait_for_line(one.stderr, b"* in chat.lobby")
        self.crash(self.broker)
        self.wait_for_line(one.stderr, b"* not connected")
        self.start_broker()
        self.wait_for_line(one.stderr, b"* in chat.lobby")
        self.pub("chat.lobby", "back")
        self.assertIn(b"back", one.stdout.readline())

    def loops(self):
        """Those whose library was there when this was built."""
        loops = [path.name for path in EXAMPLES.glob("*_loop") if path.name not in ("no_loop", "epoll_loop")]
        self.assertIn("libevent_loop", loops)
        return loops

    def test_loops_tick(self):
        programs = [self.example(name, 2) for name in self.loops()]
        for program in programs:
            self.assertEqual(self.finish(program).count(b"tick, "), 2)

    def test_loops_tick_on_after_a_crash_and_end_with_an_interrupt(self):
        programs = [self.example(name) for name in self.loops()]
        for program in programs:
            self.wait_for_line(program.stdout, b"tick")
        self.crash(self.broker)
        self.start_broker()
        sub = self.subscribe("--json", "clock.tick")
        ticking = set()
        while len(ticking) < len(programs):
            ticking.add(json.loads(sub.stdout.readline())["sender"]["session"])
        for program in programs:
            program.send_signal(signal.SIGINT)
            self.assertEqual(program.wait(PATIENCE), 0)


class Requests(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def ask(self, *args, status=0):
        asker = self.spawn(EXAMPLES / "requests", *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = asker.communicate(timeout=PATIENCE)
        self.assertEqual(asker.returncode, status, err)
        return out or err

    def test_without_a_service_those_who_ask_are_told_so(self):
        self.assertEqual(self.ask("sum", "1", status=1), b"requests: request on calc.sum: nobody listens on calc.sum\n")
        self.assertEqual(self.ask("count", "1", status=1), b"requests: nobody listens on calc.count\n")

    def test_the_service_does_sums_counts_and_says_what_is_wrong(self):
        service = self.spawn(EXAMPLES / "requests", "serve", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**self.env, "UMBEL_DEBUG": "1"})
        for line in service.stderr:
            if b"< OK request=2" in line:
                break
        self.assertEqual(self.ask("sum", "1", "2", "3"), b"6\n")
        self.assertEqual(self.ask("count", "3"), b"1\n2\n3\n")
        self.assertEqual(self.ask("sum", "1", "x", status=1),
                         b"requests: request on calc.sum: that is no number\n")
        self.assertEqual(self.ask("count", "x", status=1), b"requests: count to what?\n")


class Host(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_the_publisher_tells_load_memory_disk_and_network(self):
        sub = self.subscribe("--json", "--count", 4, "host.**")
        self.spawn(EXAMPLES / "host_publisher", "-i", "0.05", "-n", "a.b",
                   stderr=subprocess.DEVNULL)
        messages = [json.loads(line) for line in self.finish(sub).splitlines()]
        told = {message["topic"]: message["payload"] for message in messages}
        self.assertEqual(list(told), ["host.a-b.load", "host.a-b.memory",
                                      "host.a-b.disk", "host.a-b.network"])
        for message in messages:
            self.assertEqual(message["headers"], {"content-type": "msgpack"})
        self.assertEqual(told["host.a-b.load"]["cpus"], os.cpu_count())
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.assertAlmostEqual(told["host.a-b.memory"]["total"] / total, 1, 1)
        disk = os.statvfs("/")
        self.assertEqual(told["host.a-b.disk"]["total"],
                         disk.f_blocks * disk.f_frsize)
        self.assertIn("received", told["host.a-b.network"])

    def test_dots_in_the_name_of_this_host_become_dashes(self):
        sub = self.subscribe("--json", "--count", 1, "host.*.load")
        self.spawn(EXAMPLES / "host_publisher", stderr=subprocess.DEVNULL)
        name = socket.gethostname().replace(".", "-")
        self.assertEqual(json.loads(self.finish(sub))["topic"],
                         f"host.{name}.load")

    def test_the_table_has_a_row_for_each_host(self):
        table = self.spawn(EXAMPLES / "host_table", stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        self.wait_for_line(table.stderr, b"connected")
        self.pub("--msgpack", "host.x.load", '{"load1":1.25,"cpus":2}')
        self.assertIn(b"1.25", self.wait_for_line(table.stdout, b"x  "))
        self.pub("--stdin", "host.x.load", input=b"\x81\xa5load1")
        self.pub("host.y.load", "nonsense")
        self.pub("--msgpack", "host.y.memory",
                 '{"total":2147483648,"available":1073741824}')
        self.assertIn(b"1.0 G of 2.0 G",
                      self.wait_for_line(table.stdout, b"y  "))

    def test_an_alert_is_raised_and_cleared_with_some_play_between(self):
        sub = self.subscribe("--json", "--count", 3, "alert.**")
        alarm = self.spawn(EXAMPLES / "load_alert", "-t", "1",
                           stderr=subprocess.PIPE)
        self.wait_for_line(alarm.stderr, b"connected")
        loads = (0.9, 1.1, 0.9, 1.2, 0.7, 0.9, 1.0)
        self.pub("--lines", "--msgpack", "host.x.load", input="".join(
            f'{{"load1":{2 * load},"cpus":2}}\n' for load in loads).encode())
        alerts = [json.loads(line) for line in self.finish(sub).splitlines()]
        self.assertEqual([alert["topic"] for alert in alerts],
                         ["alert.x.load"] * 3)
        self.assertEqual([(alert["payload"]["state"], alert["payload"]["load"])
                          for alert in alerts],
                         [("raised", 1.1), ("cleared", 0.7), ("raised", 1.0)])

    def test_an_alert_that_holds_is_said_again(self):
        sub = self.subscribe("--count", 3, "alert.**")
        alarm = self.spawn(EXAMPLES / "load_alert", "-t", "0", "-r", "0",
                           stderr=subprocess.PIPE)
        self.wait_for_line(alarm.stderr, b"connected")
        self.pub("--lines", "--msgpack", "host.x.load",
                 input=b'{"load1":1,"cpus":1}\n' * 3)
        self.assertEqual(self.finish(sub).count(b"raised"), 3)


if __name__ == "__main__":
    unittest.main()
