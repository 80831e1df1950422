#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 12. Who is there."""

import os
import pathlib
import unittest

import wire
from case import BrokerCase, covers, hello, publish

CONNECTED, DISCONNECTED, HELD = (f"$SYS.client.{event}" for event in ("connected", "disconnected", "held"))


class Presence(BrokerCase):
    flags = ("--outbox-high", "65536", "--hold-notice-ms", "20")

    def event(self, tree, topic):
        """What an event of the broker says."""
        stamp = bytes(4) + os.getuid().to_bytes(4, "big")
        self.assertEqual(tree[:6], [wire.PUBLISH, 0, stamp, topic, None, {"content-type": "msgpack"}])
        return wire.parse(tree[6]).plain()

    def next_event(self, watcher, topic):
        frame = watcher.receive()
        self.assertEqual(frame.type, wire.PUBLISH, frame)
        return self.event(frame.tree, topic)

    def person(self, session):
        command = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        return {"session": session.id, "uid": os.getuid(), "pid": os.getpid(), "command": command, "name": session.name}

    def watcher(self, *topics):
        watcher = self.session("watcher")
        for topic in topics:
            watcher.subscribe(topic)
        return watcher

    def setUp(self):
        me = self.session("me")
        while len(me.subscribe_retained(CONNECTED)[1]) > 1:
            pass  # the broker has not seen yet that the sessions of another case are gone

    @covers("C1")
    def test_who_comes_is_told(self):
        watcher = self.watcher(CONNECTED)
        late = self.connect()  # no HELLO, no message
        one = self.session("one")
        self.assertEqual(self.next_event(watcher, CONNECTED), self.person(one))
        late.send(hello("late"))
        self.assertEqual(self.next_event(watcher, CONNECTED)["name"], "late")
        self.expect_untouched(watcher)

    @covers("C1", "C2")
    def test_who_goes_is_told_with_the_reason(self):
        watcher = self.watcher(DISCONNECTED)
        for words, reason in (((), "closed"), (([wire.GOAWAY, "", 0],), "goodbye"), ((b"\0",), "bad_magic"),
                              ((publish("a.*"),), "bad_topic"), ((hello(),), "out_of_turn")):
            one = self.session("one")
            one.send(*words)
            if words:
                one.receive_rest()
            one.close()
            self.assertEqual(self.next_event(watcher, DISCONNECTED), {**self.person(one), "reason": reason})
        stranger = self.connect()
        stranger.send([wire.PING, 1])
        self.expect_fatal(stranger, "out_of_turn")
        self.expect_untouched(watcher)

    @covers("C3", "R4", "R5")
    def test_who_is_there_is_listed_first_and_nobody_is_missed_or_told_twice(self):
        others = [self.session(f"other {n}") for n in range(3)]
        stranger = self.connect()
        watcher = self.session("watcher")
        _, values = watcher.subscribe_retained("$SYS.client.*")
        listed = [self.event(one.tree[3], CONNECTED) for one in values]
        self.assertEqual(listed[-4:], [self.person(one) for one in [*others, watcher]])
        later = self.session("later")
        self.assertEqual(self.next_event(watcher, CONNECTED), self.person(later))
        others[1].close()
        self.assertEqual(self.next_event(watcher, DISCONNECTED)["session"], others[1].id)
        self.assertEqual(self.expect_untouched(watcher), None)
        stranger.close()

    @covers("C3")
    def test_the_order_is_that_of_connecting_and_not_of_being_welcomed(self):
        first = self.connect()
        watcher = self.session("watcher")
        first.send(hello("first"))
        self.assertEqual(first.receive().type, wire.WELCOME)
        _, values = watcher.subscribe_retained(CONNECTED)
        listed = [self.event(one.tree[3], CONNECTED) for one in values]
        self.assertEqual([one["name"] for one in listed[-2:]], ["first", "watcher"])
        self.assertEqual([one["session"] for one in listed], sorted(one["session"] for one in listed))

    @covers("C3")
    def test_who_comes_and_subscribes_in_one_write_is_listed_and_not_told_of_itself(self):
        watcher = self.watcher(CONNECTED)  # so that there is an event to be told
        me = self.connect()
        me.send(hello("me"), [wire.SUBSCRIBE, 1, 1, CONNECTED, {"retained": True}], [wire.PING, 1])
        frames = [me.receive() for _ in range(2)]
        frames += [me.receive() for _ in range(frames[1].tree[2])]
        self.assertEqual(self.event(frames[-1].tree[3], CONNECTED)["name"], "me")
        self.assertEqual(me.receive().type, wire.PONG)
        self.assertEqual(self.next_event(watcher, CONNECTED)["name"], "me")
        self.expect_untouched(watcher)

    @covers("C3", "T4")
    def test_other_filters_list_nobody(self):
        for filter in ("**", "*.*.*", DISCONNECTED, "$SYS.client", HELD):
            self.assertEqual(self.session().subscribe_retained(filter)[1], [], filter)

    @covers("C1", "C4", "O2")
    def test_a_hold_is_told_and_its_end(self):
        watcher = self.watcher(HELD)
        stopped, sender = self.subscriber("a", name="stopped"), self.session("sender")
        stopped.paused = True
        sender.queue(*(publish("a", bytes(8192)) for _ in range(1000)), [wire.PING, 1])
        wire.pump([sender, watcher], lambda: watcher.frames, "the hold to be told")
        held = self.next_event(watcher, HELD)
        self.assertEqual({key: held[key] for key in ("held", "by", "topic", "limit", "on")},
                         {"held": self.person(sender), "by": self.person(stopped), "topic": "a", "limit": 65536, "on": True})
        self.assertGreaterEqual(held["owed"], 65536)
        stopped.paused = False
        events = []
        while not events or events[-1]["on"]:
            wire.pump([sender, stopped, watcher], lambda: watcher.frames, "its end to be told")
            events.append(self.next_event(watcher, HELD))
        wire.pump([sender, stopped], lambda: sender.frames and sender.frames[-1].type == wire.PONG, "all to be routed")

    @covers("C1", "P8")
    def test_nobody_else_may_say_so(self):
        me = self.session()
        me.publish(CONNECTED)
        self.expect_refusal(me, "denied", about=CONNECTED)


class Evicted(BrokerCase):
    flags = ("--outbox-high", "65536", "--stall-ms", "100", "--linger-ms", "100")

    @covers("C2", "O3")
    def test_who_is_evicted_is_told_with_what_it_lost(self):
        watcher = self.session("watcher")
        watcher.subscribe(DISCONNECTED)
        stopped, sender = self.subscriber("a", name="stopped"), self.session("sender")
        stopped.paused = True
        sender.queue(*(publish("a", bytes(8192)) for _ in range(1000)), [wire.PING, 1])
        wire.pump([sender, watcher], lambda: watcher.frames, "the eviction to be told")
        event = wire.parse(watcher.receive().tree[6]).plain()
        self.assertEqual((event["session"], event["reason"]), (stopped.id, "evicted"))
        self.assertGreaterEqual(event["lost_frames"], 7)
        self.assertGreaterEqual(event["lost_bytes"], 7 * 8192)


if __name__ == "__main__":
    unittest.main()
