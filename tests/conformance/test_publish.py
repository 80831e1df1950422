#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 4. Publish."""

import os
import re
import time
import unittest

import vectors
import wire
from case import BrokerCase, covers, publish


class Publish(BrokerCase):
    @covers("P1")
    def test_the_stamp_is_the_brokers_word_whatever_the_sender_wrote(self):
        reader = self.subscriber("a")
        for stamp in (wire.ZEROS, b"\xff" * 8, (1).to_bytes(4, "big") + bytes(4), reader.id.to_bytes(4, "big") * 2):
            sender = self.session("sender")
            sender.send(publish("a", stamp=stamp), publish("a", stamp=stamp))
            sender.barrier()
            got, _ = reader.barrier()
            expected = sender.id.to_bytes(4, "big") + os.getuid().to_bytes(4, "big")
            self.assertEqual([one.tree[2] for one in got], [expected, expected])

    @covers("P2", "F11", "F12")
    def test_all_other_bytes_arrive_as_they_were_sent(self):
        reader = self.bystander()
        sender = self.session("sender")
        sent = [vector.frame for vector in vectors.load() if vector.name.startswith("ok_publish_")]
        self.assertGreater(len(sent), 20)
        sender.send(*sent)
        sender.barrier()
        got, _ = reader.barrier()
        for one, data in zip(got, sent):
            self.assertEqual(one.without_stamp(), wire.Frame(data).without_stamp())
        self.assertEqual(len(got), len(sent))

    @covers("P3")
    def test_a_message_arrives_once_however_many_subscriptions_match(self):
        reader = self.subscriber("a.b", "a.*", "*.b", "a.**", "**", "*.*")
        self.session("sender").publish("a.b", b"once")
        self.session("sender").barrier()
        self.expect_payloads(reader, [b"once"])
        again = self.session("sender")
        again.publish("a.b", b"again")
        again.barrier()
        self.expect_payloads(reader, [b"again"])

    @covers("P3", "S4")
    def test_the_same_filter_twice_is_two_subscriptions_and_one_message(self):
        me = self.session()
        one, two = me.subscribe("a"), me.subscribe("a")
        me.publish("a", b"1")
        self.expect_payloads(me, [b"1"])
        me.unsubscribe(one)
        me.publish("a", b"2")
        self.expect_payloads(me, [b"2"])
        me.unsubscribe(two)
        me.publish("a", b"3")
        self.expect_payloads(me, [])

    @covers("P4")
    def test_a_session_receives_its_own_messages(self):
        me = self.subscriber("mine")
        me.publish("mine", b"x")
        self.assertEqual(me.receive().tree[2][:4], me.id.to_bytes(4, "big"))

    @covers("P8", "E3")
    def test_a_topic_of_the_brokers_is_denied(self):
        bystander = self.bystander()
        me = self.session()
        random = me.inbox.split(".")[1]
        for topic in ("$", "$sys", "$sys.broker.x", "$inbox", f"$inbox.{random}", f"$inbox.{random}x.{me.id}",
                      f"$inbox.x{random}.{me.id}.y", f"$inbox.x.{me.id}", f"$inboxes.{random}.{me.id}", "$INBOX.a.1"):
            with self.subTest(topic=topic):
                sender = self.session("sender")  # one each: P13 reports the first at once
                sender.publish(topic)
                self.expect_refusal(sender, "denied", about=topic)
                self.assertEqual(sender.barrier(), ([], (0, 0, 1)))
                sender.close()
        self.expect_untouched(bystander)

    @covers("P8")
    def test_anybodys_inbox_takes_messages(self):
        owner = self.session("owner")
        owner.subscribe(owner.inbox)
        owner.subscribe(owner.inbox + ".**")
        sender = self.session("sender")
        for client in (owner, sender):
            for topic in (owner.inbox, owner.inbox + ".1", owner.inbox + ".a.b.c"):
                client.publish(topic, topic.encode())
        sender.barrier()
        got, _ = owner.barrier()
        topics = [owner.inbox, owner.inbox + ".1", owner.inbox + ".a.b.c"] * 2
        self.assertEqual([one.tree[3] for one in got], topics)

    @covers("P10")
    def test_no_responder_comes_before_ones_own_copy(self):
        me = self.session()
        me.subscribe("p10.own", monitor=True)
        me.publish("p10.own", reply=me.inbox + ".1")
        frames, _ = me.barrier()
        self.assertEqual([frame.type for frame in frames], [wire.ERROR, wire.PUBLISH])

    @covers("P8", "P11")
    def test_a_message_to_the_inbox_of_a_session_that_is_gone_is_taken_and_forgotten(self):
        gone = self.session("gone")
        gone.send([wire.GOAWAY, "", 0])
        gone.receive_rest()
        sender = self.session("sender")
        none = gone.inbox.rpartition(".")[0]
        for topic in (gone.inbox + ".1", f"{none}.x", f"{none}.01", f"{none}.0", f"{none}.4294967296.y"):
            sender.publish(topic)
            self.assertEqual(sender.barrier(), ([], (1, 1, 0)))

    @covers("P9")
    def test_a_reply_may_be_in_the_senders_own_inbox_or_an_ordinary_topic(self):
        responder = self.subscriber("service", name="responder")
        me = self.session()
        replies = [me.inbox, me.inbox + ".1", me.inbox + ".a.b", "ordinary.topic"]
        for reply in replies:
            me.publish("service", reply=reply)
        self.assertEqual(me.barrier(), ([], (4, 0, 0)))
        got, _ = responder.barrier()
        self.assertEqual([one.tree[4] for one in got], replies)

    @covers("P9", "E3")
    def test_a_reply_in_anothers_inbox_or_of_the_brokers_is_denied_about_the_reply(self):
        responder = self.subscriber("service", name="responder")
        other = self.session("other")
        random = other.inbox.split(".")[1]
        for reply in (other.inbox, other.inbox + ".1", "$sys.x", "$inbox", f"$inbox.{random}", f"$inbox.x.{other.id}"):
            with self.subTest(reply=reply):
                me = self.session()
                me.publish("service", reply=reply)
                self.expect_refusal(me, "denied", about=reply)
                self.assertEqual(me.barrier(), ([], (0, 0, 1)))
                me.close()
        self.expect_untouched(responder)

    @covers("P9")
    def test_a_longer_session_number_is_not_the_senders_own_inbox(self):
        responder = self.subscriber("service", name="responder")
        me = self.session()
        me.publish("service", reply=me.inbox + "0")
        self.expect_refusal(me, "denied", about=me.inbox + "0")
        self.expect_untouched(responder)

    @covers("P10", "P13")
    def test_a_request_that_reaches_nobody_gets_no_responder_each_time(self):
        me = self.session()
        for n in range(5):
            me.publish("nobody", reply=f"{me.inbox}.{n}")
            self.expect_refusal(me, "no_responder", about=f"{me.inbox}.{n}")
        self.assertEqual(me.barrier(), ([], (5, 5, 0)))

    @covers("P10", "S8")
    def test_a_monitor_sees_a_request_and_is_no_responder(self):
        monitor = self.session("monitor")
        sub = monitor.subscribe("service.**", monitor=True)
        me = self.session()
        me.publish("service.x", b"1", reply="answers")
        self.expect_refusal(me, "no_responder", about="answers")
        self.expect_payloads(monitor, [b"1"])
        # a subscription of the same session that does not watch makes it one
        for options in {}, {"monitor": False}:
            monitor.subscribe("service.x", sub=sub + 100, **options)
            me.publish("service.x", b"2", reply="answers")
            self.assertEqual(me.barrier()[0], [])
            self.expect_payloads(monitor, [b"2"])
            monitor.unsubscribe(sub + 100)
        me.publish("service.x", b"3", reply="answers")
        self.expect_refusal(me, "no_responder", about="answers")
        self.expect_payloads(monitor, [b"3"])

    @covers("P10", "P4")
    def test_a_message_without_a_reply_gets_no_answer_from_nobody(self):
        me = self.session()
        me.publish("nobody")
        self.assertEqual(me.barrier(), ([], (1, 1, 0)))

    @covers("P11")
    def test_a_message_to_nobody_is_forgotten(self):
        sender = self.session("sender")
        sender.publish("later", b"lost")
        self.assertEqual(sender.barrier(), ([], (1, 1, 0)))
        self.expect_untouched(self.subscriber("later"))

    @covers("P12")
    def test_nothing_of_a_long_frame_that_turns_out_bad_at_its_end_reaches_anybody(self):
        bystander = self.bystander()
        attacker = self.session("attacker")
        data = wire.pack(publish(payload=bytes(1 << 20))[:-1])
        body = b"\x98" + data[1:] + b"\xc6\x00\x10\x00\x00" + bytes(1 << 20) + b"\xc1"
        attacker.send(wire.frame(body))
        self.expect_fatal(attacker, "bad_frame")
        self.expect_untouched(bystander)

    @covers("P13", "B3")
    def test_many_refused_messages_are_reported_once_a_second_with_their_count(self):
        me = self.session()
        begun = time.monotonic()
        me.send(*(publish(f"$sys.{n}") for n in range(11)))
        self.expect_refusal(me, "denied", about="$sys.0")
        later = me.receive()
        self.assertGreaterEqual(time.monotonic() - begun, 0.9)
        _, code, text, request, fatal, about = self.error(later)
        self.assertEqual((code, request, fatal), (wire.REFUSAL_CODES["denied"], 0, False))
        self.assertIn(about, [f"$sys.{n}" for n in range(1, 11)])
        self.assertIn("10", re.findall(r"[0-9]+", text), text)
        self.assertEqual(me.barrier(), ([], (0, 0, 11)))

    @covers("P13", "P8")
    def test_each_refused_request_is_reported(self):
        me = self.session()
        me.send(*(publish("$sys.x", reply=f"{me.inbox}.{n}") for n in range(5)))
        for n in range(5):
            self.expect_refusal(me, "denied", about=f"{me.inbox}.{n}")
        self.assertEqual(me.barrier(), ([], (0, 0, 5)))

    @covers("P14", "F6")
    def test_messages_keep_their_order_and_all_receivers_see_the_same(self):
        readers = [self.subscriber("order.**", name=f"reader {n}") for n in range(3)]
        senders = [self.session(f"sender {n}") for n in range(4)]
        n_each = 500
        for sender in senders:
            sender.queue(*(publish(f"order.{n % 7}", n.to_bytes(4, "big")) for n in range(n_each)))
        everybody = senders + readers
        total = n_each * len(senders)
        wire.pump(everybody, lambda: all(len(reader.frames) == total for reader in readers), "all messages")
        seen = [[(one.tree[2][:4], one.tree[6]) for one in reader.frames] for reader in readers]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])
        for sender in senders:
            mine = [int.from_bytes(payload, "big") for session, payload in seen[0] if int.from_bytes(session, "big") == sender.id]
            self.assertEqual(mine, list(range(n_each)))


if __name__ == "__main__":
    unittest.main()
