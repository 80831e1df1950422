#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 7. Ping, pong: the barrier."""

import unittest

import wire
from case import BrokerCase, covers, publish


class Ping(BrokerCase):
    @covers("B1")
    def test_a_ping_is_answered_with_its_token(self):
        me = self.session()
        for token in (0, 1, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 53) - 1):
            me.send([wire.PING, token])
            self.assertEqual(me.receive().tree, [wire.PONG, token, 0, 0, 0])

    @covers("B1")
    def test_a_token_of_2_to_the_53_is_a_bad_frame(self):
        me = self.session()
        me.send([wire.PING, 1 << 53])
        self.expect_fatal(me, "bad_frame")

    @covers("B1")
    def test_many_pings_in_one_write_are_all_answered_in_order(self):
        me = self.session()
        me.send(*([wire.PING, token] for token in range(1000)))
        self.assertEqual([me.receive().tree[1] for _ in range(1000)], list(range(1000)))

    @covers("B2")
    def test_when_the_pong_is_sent_all_before_the_ping_has_been_routed(self):
        readers = [self.subscriber("a.*", name=f"reader {n}") for n in range(3)]
        sender = self.session("sender")
        for round in range(20):
            sender.queue(*(publish(f"a.{n}", bytes([round])) for n in range(50)))
            self.assertEqual(sender.barrier(), ([], (50, 0, 0)))
            for reader in readers:
                self.expect_payloads(reader, [bytes([round])] * 50)

    @covers("B3", "P10", "P13")
    def test_the_counts_are_of_the_messages_since_the_last_ping(self):
        me = self.subscriber("a")
        me.send(publish("a"), publish("a"), publish("nobody"), publish("$sys.x"), publish("$sys.y"),
                publish("nobody", reply="answers"), publish("a", reply="answers"))
        before, counts = me.barrier()
        self.assertEqual([one.type for one in before],
                         [wire.PUBLISH, wire.PUBLISH, wire.ERROR, wire.ERROR, wire.PUBLISH])
        self.assertEqual(counts, (5, 2, 2))
        before, counts = me.barrier()
        self.assertEqual(counts, (0, 0, 0))
        me.publish("nobody")
        self.assertEqual(me.barrier()[1], (1, 1, 0))

    @covers("B3")
    def test_the_counts_are_one_sessions_own(self):
        me, other = self.session(), self.session("other")
        other.publish("nobody")
        other.barrier()
        self.assertEqual(me.barrier(), ([], (0, 0, 0)))

    @covers("B4")
    def test_a_pong_that_was_not_asked_for_is_ignored(self):
        me = self.session()
        me.send([wire.PONG, 1], [wire.PONG, 0, 1, 2, 3], [wire.PONG, (1 << 53) - 1])
        self.assertEqual(me.barrier(), ([], (0, 0, 0)))


if __name__ == "__main__":
    unittest.main()
