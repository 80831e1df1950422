#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Programs that die have a will and are missed; programs that leave are missed only."""

import os
import signal
import sys
import unittest

from harness import Case, publish, wire

CONNECTED, DISCONNECTED = "$SYS.client.connected", "$SYS.client.disconnected"


def live(path, name, *filters):
    """Another process: a client with a will, until it is told to leave or dies."""
    will = [wire.PUBLISH, 1, wire.ZEROS, f"status.{name}", None, {"content-type": "text"}, b"gone"]
    session = wire.Session(path, name, {"will": wire.pack(will)})
    session.send([wire.PUBLISH, 1, wire.ZEROS, f"status.{name}", None, {"content-type": "text"}, b"here"])
    for filter in filters:
        session.subscribe(filter)
    session.barrier()
    signal.signal(signal.SIGTERM, lambda *_: session.send([wire.GOAWAY, "leaving", 0]))
    print("here", flush=True)
    session.receive_rest()


class WhoIsThere(Case):
    def setUp(self):
        super().setUp()
        self.broker_process = self.broker("--settle-ms", "0")

    def start(self, name, *filters):
        process = self.process(sys.executable, __file__, "live", self.path, name, *filters, name=name)
        process.expect("^here$")
        return process

    def event(self, tree, topic):
        self.assertEqual(tree[3:6], [topic, None, {"content-type": "msgpack"}])
        return wire.parse(tree[6]).plain()

    def status(self, name):
        (value,) = self.session("asker").subscribe_retained(f"status.{name}")[1]
        return value.tree[3][6]

    def test_a_client_that_is_killed_has_its_will_and_one_that_leaves_has_none(self):
        watcher = self.subscriber("status.*", name="watcher")
        killed, leaving = self.start("killed"), self.start("leaving")
        self.expect_message(watcher, "status.killed", b"here")
        self.expect_message(watcher, "status.leaving", b"here")
        killed.signal(signal.SIGKILL)
        self.expect_message(watcher, "status.killed", b"gone")
        leaving.signal(signal.SIGTERM)
        self.assertEqual(leaving.wait(), 0)
        self.assertEqual(watcher.barrier()[0], [])
        self.assertEqual((self.status("killed"), self.status("leaving")), (b"gone", b"here"))

    def test_a_client_that_is_stopped_and_evicted_has_its_will(self):
        self.broker_process.terminate()
        self.broker("--settle-ms", "0", "--outbox-high", "65536", "--stall-ms", "100", "--linger-ms", "100")
        watcher = self.subscriber("status.*", DISCONNECTED, name="watcher")
        stopped = self.start("stopped", "flood")
        self.expect_message(watcher, "status.stopped", b"here")
        stopped.stop()
        flood = self.session("flood")
        flood.queue(*(publish("flood", bytes(8192)) for _ in range(1000)))
        wire.pump([flood, watcher], lambda: len(watcher.frames) == 2, "the eviction to be told")
        self.expect_message(watcher, "status.stopped", b"gone")
        gone = self.event(watcher.receive().tree, DISCONNECTED)
        self.assertEqual((gone["pid"], gone["reason"]), (stopped.pid, "evicted"))
        self.assertGreater(gone["lost_frames"], 0)

    def test_a_list_and_then_the_news_is_all_there_is_to_know(self):
        early = self.start("early")
        watcher = self.session("watcher")
        _, values = watcher.subscribe_retained("$SYS.client.*")
        there = {person["pid"]: person["name"] for person in (self.event(value.tree[3], CONNECTED) for value in values)}
        self.assertEqual(there, {early.pid: "early", os.getpid(): "watcher"})
        late = self.start("late")
        person = self.event(watcher.receive().tree, CONNECTED)
        self.assertEqual((person["pid"], person["name"], person["uid"]), (late.pid, "late", os.getuid()))
        early.signal(signal.SIGKILL)
        gone = self.event(watcher.receive().tree, DISCONNECTED)
        self.assertEqual((gone["pid"], gone["reason"]), (early.pid, "closed"))
        late.signal(signal.SIGTERM)
        gone = self.event(watcher.receive().tree, DISCONNECTED)
        self.assertEqual((gone["pid"], gone["reason"]), (late.pid, "goodbye"))
        self.assertEqual(watcher.barrier()[0], [])


if __name__ == "__main__":
    if sys.argv[1:2] == ["live"]:
        live(*sys.argv[2:])
    else:
        unittest.main()
