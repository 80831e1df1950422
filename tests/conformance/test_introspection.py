#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 10. Introspection."""

import os
import unittest

import wire
from case import BrokerCase, covers, publish

MAX_PAGE = 262144
SUBJECTS = ("info", "sessions", "subscriptions", "topics", "explain", "metrics")


class Introspected(BrokerCase):
    def asker(self, name="asker"):
        asker = self.session(name)
        asker.subscribe(asker.inbox + ".**")
        return asker

    def ask_raw(self, asker, subject, payload=b""):
        """The answer's frame."""
        asker.publish("$SYS.broker." + subject, payload, reply=asker.inbox + ".answer")
        frame = asker.receive()
        self.assertEqual((frame.type, frame.tree[3], frame.tree[4]), (wire.PUBLISH, asker.inbox + ".answer", None), frame)
        self.assertLessEqual(len(frame.raw), MAX_PAGE)
        return frame

    def ask(self, asker, subject, **options):
        """The answer's map; the question has no payload without options."""
        frame = self.ask_raw(asker, subject, wire.pack(options) if options else b"")
        self.assertEqual(frame.tree[5], {"content-type": "msgpack"}, frame)
        answer = wire.parse(frame.tree[6]).plain()
        self.assertIsInstance(answer, dict)
        return answer

    def ask_all(self, asker, subject, **options):
        """Its list, from as many pages as there are."""
        found, pages = [], 0
        while True:
            answer = self.ask(asker, subject, **options)
            found += answer[subject if subject != "explain" else "candidates"]
            pages += 1
            if "next" not in answer:
                return found, pages
            options["after"] = answer["next"]

    def expect_error(self, asker, subject, payload):
        frame = self.ask_raw(asker, subject, payload)
        self.assertEqual(frame.tree[5], {"content-type": "text", "error": 3}, frame)
        self.assertTrue(frame.tree[6].decode("utf-8"))


class Introspection(Introspected):
    @covers("I1", "I2", "B3")
    def test_every_question_gets_one_answer_of_the_broker(self):
        asker = self.asker()
        spy = self.subscriber("$SYS.**", name="spy")
        for subject in SUBJECTS:
            with self.subTest(subject=subject):
                frame = self.ask_raw(asker, subject, wire.pack({"topic": "a"}))
                self.assertEqual(frame.tree[2], bytes(4) + os.getuid().to_bytes(4, "big"))
                self.assertEqual(frame.tree[5], {"content-type": "msgpack"})
        self.assertEqual(asker.barrier(), ([], (len(SUBJECTS), 0, 0)))
        self.assertEqual([frame for frame in spy.barrier()[0] if frame.tree[3].startswith("$SYS.broker")], [])

    @covers("I1", "P8", "P13")
    def test_a_question_without_a_reply_in_ones_own_inbox_is_denied(self):
        for tree in (publish("$SYS.broker.info"), publish("$SYS.broker.info", reply="somewhere.else")):
            with self.subTest(tree=tree):
                asker = self.asker()
                asker.send(tree)
                self.expect_refusal(asker, "denied", about=tree[4] or tree[3])
                self.assertEqual(asker.barrier(), ([], (0, 0, 1)))
        asker, other = self.asker(), self.asker("other")
        asker.publish("$SYS.broker.info", reply=other.inbox + ".x")
        self.expect_refusal(asker, "denied", about=other.inbox + ".x")
        self.expect_untouched(other)

    @covers("I1", "P8")
    def test_other_topics_of_the_broker_are_not_asked(self):
        for topic in ("$SYS", "$SYS.broker", "$SYS.broker.nothing", "$SYS.broker.info.x", "$SYS.broker.inf"):
            with self.subTest(topic=topic):
                asker = self.asker()
                asker.publish(topic, reply=asker.inbox + ".x")
                self.expect_refusal(asker, "denied", about=asker.inbox + ".x")

    @covers("I3")
    def test_a_payload_that_is_no_map_of_options_is_answered_with_an_error(self):
        asker = self.asker()
        bad = [b"\xc1", b"\x80\x00", wire.pack([1]), wire.pack(1), b"\x81\xa1a", wire.pack({1: 2}), b"text", b"\xdf\xff\xff\xff\xff",
               wire.pack({"session": "1"}), wire.pack({"session": -1}), wire.pack({"uid": None}), wire.pack({"filter": 1}),
               wire.pack({"topic": b"x"}), wire.pack({"after": True}), b"\x81\xa6filter\xa1\xff"]
        for subject in SUBJECTS:
            for payload in bad:
                with self.subTest(subject=subject, payload=payload):
                    self.expect_error(asker, subject, payload)
        for payload in (b"", wire.pack({}), wire.pack({"topic": "a..b"}), wire.pack({"topic": "a.*"}), wire.pack({"topic": ""})):
            self.expect_error(asker, "explain", payload)
        self.expect_error(asker, "topics", wire.pack({"filter": "a.**.b"}))
        self.assertEqual(asker.barrier()[1].refused, 0)

    @covers("I3")
    def test_an_option_that_is_not_known_is_ignored(self):
        asker = self.asker()
        for subject in SUBJECTS:
            with self.subTest(subject=subject):
                self.ask(asker, subject, topic="a", color=["any", {"value": 1}], limit=None)

    @covers("I6")
    def test_info_has_what_the_page_says_and_counts(self):
        asker, reader = self.asker(), self.subscriber("a.*")
        before = self.ask(asker, "info")
        self.assertEqual((before["version"].count("."), before["protocol"], before["uid"]), (2, 1, os.getuid()))
        self.assertEqual(before["pid"], self.broker.process.pid)
        self.assertEqual(sorted(before["datagrams"]), ["denied", "malformed", "no_memory", "taken", "too_big", "too_many"])
        self.assertEqual(sorted(before["limits"]), ["datagram_rate", "hold_max_ms", "max_frame", "max_subscriptions", "memory_max",
                                                   "outbox_high", "publish_rate", "retained_bytes", "retained_max", "stall_ms"])
        for key in ("uptime_ms", "sessions", "subscriptions", "retained", "retained_bytes", "nodes", "routes", "memory_used", "memory_peak", "messages_in", "bytes_in",
                    "messages_out", "bytes_out", "unmatched", "refused", "dropped", "dropped_bytes", "holds", "evicted"):
            self.assertIsInstance(before[key], int, key)
        for _ in range(10):
            asker.publish("a.b", b"x")
            asker.publish("nobody.listens", b"x")
        asker.publish("$denied")
        self.expect_refusal(asker, "denied", about="$denied")
        reader.barrier()
        asker.barrier()
        self.subscriber("b.c")
        after = self.ask(asker, "info")
        grown = {key: after[key] - before[key] for key in before if isinstance(before[key], int)}
        self.assertGreaterEqual(grown.pop("uptime_ms"), 0)
        self.assertEqual((grown["sessions"], grown["subscriptions"], grown["refused"], grown["unmatched"]), (1, 1, 1, 10), grown)
        self.assertEqual((grown["messages_in"], grown["messages_out"]), (21, 11), grown)  # and the answer before this one
        self.assertGreater(grown["bytes_in"], grown["bytes_out"])

    @covers("I11")
    def test_metrics_are_the_figures_of_info_as_text(self):
        asker = self.asker()
        asker.publish("nobody.listens", b"x")
        unmatched = self.ask(asker, "info")["unmatched"]
        text = self.ask(asker, "metrics")["text"]
        self.assertRegex(text, rf"(?m)^umbel_unmatched_messages_total {unmatched}$")
        self.assertTrue(text.endswith("\n"), text[-80:])
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) )?umbel_[a-z_]+(\{(version|fate)=\"[a-z0-9_.]+\"\})? ", line)

    @covers("I7")
    def test_sessions_are_told_with_what_the_kernel_and_they_say(self):
        asker, other = self.asker(), self.subscriber("a", "b", "c", name="öther")
        self.connect()  # has not said HELLO
        other.publish("x")
        other.barrier()
        other.publish("a", b"to itself")
        asker.publish("b")
        self.assertEqual({other.receive().tree[3] for _ in range(2)}, {"a", "b"})
        found = self.ask(asker, "sessions")["sessions"]
        self.assertEqual([one["session"] for one in found], sorted(one["session"] for one in found))
        one = {one["session"]: one for one in found}[other.id]
        self.assertGreaterEqual(one.pop("age_ms"), 0)
        self.assertIsInstance(one.pop("command"), str)
        self.assertEqual(one, {"session": other.id, "uid": os.getuid(), "pid": os.getpid(), "name": "öther", "state": "open",
                               "overflow": "block", "subscriptions": 3, "queued_bytes": 0, "queued_frames": 0, "messages_in": 2, "messages_out": 2,
                               "dropped": 0, "dropped_bytes": 0})
        self.assertEqual([one["name"] for one in self.ask(asker, "sessions", session=other.id)["sessions"]], ["öther"])
        self.assertEqual(self.ask(asker, "sessions", session=999999)["sessions"], [])
        self.assertEqual(self.ask(asker, "sessions", uid=os.getuid() + 1)["sessions"], [])
        self.assertIn(other.id, [one["session"] for one in self.ask(asker, "sessions", uid=os.getuid())["sessions"]])

    @covers("I8")
    def test_subscriptions_are_told_and_may_be_asked_for_by_session_and_filter(self):
        asker, other = self.asker(), self.session("other")
        other.subscribe("a.*.b", sub=7)
        other.subscribe("a.**", sub=4000000000, monitor=True)
        asker.subscribe("a.**", sub=3)
        mine = [{"session": other.id, "sub": 7, "filter": "a.*.b"},
                {"session": other.id, "sub": 4000000000, "filter": "a.**", "monitor": True}]

        def told(**options):
            return sorted(self.ask(asker, "subscriptions", **options)["subscriptions"], key=lambda one: one["sub"])
        self.assertEqual(told(session=other.id), mine)
        self.assertEqual(told(filter="a.**"), [{"session": asker.id, "sub": 3, "filter": "a.**"}, mine[1]])
        self.assertEqual(told(filter="a.*"), [])
        self.assertEqual(told(uid=os.getuid() + 1), [])
        self.assertEqual([one for one in told() if one["session"] == other.id], mine)

    @covers("I8", "I9", "I10")
    def test_members_of_a_group_are_told_and_any_of_them_may_get_it(self):
        asker, one, two = self.asker(), self.session("one"), self.session("two")
        one.subscribe("jobs.*", sub=1, group="workers")
        two.subscribe("jobs.*", sub=1, group="workers")
        two.subscribe("jobs.**", sub=2)
        told = self.ask(asker, "subscriptions", filter="jobs.*")["subscriptions"]
        self.assertEqual(told, [{"session": session.id, "sub": 1, "filter": "jobs.*", "group": "workers"} for session in (one, two)])
        answer = self.ask(asker, "explain", topic="jobs.a")
        self.assertEqual(answer["receivers"], 2)
        found = sorted((one["session"], one["sub"], one["verdict"], one.get("group"), one.get("members")) for one in answer["candidates"])
        self.assertEqual(found, [(one.id, 1, "member", "workers", 2), (two.id, 1, "member", "workers", 2),
                                 (two.id, 2, "delivered", None, None)])
        answer = self.ask(asker, "explain", topic="other.a", session=one.id)
        self.assertEqual([(one["verdict"], one["group"]) for one in answer["candidates"]], [("differs", "workers")])

    @covers("I9")
    def test_topics_that_were_published_to_are_told_with_their_receivers(self):
        asker = self.asker()
        self.subscriber("i9.*", name="one")
        self.subscriber("i9.**", "i9.a", name="two")
        for topic in ("i9.a", "i9.b.c", "elsewhere"):
            asker.publish(topic)
        asker.barrier()
        found = self.ask(asker, "topics", filter="i9.**")["topics"]
        self.assertEqual(sorted(found, key=lambda one: one["topic"]),
                         [{"topic": "i9.a", "receivers": 2}, {"topic": "i9.b.c", "receivers": 1}])
        everything = [one["topic"] for one in self.ask_all(asker, "topics")[0]]
        self.assertIn("elsewhere", everything)
        self.assertEqual([topic for topic in everything if topic.startswith("$inbox")], [])

    @covers("I9", "I4", "I5")
    def test_topics_with_a_retained_value_come_first_in_order_page_by_page(self):
        asker = self.asker()
        names = sorted(f"kept.{n * 7919 % 3000:04}.{'x' * 60}" for n in range(3000))
        for name in names:
            asker.queue([wire.PUBLISH, 1, wire.ZEROS, name, None, None, b"value"])
        asker.barrier()
        self.addCleanup(lambda: [asker.queue([wire.PUBLISH, 1, wire.ZEROS, name, None, None, b""]) for name in names] and asker.barrier())
        found, pages = self.ask_all(asker, "topics", filter="kept.**")
        self.assertGreater(pages, 1)
        self.assertEqual([one["topic"] for one in found], names)
        body = len(wire.pack([wire.PUBLISH, 1, wire.ZEROS, names[0], None, None, b"value"]))
        self.assertEqual({(one["retained_bytes"], one["receivers"]) for one in found}, {(body, 0)})
        self.assertGreaterEqual(min(one["age_ms"] for one in found), 0)
        info = self.ask(asker, "info")
        self.assertGreaterEqual(info["retained"], 3000)
        self.assertGreater(info["retained_bytes"], 3000 * body)

    @covers("I3")
    def test_after_is_what_an_answer_gave_as_next(self):
        asker = self.asker()
        for subject, options in (("sessions", {}), ("subscriptions", {}), ("explain", {"topic": "a"})):
            asker.publish("$SYS.broker." + subject, wire.pack({**options, "after": "x"}), reply=asker.inbox + ".i3")
            self.assertEqual(asker.receive().tree[5], {"content-type": "text", "error": 3})

    @covers("I4")
    def test_a_question_waits_while_ones_own_outbox_is_full(self):
        asker, sender = self.asker(), self.session("sender")
        for n in range(64):
            sender.retain(f"i4.{n:02}", bytes(65536))
        sender.barrier()
        asker.paused = True
        reply = asker.inbox + ".x"
        asker.queue([wire.SUBSCRIBE, 1, 99, "i4.*", {"retained": True}],
                    *([wire.PUBLISH, 0, wire.ZEROS, "$SYS.broker.info", reply, None, b""] for _ in range(3)), [wire.PING, 3])
        wire.pump([asker], lambda: not asker.queued, "it to be written")
        sender.barrier()
        asker.paused = False
        kinds = [asker.receive().type for _ in range(65 + 3 + 1)]
        self.assertEqual(kinds, [wire.OK] + [wire.DELIVER] * 64 + [wire.PUBLISH] * 3 + [wire.PONG])
        for n in range(64):
            sender.retain(f"i4.{n:02}")
        sender.barrier()

    @covers("I10")
    def test_explain_tells_who_gets_it(self):
        asker, plain = self.asker(), self.session("plain")
        plain.subscribe("i10.*", sub=1)
        plain.subscribe("i10.other", sub=2)
        monitor = self.session("monitor")
        monitor.subscribe("i10.**", sub=9, monitor=True)
        answer = self.ask(asker, "explain", topic="i10.x")
        self.assertEqual((answer["topic"], answer["receivers"], answer["unlisted"]), ("i10.x", 2, 0))
        self.assertFalse({"rights", "nearest", "compared", "next"} & set(answer))
        found = {one["session"]: one for one in answer["candidates"]}
        self.assertIsInstance(found[plain.id].pop("command"), str)
        self.assertEqual(found[plain.id], {"session": plain.id, "uid": os.getuid(), "pid": os.getpid(), "name": "plain", "sub": 1,
                                           "filter": "i10.*", "verdict": "delivered", "queued_bytes": 0, "full": False, "dropped": 0})
        self.assertEqual((found[monitor.id]["verdict"], found[monitor.id]["monitor"]), ("delivered", True))

    @covers("I10", "T3", "T4")
    def test_explain_tells_at_which_token_a_filter_fails(self):
        asker, me = self.asker(), self.session("me")
        cases = {"a.b.c": ("delivered", None), "a.*.c": ("delivered", None), "x.b.c": ("differs", 0), "a.x.*": ("differs", 1),
                 "a.*.x": ("differs", 2), "a.b": ("goes_on", 2), "*": ("goes_on", 1), "a.b.c.d": ("ends", 3), "a.b.c.**": ("ends", 3)}
        for filter in cases:
            me.subscribe(filter)
        answer = self.ask(asker, "explain", topic="a.b.c", session=me.id)
        self.assertEqual({one["filter"]: (one["verdict"], one.get("token")) for one in answer["candidates"]}, cases)
        self.assertEqual(answer["rights"], [{"session": me.id, "name": "me", "publish": True, "publish_rule": "", "subscribe": True,
                                             "subscribe_rule": ""}])
        answer = self.ask(asker, "explain", topic="$x.b.c", session=me.id)
        self.assertIn(("*", "reserved", 0), [(one["filter"], one["verdict"], one.get("token")) for one in answer["candidates"]])
        by_uid, _ = self.ask_all(asker, "explain", topic="a.b.c", uid=os.getuid())
        self.assertLessEqual(set(cases), {one["filter"] for one in by_uid if one["session"] == me.id})
        self.assertEqual(self.ask(asker, "explain", topic="a.b.c", session=999999)["candidates"], [])

    @covers("I10")
    def test_explain_tells_the_nearest_filters_when_nobody_subscribed(self):
        asker = self.asker()
        self.subscriber("near.orders.*.created", "near.order.created", "far.away.from.all.of.it", "near.**.x".replace("**", "y"))
        answer = self.ask(asker, "explain", topic="near.orders.eu.craeted")
        self.assertEqual((answer["receivers"], answer["candidates"]), (0, []))
        self.assertNotIn("next", answer)
        self.assertEqual(answer["nearest"][0], {"filter": "near.orders.*.created", "distance": 2})
        self.assertEqual([one["distance"] for one in answer["nearest"]], sorted(one["distance"] for one in answer["nearest"]))
        self.assertNotIn("far.away.from.all.of.it", [one["filter"] for one in answer["nearest"]])
        self.assertGreaterEqual(answer["compared"], 4)


class Losses(Introspected):
    flags = ("--outbox-high", "100000")

    @covers("I6", "I7", "I10", "O4")
    def test_what_a_session_lost_is_told_of_it_and_of_all(self):
        asker, slow, sender = self.asker(), self.session("slow", overflow="drop-oldest"), self.session("sender")
        slow.subscribe("t")
        n = 300
        for _ in range(n):
            sender.publish("t", bytes(20000))
        sender.barrier()
        told = self.ask(asker, "sessions", session=slow.id)["sessions"][0]
        self.assertEqual(told["overflow"], "drop-oldest")
        self.assertGreater(told["dropped"], 0)
        self.assertGreater(told["dropped_bytes"], told["dropped"] * 20000)
        info = self.ask(asker, "info")
        self.assertEqual((info["dropped"], info["dropped_bytes"]), (told["dropped"], told["dropped_bytes"]))
        candidate = self.ask(asker, "explain", topic="t")["candidates"][0]
        self.assertEqual(candidate["dropped"], told["dropped"])
        frames, _ = slow.barrier()
        announced = sum(frame.tree[1] for frame in frames if frame.type == wire.GAP)
        self.assertEqual(announced, told["dropped"])
        self.assertEqual(len([frame for frame in frames if frame.type == wire.PUBLISH]) + announced, n)


class Pages(Introspected):
    @covers("I2", "I4", "I5")
    def test_many_subscriptions_are_told_in_pages_each_once_while_others_come_and_go(self):
        asker, many, busy = self.asker(), self.session("many"), self.session("busy")
        n, filters = 6000, {sub: f"{'x' * 100}.{sub}" for sub in range(1, 6001)}
        many.queue(*([wire.SUBSCRIBE, sub, sub, filter, {}] for sub, filter in filters.items()))
        self.assertEqual([frame.type for frame in many.barrier()[0]], [wire.OK] * n)
        pages, met, options = 0, {}, {"session": many.id}
        extra = iter(range(n + 1, 1 << 30))
        while True:
            answer = self.ask(asker, "subscriptions", **options)
            pages += 1
            for one in answer["subscriptions"]:
                self.assertEqual(one["filter"], filters.get(one["sub"], "new"))
                met[one["sub"]] = met.get(one["sub"], 0) + 1
            if "next" not in answer:
                break
            options["after"] = answer["next"]
            many.queue(*([wire.SUBSCRIBE, 1, next(extra), "new", {}] for _ in range(2000)))  # the table grows
            many.barrier()
            busy.subscribe("y")
        self.assertGreater(pages, 2)
        self.assertEqual({met.get(sub) for sub in filters}, {1})

    @covers("I4", "I5")
    def test_sessions_that_stay_are_each_told_once_while_others_come_and_go(self):
        asker = self.asker()
        staying = [self.session("s" * 60) for _ in range(100)]
        leaving = [self.session("l" * 60) for _ in range(100)]
        met = []
        first = self.ask(asker, "sessions")
        met = [one["session"] for one in first["sessions"]]
        for session in leaving:
            session.close()
        self.assertEqual([met.count(session.id) for session in staying], [1] * 100)
        self.assertNotIn("next", first)  # the system tests have enough for several pages

    @covers("I4", "I10")
    def test_explaining_many_subscriptions_takes_several_pages_and_stays_complete(self):
        asker, many = self.asker(), self.session("many")
        many.queue(*([wire.SUBSCRIBE, sub, sub, f"e.{sub}.{'x' * 100}", {}] for sub in range(1, 3001)))
        many.barrier()
        found, pages = self.ask_all(asker, "explain", topic="e.7", session=many.id)
        self.assertGreater(pages, 1)
        self.assertEqual(sorted(one["sub"] for one in found), list(range(1, 3001)))
        self.assertEqual({one["verdict"] for one in found if one["sub"] == 7}, {"ends"})
        same = self.session("same")
        same.queue(*([wire.SUBSCRIBE, sub, sub, "e.**", {}] for sub in range(1, 3001)))
        same.barrier()
        answer = self.ask(asker, "explain", topic="e.7")
        self.assertNotIn("next", answer)
        self.assertEqual(len(answer["candidates"]) + answer["unlisted"], 3000)
        self.assertGreater(answer["unlisted"], 0)


if __name__ == "__main__":
    unittest.main()
