#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 5. Subscribe."""

import unittest

import wire
from case import BrokerCase, covers, publish


class Subscribe(BrokerCase):
    @covers("S1", "S11")
    def test_every_request_gets_one_answer_in_the_order_of_the_requests(self):
        me = self.session()
        asked = [([wire.SUBSCRIBE, 7, 1, "a", {}], wire.OK), ([wire.SUBSCRIBE, 3, 1, "b", {}], "sub_in_use"),
                 ([wire.SUBSCRIBE, 9, 2, "a..b", {}], "bad_filter"), ([wire.UNSUBSCRIBE, 9, 1], wire.OK),
                 ([wire.UNSUBSCRIBE, 1, 1], "no_sub"), ([wire.SUBSCRIBE, (1 << 32) - 1, 1, "$inbox.x", {}], "denied"),
                 ([wire.SUBSCRIBE, 7, 1, "c", {"group": ""}], "bad_filter"), ([wire.SUBSCRIBE, 8, 1, "c", {}], wire.OK)]
        me.send(*(tree for tree, _ in asked), [wire.PING, 1])
        for tree, expected in asked:
            if expected == wire.OK:
                me.expect_ok(tree[1])
            else:
                self.expect_refusal(me, expected, tree[1])
        self.assertEqual(me.receive().tree, [wire.PONG, 1, 0, 0, 0])

    @covers("S1", "S2")
    def test_a_thousand_requests_in_one_write_are_all_answered_in_order(self):
        me = self.session()
        requests = [tree for n in range(1, 1001) for tree in ([wire.SUBSCRIBE, 2 * n, n, f"t.{n}", {}],
                                                              [wire.UNSUBSCRIBE, 2 * n + 1, n])]
        me.send(*requests)
        answers, _ = me.barrier()
        self.assertEqual([one.tree for one in answers], [[wire.OK, tree[1]] for tree in requests])

    @covers("S2")
    def test_a_subscription_gets_what_is_routed_after_it(self):
        me = self.session()
        me.send(publish("a", b"before"), [wire.SUBSCRIBE, 1, 1, "a", {}], publish("a", b"after"))
        me.expect_ok(1)
        self.expect_payloads(me, [b"after"])

    @covers("S2", "B2")
    def test_messages_that_were_taken_before_the_subscription_do_not_come(self):
        sender = self.session("sender")
        sender.queue(*(publish("a", b"before") for _ in range(100)))
        sender.barrier()
        reader = self.subscriber("a")
        sender.queue(*(publish("a", b"after") for _ in range(3)))
        sender.barrier()
        self.expect_payloads(reader, [b"after"] * 3)

    @covers("S3")
    def test_after_the_ok_to_an_unsubscribe_nothing_comes(self):
        me = self.subscriber("a")
        me.send(publish("a", b"1"), [wire.UNSUBSCRIBE, 50, 1], publish("a", b"2"))
        self.assertEqual(self.payload(me.receive()), b"1")
        me.expect_ok(50)
        self.assertEqual(me.barrier(), ([], (2, 1, 0)))

    @covers("S3")
    def test_unsubscribing_while_messages_come_ends_them_at_the_ok(self):
        reader = self.subscriber("a")
        sender = self.session("sender")
        sender.queue(*(publish("a", bytes(100)) for _ in range(20000)))
        wire.pump([sender, reader], lambda: reader.frames, "the first message")
        reader.queue([wire.UNSUBSCRIBE, 50, 1])
        wire.pump([sender, reader], lambda: any(one.type == wire.OK for one in reader.frames), "the OK")
        while reader.receive().type != wire.OK:
            pass
        wire.pump([sender], lambda: not sender.queued)
        sender.barrier()
        self.expect_untouched(reader)

    @covers("S4", "S11")
    def test_a_sub_in_use_is_refused_and_the_old_one_stays(self):
        me = self.session()
        me.subscribe("a", sub=5)
        self.expect_refusal(me, "sub_in_use", me.request("b", sub=5))
        me.publish("a", b"a")
        me.publish("b", b"b")
        self.expect_payloads(me, [b"a"])
        me.unsubscribe(5)
        me.subscribe("b", sub=5)
        me.publish("a", b"a")
        me.publish("b", b"b")
        self.expect_payloads(me, [b"b"])

    @covers("S4")
    def test_a_sub_is_one_sessions_own(self):
        self.session("other").subscribe("a", sub=5)
        me = self.session()
        me.send([wire.UNSUBSCRIBE, 9, 5])
        self.expect_refusal(me, "no_sub", 9)
        me.subscribe("a", sub=5)

    @covers("S4", "S11")
    def test_a_sub_of_a_refused_request_is_not_in_use(self):
        me = self.session()
        self.expect_refusal(me, "bad_filter", me.request("a..b", sub=5))
        me.send([wire.UNSUBSCRIBE, 99, 5])
        self.expect_refusal(me, "no_sub", 99)
        me.subscribe("a", sub=5)

    @covers("S6")
    def test_ones_own_inbox_may_be_subscribed_to_in_every_form(self):
        me = self.session()
        for filter in (me.inbox, me.inbox + ".**", me.inbox + ".*", me.inbox + ".*.x", me.inbox + ".a.b"):
            with self.subTest(filter=filter):
                me.subscribe(filter)

    @covers("S6", "E3")
    def test_no_other_inbox_may_be_subscribed_to(self):
        me, other = self.session(), self.session("other")
        random = me.inbox.split(".")[1]
        for filter in ("$inbox", "$inbox.**", "$inbox.*", f"$inbox.{random}", f"$inbox.{random}.**", f"$inbox.{random}.*",
                       f"$inbox.*.{me.id}", f"$inbox.*.{me.id}.**", other.inbox, other.inbox + ".**", me.inbox + "0",
                       f"$inbox.{random}.*.x", f"$inbox.x.{me.id}"):
            with self.subTest(filter=filter):
                self.expect_refusal(me, "denied", me.request(filter))
        self.session("sender").publish(other.inbox)
        self.expect_untouched(me)

    @covers("S8")
    def test_a_monitor_receives_like_any_subscription(self):
        me = self.session()
        me.subscribe("a.*", monitor=True)
        me.publish("a.b", b"1")
        self.expect_payloads(me, [b"1"])

    @covers("S9", "S11", "E3")
    def test_a_group_with_retained_or_monitor_is_unsupported_and_the_session_goes_on(self):
        me = self.session()
        for options in ({"retained": True}, {"monitor": True}, {"monitor": True, "retained": True}):
            with self.subTest(options=options):
                self.expect_refusal(me, "unsupported", me.request("a", group="workers", **options))
        me.unsubscribe(me.subscribe("b", group="workers", retained=False, monitor=False))
        me.publish("a")
        self.assertEqual(me.barrier(), ([], (1, 1, 0)))

    @covers("R4")
    def test_retained_false_asks_for_nothing(self):
        self.session().subscribe("a", retained=False)

    @covers("S10")
    def test_a_request_of_0_is_a_bad_frame(self):
        for tree in ([wire.SUBSCRIBE, 0, 1, "a", {}], [wire.UNSUBSCRIBE, 0, 1]):
            with self.subTest(type=tree[0]):
                me = self.session()
                me.send(tree)
                self.expect_fatal(me, "bad_frame")


class FewSubscriptions(BrokerCase):
    flags = ("--max-subscriptions", "10")

    @covers("S7", "S11", "E3")
    def test_one_subscription_too_many_is_refused_with_both_numbers_until_one_ends(self):
        me = self.session()
        for sub in range(1, 11):
            me.subscribe(f"t.{sub}", sub=sub)
        text = self.expect_refusal(me, "limit", me.request("t.11", sub=11))
        self.assertRegex(text, r"\b1[01]\b.*\b10\b")
        me.publish("t.11", b"no")
        me.publish("t.10", b"yes")
        self.expect_payloads(me, [b"yes"])
        self.session("other").subscribe("t.11")
        me.unsubscribe(3)
        me.subscribe("t.11", sub=11)


class FewSubscriptionsOfAUser(BrokerCase):
    flags = ("--max-user-subscriptions", "5")

    @covers("S7", "S11", "E3")
    def test_all_sessions_of_a_user_share_a_limit_until_one_ends(self):
        me, other = self.session(), self.session("other")
        for sub in range(1, 4):
            me.subscribe(f"t.{sub}", sub=sub)
        for sub in range(1, 3):
            other.subscribe(f"t.{sub}", sub=sub)
        text = self.expect_refusal(other, "limit", other.request("t.3", sub=3))
        self.assertRegex(text, r"\b5\b.*\(limit 5, max-user-subscriptions\); pid=\d+ command=\S+ uid=\d+")
        me.unsubscribe(3)
        other.subscribe("t.3", sub=3)
        me.close()
        while True:  # its end may not have been noticed yet
            other.request("t.4", sub=4)
            if other.receive().type == wire.OK:
                break


if __name__ == "__main__":
    unittest.main()
