#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""PROTOCOL.md, 9. The end."""

import os
import time
import unittest

import wire
from broker import Broker
from case import BrokerCase, covers, hello, publish
from wire import frame


class Leaving(BrokerCase):
    @covers("G1", "P12")
    def test_what_came_before_a_goaway_is_routed_and_answered_and_nothing_after_it_is_parsed(self):
        bystander = self.bystander()
        me = self.session()
        me.send(publish("a", b"before"), [wire.SUBSCRIBE, 1, 1, "a..b", {}], [wire.PING, 2], [wire.GOAWAY, "done", 7],
                publish("a", b"after"), [wire.PING, 3], b"no frame at all")
        self.assertEqual([one.type for one in me.receive_rest()], [wire.ERROR, wire.PONG])
        self.expect_payloads(bystander, [b"before"])

    @covers("G1")
    def test_a_goaway_ends_the_subscriptions(self):
        me = self.subscriber("a")
        me.send([wire.GOAWAY, "", 0])
        self.assertEqual(me.receive_rest(), [])
        sender = self.session("sender")
        sender.publish("a")
        self.assertEqual(sender.barrier(), ([], (1, 1, 0)))

    @covers("G1")
    def test_much_that_waits_is_sent_before_the_end(self):
        me = self.subscriber("a")
        n = 500
        me.queue(*(publish("a", bytes(4000)) for _ in range(n)), [wire.GOAWAY, "", 0])
        me.paused = True
        wire.pump([me], lambda: not me.queued, "the broker to read all")
        me.paused = False
        self.assertEqual([one.type for one in me.receive_rest()], [wire.PUBLISH] * n)

    @covers("G2")
    def test_the_end_of_the_clients_stream_is_as_good_as_a_goaway(self):
        bystander = self.bystander()
        me = self.session()
        me.send(publish("a", b"last"), [wire.PING, 2])
        me.end_writing()
        self.assertEqual([one.tree for one in me.receive_rest()], [[wire.PONG, 2, 1, 0, 0]])
        self.expect_payloads(bystander, [b"last"])

    @covers("G2")
    def test_the_rest_of_a_frame_that_is_not_complete_is_discarded(self):
        bystander = self.bystander()
        data = frame(publish("a", b"never"))
        for at in (1, 4, 5, 6, len(data) - 1):
            with self.subTest(at=at):
                me = self.session()
                me.send(publish("a", b"whole"), data[:at])
                me.end_writing()
                self.assertEqual(me.receive_rest(), [])
                self.expect_payloads(bystander, [b"whole"])
                me.close()

    @covers("G2")
    def test_what_a_client_wrote_before_it_closed_is_routed_although_it_read_nothing(self):
        bystander = self.bystander()
        for n in (1, 1000):
            with self.subTest(messages=n):
                client = self.connect()
                client.send(hello(), *(publish("a", bytes([k % 256])) for k in range(n)))
                client.close()
                got = [self.payload(bystander.receive()) for _ in range(n)]
                self.assertEqual(got, [bytes([k % 256]) for k in range(n)])
        self.expect_untouched(bystander)

    @covers("G2")
    def test_a_connection_that_ends_before_its_hello_is_just_closed(self):
        for start in (b"", frame(hello())[:7]):
            client = self.connect()
            client.send(start)
            client.end_writing()
            self.assertEqual(client.receive_rest(), [])


class Wills(BrokerCase):
    flags = ("--outbox-high", "65536", "--retained-max", "1")

    def with_will(self, payload=b"gone", topic="will", **elements):
        return self.session("mortal", will=wire.pack(publish(topic, payload, **elements)))

    def expect_will_of(self, reader, session, payload=b"gone"):
        tree = reader.receive().tree
        self.assertEqual((tree[0], tree[3], tree[6]), (wire.PUBLISH, "will", payload))
        self.assertEqual(tree[2], session.id.to_bytes(4, "big") + os.getuid().to_bytes(4, "big"))

    @covers("G6", "G2", "H9")
    def test_a_will_is_published_in_the_name_of_who_is_gone_behind_all_that_it_sent(self):
        reader = self.subscriber("will")
        mortal = self.with_will()
        mortal.send(*(publish("will", bytes([n])) for n in range(100)), frame(publish("will", b"half"))[:-1])
        mortal.close()
        self.assertEqual([self.payload(reader.receive()) for _ in range(100)], [bytes([n]) for n in range(100)])
        self.expect_will_of(reader, mortal)
        self.expect_untouched(reader)

    @covers("G6")
    def test_a_fatal_error_is_such_an_end(self):
        reader = self.subscriber("will")
        mortal = self.with_will()
        mortal.send(b"\0")
        self.expect_fatal(mortal, "bad_magic")
        self.expect_will_of(reader, mortal)
        mortal.close()
        self.expect_untouched(reader)

    @covers("G6", "G1")
    def test_who_says_goaway_has_no_will(self):
        reader = self.subscriber("will")
        mortal = self.with_will()
        mortal.send([wire.GOAWAY, "", 0])
        mortal.receive_rest()
        self.expect_untouched(reader)

    @covers("G6", "H9")
    def test_one_who_was_not_welcomed_has_no_will(self):
        reader = self.subscriber("will")
        client = self.connect()
        client.send(hello(version=0, options={"will": wire.pack(publish("will"))}))
        self.expect_fatal(client, "bad_version")
        self.expect_untouched(reader)

    @covers("G7", "R1", "R3")
    def test_a_will_with_the_retain_flag_is_kept_and_one_that_does_not_fit_delivered(self):
        reader = self.subscriber("will", "will2")
        self.with_will(flags=1).close()
        reader.receive()
        self.with_will(topic="will2", flags=1).close()
        self.assertEqual(self.payload(reader.receive()), b"gone")
        self.assertEqual(len(self.session().subscribe_retained("*")[1]), 1)
        self.session().retain("will")

    @covers("G7", "O5")
    def test_a_will_waits_for_nobody(self):
        stopped, reader = self.subscriber("will", name="stopped"), self.subscriber("will")
        stopped.paused = True
        n = 60
        for _ in range(n):  # more than the kernel and twice the mark would take of messages that wait
            self.with_will(payload=bytes(16000)).close()
        for _ in range(n):
            self.assertEqual(self.payload(reader.receive()), bytes(16000))
        stopped.paused = False
        got, _ = stopped.barrier()
        lost = sum(one.tree[1] for one in got if one.type == wire.GAP)
        self.assertEqual(sum(one.type == wire.PUBLISH for one in got) + lost, n)


class Stopping(unittest.TestCase):
    """The broker's own end; each case has a broker to end."""

    def start(self, *flags):
        self.broker = Broker("--settle-ms", "0", *flags)
        self.addCleanup(lambda: self.broker.process.poll() is not None or self.broker.fail("the case left it running"))

    def session(self, name):
        session = wire.Session(self.broker.path, name)
        self.addCleanup(session.close)
        return session

    def expect_goaway(self, session):
        """Returns the answer to the PING behind it."""
        tree = session.receive().tree
        self.assertEqual(tree[0], wire.GOAWAY, tree)
        self.assertIsInstance(tree[1], str)
        self.assertTrue(0 <= tree[2] < 1 << 32, tree)
        ping = session.receive().tree
        self.assertEqual(ping[0], wire.PING, ping)
        return [wire.PONG, ping[1]]

    @covers("G3", "G4", "B2")
    def test_a_frame_in_hand_may_be_finished_and_the_pong_says_that_it_was_routed(self):
        self.start("--drain-ms", "600000")
        reader, sender = self.session("reader"), self.session("sender")
        reader.subscribe("a")
        data = frame(publish("a", b"in hand"))
        sender.send(publish("a", b"before"), data[:9])
        self.assertEqual(reader.receive().tree[6], b"before")
        self.broker.terminate()
        read = self.expect_goaway(sender)
        reader.send([wire.PING, 6], self.expect_goaway(reader))
        sender.send(data[9:], [wire.PING, 5], read)
        self.assertEqual(sender.receive().tree, [wire.PONG, 5, 2, 0, 0])
        answers = reader.receive_rest()
        self.assertEqual(sorted(one.type for one in answers), [wire.PUBLISH, wire.PONG])
        self.assertEqual([one.tree[6] for one in answers if one.type == wire.PUBLISH], [b"in hand"])
        self.assertEqual(sender.receive_rest(), [])
        self.broker.expect_exit()

    @covers("G3", "G4")
    def test_a_ping_that_was_on_its_way_before_the_goaway_was_read_ends_nothing(self):
        """The client sends on behind it, for it does not know yet; that it has read GOAWAY is what its PONG says."""
        self.start("--drain-ms", "600000")
        reader, sender = self.session("reader"), self.session("sender")
        reader.subscribe("a")
        self.broker.terminate()
        reader.send([wire.PING, 1], self.expect_goaway(reader))
        read = self.expect_goaway(sender)  # here; the client of this case reads it only later
        self.assertEqual(sender.barrier(), ([], (0, 0, 0)))
        sender.send(publish("a", b"behind it"), [wire.PING, 5], read)
        self.assertEqual([one.tree for one in sender.receive_rest()], [[wire.PONG, 5, 1, 0, 0]])
        self.assertEqual([one.tree[6] for one in reader.receive_rest() if one.type == wire.PUBLISH], [b"behind it"])
        self.broker.expect_exit()

    @covers("G4")
    def test_a_session_is_sent_what_waits_for_it_before_the_broker_ends(self):
        self.start("--drain-ms", "600000")
        reader, witness = self.session("reader"), self.session("witness")
        reader.subscribe("a")
        n = 500
        reader.queue(*(publish("a", bytes(4000)) for _ in range(n)))
        reader.paused = True
        wire.pump([reader], lambda: not reader.queued, "the broker to read all")
        self.broker.terminate()
        witness.send([wire.PING, 1], self.expect_goaway(witness))
        reader.send([wire.PING, 1])
        reader.paused = False
        wire.pump([reader], lambda: any(one.type == wire.PING for one in reader.frames), "the PING behind its GOAWAY")
        reader.send(*([wire.PONG, one.tree[1]] for one in reader.frames if one.type == wire.PING))
        answers = reader.receive_rest()
        self.assertEqual(sum(one.type == wire.PUBLISH for one in answers), n)
        self.assertEqual(sorted(one.type for one in answers if one.type != wire.PUBLISH), [wire.PING, wire.PONG, wire.GOAWAY])
        self.broker.expect_exit()

    @covers("G4")
    def test_who_never_pings_delays_the_end_only_for_a_bounded_time(self):
        self.start("--drain-ms", "400")
        stubborn = self.session("stubborn")
        begun = time.monotonic()
        self.broker.terminate()
        self.expect_goaway(stubborn)
        self.assertEqual([one for one in stubborn.receive_rest() if one.type != wire.ERROR], [])
        self.assertGreaterEqual(time.monotonic() - begun, 0.35)
        self.broker.expect_exit()

    @covers("G4")
    def test_who_never_reads_delays_the_end_only_for_a_bounded_time(self):
        self.start("--drain-ms", "400", "--linger-ms", "400")
        stopped = self.session("stopped")
        stopped.subscribe("a")
        stopped.paused = True
        stopped.queue(*(publish("a", bytes(4000)) for _ in range(500)), [wire.PING, 1])
        wire.pump([stopped], lambda: not stopped.queued, "the broker to read all")
        self.broker.terminate()
        self.broker.expect_exit()

    @covers("G6")
    def test_there_are_no_wills_when_the_broker_stops(self):
        self.start("--drain-ms", "600000")
        reader = self.session("reader")
        reader.subscribe("will")
        mortal = wire.Session(self.broker.path, "mortal", {"will": wire.pack(publish("will"))})
        self.broker.terminate()
        self.expect_goaway(mortal)
        read = self.expect_goaway(reader)
        mortal.close()
        reader.send([wire.PING, 1], read)
        self.assertEqual([one.type for one in reader.receive_rest()], [wire.PONG])
        self.broker.expect_exit()

    @covers("G4")
    def test_a_broker_without_sessions_ends_at_once(self):
        self.start("--drain-ms", "600000")
        self.broker.terminate()
        self.broker.expect_exit()


class Starting(unittest.TestCase):
    @covers("G5", "S2")
    def test_a_publisher_that_is_back_first_waits_for_its_subscribers(self):
        broker = Broker("--settle-ms", "2000")
        sender = wire.Session(broker.path, "sender")
        self.assertEqual(sender.barrier(), ([], (0, 0, 0)))
        sender.publish("a", b"1")
        sender.send([wire.PING, 7])
        reader = wire.Session(broker.path, "reader")
        reader.subscribe("a")
        self.assertEqual(reader.barrier(), ([], (0, 0, 0)))
        self.assertEqual(sender.read_some(), 0, "the PUBLISH was routed before the broker had settled")
        self.assertEqual(reader.receive().tree[6], b"1")
        self.assertEqual(sender.receive().tree, [wire.PONG, 7, 1, 0, 0])
        sender.close()
        reader.close()
        broker.stop()

    @covers("G5", "F13")
    def test_a_message_that_waits_for_subscribers_is_not_late(self):
        broker = Broker("--settle-ms", "800", "--frame-ms", "200")
        sender = wire.Session(broker.path, "sender")
        sender.send(publish("a", b"1"), publish("a", b"2"), [wire.PING, 7])
        self.assertEqual(sender.receive().tree, [wire.PONG, 7, 2, 2, 0])
        sender.close()
        broker.stop()

    @covers("G5")
    def test_an_own_subscription_before_the_publish_is_answered_and_the_publish_waits(self):
        broker = Broker("--settle-ms", "700")
        begun = time.monotonic()
        me = wire.Session(broker.path, "me")
        me.subscribe("a")
        me.send([wire.PING, 1], publish("a", b"1"), [wire.PING, 2])
        self.assertEqual(me.receive().tree, [wire.PONG, 1, 0, 0, 0])
        self.assertEqual(me.receive().tree[6], b"1")
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        self.assertEqual(me.receive().tree, [wire.PONG, 2, 1, 0, 0])
        me.close()
        broker.stop()


if __name__ == "__main__":
    unittest.main()
