#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 6. Errors."""

import re
import select
import unittest

import vectors
import wire
from case import BrokerCase, covers, hello, publish


class Errors(BrokerCase):
    @covers("E1")
    def test_what_waited_for_the_client_is_sent_before_the_fatal_error(self):
        client = self.connect()
        client.send(hello(), [wire.SUBSCRIBE, 1, 1, "a", {}], publish("a", b"1"), [wire.SUBSCRIBE, 2, 1, "a", {}],
                    [wire.PING, 3], publish("a", b"2"), [99])
        before, _ = self.expect_fatal(client, "unknown_type")
        self.assertEqual([one.type for one in before],
                         [wire.WELCOME, wire.OK, wire.PUBLISH, wire.ERROR, wire.PONG, wire.PUBLISH])

    @covers("E1", "P12")
    def test_a_lot_that_waited_is_sent_before_the_fatal_error(self):
        client = self.subscriber("a")
        n = 500
        client.queue(*(publish("a", bytes(4000)) for _ in range(n)), [99])
        client.paused = True
        wire.pump([client], lambda: not client.queued, "the broker to read all")
        client.paused = False
        before, _ = self.expect_fatal(client, "unknown_type")
        self.assertEqual(len(before), n)

    @covers("E1", "P12")
    def test_no_byte_after_the_fault_is_parsed(self):
        bystander = self.bystander()
        attacker = self.session("attacker")
        attacker.send([99], publish(payload=b"late"), [wire.PING, 1], [98])
        before, _ = self.expect_fatal(attacker, "unknown_type")
        self.assertEqual(before, [])
        attacker.send(publish(payload=b"later"))
        self.expect_untouched(bystander)

    @covers("E2")
    def test_a_fault_ends_the_subscriptions_of_its_session_and_no_other(self):
        stays = self.subscriber("a", name="stays")
        goes = self.subscriber("a", name="goes")
        goes.send([99])
        self.expect_fatal(goes, "unknown_type")
        stays.publish("a", b"1")
        got, counts = stays.barrier()
        self.assertEqual((len(got), counts), (1, (1, 0, 0)))
        stays.unsubscribe(1)
        stays.publish("a", b"2")
        self.assertEqual(stays.barrier(), ([], (1, 1, 0)))

    @covers("E2")
    def test_a_hundred_faulty_connections_at_once_harm_nobody(self):
        bystander = self.bystander()
        attackers = [self.session("attacker") for _ in range(100)]
        for number, attacker in enumerate(attackers):
            attacker.send((b"\xce\xff\xff\xff\xff", b"x", wire.frame(b"\xc1"), wire.frame([99]))[number % 4])
        for attacker in attackers:
            self.expect_fatal(attacker, "frame_too_big", "bad_magic", "bad_frame", "unknown_type")
        self.expect_untouched(bystander)

    @covers("E3")
    def test_after_any_number_of_refusals_the_session_goes_on(self):
        me = self.session()
        for n in range(200):
            self.expect_refusal(me, "bad_filter", me.request("a..b"))
        me.subscribe("a")
        me.publish("a", b"fine")
        self.expect_payloads(me, [b"fine"])

    @covers("E4")
    def test_the_golden_frames_have_errors_of_codes_that_the_table_has_not(self):
        page = vectors.PROTOCOL.read_text(encoding="utf-8")
        table = dict(re.findall(r"^\| ([0-9]+) \| `([a-z_]+)` \| (?:fatal|refusal|fatal or refusal) \|", page, re.MULTILINE))
        codes = {**wire.FATAL_CODES, **wire.REFUSAL_CODES}
        self.assertEqual({name: int(code) for code, name in table.items()}, codes)
        unknown = [vector.decoded for vector in vectors.load()
                   if vector.good and vector.decoded[0] == wire.ERROR and vector.decoded[1] not in codes.values()]
        self.assertEqual({tree[4] for tree in unknown}, {True, False})


class Unread(BrokerCase):
    flags = ("--linger-ms", "300")

    @covers("E1", "E2")
    def test_who_does_not_read_what_waits_is_closed_after_a_bounded_time_all_the_same(self):
        me = self.subscriber("a")
        me.paused = True
        me.queue(*(publish("a", bytes(4000)) for _ in range(500)), [99])
        wire.pump([me], lambda: not me.queued, "the broker to read all")
        closed = select.poll()
        closed.register(me.socket, 0)  # POLLHUP: the other end is closed, not only its writing half
        self.assertTrue(closed.poll(wire.DEADLINE * 1000), "the connection is still open")


if __name__ == "__main__":
    unittest.main()
