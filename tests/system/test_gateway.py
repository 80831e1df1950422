#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""The HTTP gateway of the real daemon: who is seen, who may what, who waits for whom, and how it ends."""

import json
import os
import signal
import stat
import unittest

import exposition
from gateway import GatewayCase
from harness import Process, binary, publish, wait_until, wire

RULES = """
acl:
  - allow: [publish, subscribe]
    who: [everyone]
    topics: [public.**]
  - deny: [publish]
    who: [everyone]
    topics: [public.closed]
"""


class Gateway(GatewayCase):
    def test_it_is_off_unless_it_is_asked_for(self):
        self.broker("--settle-ms", "0")
        self.assertEqual(sorted(os.listdir(self.directory)), ["sock", "sock.lock"])

    def test_its_socket_is_ours_alone_and_goes_with_the_broker(self):
        broker = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.http).st_mode), 0o600)
        broker.crash()
        broker = self.start("--http-mode", "0666")  # over the one that was left behind
        self.assertEqual(stat.S_IMODE(os.stat(self.http).st_mode), 0o666)
        second = self.process(binary("umbeld"), "--socket", self.path + "2", "--http", self.http)
        self.assertEqual(second.wait(), 1)
        self.assertIn(f"serves {self.http} already; stop it, or choose another path with --http", second.text())
        broker.terminate()
        self.assertFalse(os.path.lexists(self.http))

    def test_a_connection_is_a_session_that_others_see(self):
        self.start()
        watcher = self.subscriber("$SYS.client.**")
        raw = self.raw()
        raw.ask("GET", "/healthz", User_Agent="test/1 (x)")
        come = wire.parse(watcher.receive().tree[6]).plain()
        self.assertEqual({key: come[key] for key in ("name", "uid", "pid")}, {"name": "http test/1", "uid": os.getuid(), "pid": os.getpid()})
        listed = {session["session"]: session for session in self.listed("sessions")}
        self.assertEqual(listed[come["session"]]["name"], "http test/1")
        raw.close()
        gone = [wire.parse(watcher.receive().tree[6]).plain() for _ in range(3)]  # two of listed() are among them
        self.assertIn((come["session"], "closed"), [(one["session"], one.get("reason")) for one in gone])

    def test_the_same_rules_hold(self):
        file = self.directory / "umbeld.yaml"
        file.write_text(RULES, encoding="ascii")
        broker = self.start("--config", str(file))
        self.assertEqual(self.ask("POST", "/topics/public.a", b"x")[0], 200)
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)
        for request, words in ((("POST", "/topics/private", b"x"), "no rule allows"), (("POST", "/topics/public.closed", b"x"), ":6"),
                               (("POST", "/topics/public.a?retain=1", b"x"), "retain"), (("GET", "/topics/private"), "subscribe"),
                               (("GET", "/subscribe?filter=**"), "subscribe"), (("GET", "/sessions"), "introspect"),
                               (("GET", "/metrics"), "introspect"), (("POST", "/requests/$SYS.broker.info", b""), "introspect")):
            with self.subTest(request=request):
                status, _, body = self.ask(*request)
                self.assertEqual(status, 403, body)
                self.assertIn(words, json.loads(body)["error"])
        reader = self.raw()
        reader.events("/subscribe?filter=public.a&filter=public.b")
        file.write_text(RULES.replace("public.**", "public.a"), encoding="ascii")
        broker.signal(signal.SIGHUP)
        name, data = reader.event()
        self.assertEqual((name, data["error"], data["filter"]), ("refused", "revoked", "public.b"))
        file.write_text("acl: []\n", encoding="ascii")
        broker.signal(signal.SIGHUP)
        self.assertEqual(reader.event()[1]["filter"], "public.a")
        self.assertIsNone(reader.event())

    def test_a_rule_may_be_for_those_who_come_by_http(self):
        file = self.directory / "umbeld.yaml"
        file.write_text("http-role: web\nacl:\n  - {allow: [publish], who: [role web], topics: [a]}\n", encoding="ascii")
        broker = self.start("--config", str(file))
        broker.expect("speaking http socket=.* role=web")
        self.assertEqual(self.ask("POST", "/topics/a", b"x")[0], 200)
        session = self.session()
        session.publish("a", b"x")
        self.assertEqual(session.receive().tree[1], wire.REFUSAL_CODES["denied"])

    def test_a_reader_that_stalls_is_evicted_like_any_and_nobody_else_loses(self):
        broker = self.start("--outbox-high", "200000", "--stall-ms", "300")
        stalled = self.raw()
        stalled.events("/subscribe?filter=bulk")
        reader, publisher = self.subscriber("bulk"), self.session("publisher")
        count = 300
        publisher.queue(*(publish("bulk", bytes(10000)) for _ in range(count)), [wire.PING, 1])
        wire.pump([reader, publisher], lambda: len(reader.frames) == count and publisher.frames, "all to arrive")
        lost = int(broker.expect(r"evicted session=\d+ name=\"http\" .*took no byte for 300 ms.*; lost messages=(\d+)")[1])
        events = []
        while (event := stalled.event()) is not None:
            events.append(event)
        names = [name for name, _ in events]
        self.assertEqual(names[-2:], ["gap", "end"])
        self.assertEqual(events[-1][1]["error"], "slow_consumer")
        self.assertEqual(events[-2][1]["frames"], lost)
        self.assertEqual(names[:-2], (len(names) - 2) * ["message"])
        self.assertLess(names.count("message") + lost, count)

    def test_a_publisher_over_http_waits_for_a_full_subscriber(self):
        self.start("--outbox-high", "100000")
        slow, raw = self.subscriber("bulk", name="slow"), self.raw()
        n = 0
        while True:
            raw.send(b"POST /topics/bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + bytes(60000))
            n += 1
            raw.socket.settimeout(0.3)
            try:
                self.assertEqual(raw.answer()[0], 200)
            except TimeoutError:
                break
        raw.socket.settimeout(wire.DEADLINE)
        raw.file = raw.socket.makefile("rb")
        for _ in range(n):
            self.assertEqual(slow.receive().tree[3], "bulk")
        self.assertEqual(raw.answer()[0], 200)

    def test_a_stop_ends_streams_and_lets_requests_finish(self):
        broker = self.start()
        responder = self.subscriber("question", name="responder")
        reader, asker = self.raw(), self.raw()
        reader.events("/subscribe?filter=a")
        asker.send(b"POST /requests/question HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n?")
        reply = responder.receive().tree[4]
        broker.signal(signal.SIGTERM)
        self.assertEqual(reader.event()[1]["error"], "goaway")
        self.assertIsNone(reader.event())
        self.assertEqual(responder.receive().type, wire.GOAWAY)
        responder.publish(reply, b"!")
        responder.barrier()
        self.assertEqual(asker.answer()[0::2], (200, b"!"))
        self.assertIsNone(asker.answer())
        broker.expect_end()

    def test_metrics_are_those_that_umbel_prints(self):
        self.start()
        status, headers, body = self.ask("GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        families = exposition.check(body.decode())
        self.assertEqual(families["umbel_http_requests_total"][2], {None: 1})
        command = Process([binary("umbel"), "-s", self.path, "metrics"])
        self.addCleanup(command.kill)
        self.assertEqual(command.wait(), 0)
        self.assertEqual(exposition.parse(command.text() + "\n").keys(), families.keys())

    def test_lists_are_whole_however_long(self):
        self.start()
        many = self.session("many")
        count = 25000
        many.queue(*([wire.SUBSCRIBE, n, n, f"list.{n}", {}] for n in range(1, count + 1)))
        wire.pump([many], lambda: len(many.frames) == count, "all to be granted")
        subs = self.listed("subscriptions")
        self.assertEqual({one["filter"] for one in subs}, {f"list.{n}" for n in range(1, count + 1)})
        self.assertEqual(len(subs), count)
        self.assertEqual([one["filter"] for one in self.listed("subscriptions?filter=list.7")], ["list.7"])


if __name__ == "__main__":
    unittest.main()
