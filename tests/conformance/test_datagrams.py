#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 11. Datagrams."""

import array
import os
import socket
import sys
import unittest

import wire
from broker import Broker
from case import BrokerCase, covers, publish

STAMP = b"\xff\xff\xff\xff" + os.getuid().to_bytes(4, "big")
MAX = 65536  # bytes of a datagram


@unittest.skipUnless(sys.platform == "linux", "only Linux says who sends a datagram")
class DatagramCase(BrokerCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker("--settle-ms", "0", *cls.flags, datagram=True)

    def setUp(self):
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.settimeout(wire.DEADLINE)
        self.addCleanup(self.sender.close)

    def send(self, *datagrams):
        for data in datagrams:
            self.sender.sendto(data, self.broker.datagram_path)

    def expect(self, subscriber, *frames):
        """These trees, with the stamp of a datagram, byte for byte as their encoder wrote them."""
        for tree in frames:
            got = subscriber.receive()
            self.assertEqual(got.raw, wire.frame(tree[:2] + [STAMP] + tree[3:]), got)

    def expect_dropped(self, *datagrams):
        """None of them reaches anybody, and the next good one does."""
        subscriber = self.subscriber("**")
        self.send(*datagrams, b"next good")
        self.expect(subscriber, publish("next", b"good"))


class Datagrams(DatagramCase):
    flags = ("--max-frame", "66000", "--outbox-high", "100000")

    @covers("D1", "D3", "P1", "P2")
    def test_a_frame_arrives_as_it_was_sent_but_for_the_stamp(self):
        subscriber = self.subscriber("**")
        trees = [publish("a", b"1"), publish("a", b"\x00" * 300, stamp=b"forged!!"),
                 publish("b.c", b"2", reply="d.e", headers={"k": 1}, flags=0x40) + ["more"]]
        self.send(*(wire.frame(tree) for tree in trees))
        self.expect(subscriber, *trees)

    @covers("D1", "P5", "P6", "P7")
    def test_what_is_not_exactly_one_valid_publish_is_dropped(self):
        good = wire.frame(publish("a", b"1"))
        self.expect_dropped(good + b"\x00", good + good, good[:-1], good[:4], b"\xce\x00", wire.frame([wire.PING, 1]),
                            wire.frame([wire.HELLO, 1, "me", {}]), wire.frame(publish("a..b")), wire.frame(publish("a", reply="*")),
                            wire.frame(publish("a", flags=0x80)), wire.frame(publish("a", stamp=b"short")))

    @covers("D2", "D3")
    def test_a_text_is_a_topic_a_space_or_tab_and_a_payload(self):
        subscriber = self.subscriber("**")
        cases = {b"door.open front": ("door.open", b"front"), b"a\tb c\td": ("a", b"b c\td"), b"a  b": ("a", b" b"),
                 b"a b\n": ("a", b"b"), b"a b\n\n": ("a", b"b\n"), b"a": ("a", b""), b"a\n": ("a", b""), b"a ": ("a", b""),
                 b"a \xff\x00": ("a", b"\xff\x00"), "αβγ δ".encode(): ("αβγ", "δ".encode()),
                 b"x" * 255 + b" " + b"y" * 300: ("x" * 255, b"y" * 300)}
        for text, (topic, payload) in cases.items():
            with self.subTest(text=text[:20]):
                self.send(text)
                self.expect(subscriber, publish(topic, payload))

    @covers("D2")
    def test_a_text_without_a_valid_topic_is_dropped(self):
        self.expect_dropped(b"", b"\n", b" a b", b"a..b c", b"a.* b", b"a\nb c", b"\xff b", b"x" * 256 + b" y", b"\xce")

    @covers("D4", "P8", "P9")
    def test_a_datagram_may_not_speak_for_the_broker_nor_ask_for_replies_to_an_inbox(self):
        me = self.session()
        random = me.inbox.split(".")[1]
        self.expect_dropped(b"$SYS.client.connected x", b"$x y", b"$inbox.00.1 x", f"$inbox.{random} x".encode(),
                            wire.frame(publish("a", reply=me.inbox)), wire.frame(publish("a", reply="$SYS.x")))

    @covers("D4", "P8")
    def test_a_datagram_may_answer_a_request(self):
        me = self.session()
        me.subscribe(me.inbox + ".*")
        self.send(f"{me.inbox}.7 done".encode())
        self.expect(me, publish(me.inbox + ".7", b"done"))

    @covers("D5", "P14")
    def test_datagrams_arrive_in_order_and_wait_for_nobody(self):
        slow, quick = self.subscriber("**", name="slow"), self.subscriber("**", name="quick")
        n, size = 100, 30000  # more than the kernel's buffer and twice the outbox
        for i in range(n):
            self.send(b"t " + b"%08d" % i + bytes(size))
            self.assertEqual(int(quick.receive().tree[6][:8]), i)
        at = 0
        while at < n:
            frame = slow.receive()
            if frame.type == wire.GAP:
                at += frame.tree[1]
                continue
            self.assertEqual(int(frame.tree[6][:8]), at)
            at += 1
        self.assertEqual(slow.barrier()[0], [])

    @covers("D6", "D8")
    def test_what_is_too_long_is_dropped(self):
        subscriber = self.subscriber("**")
        self.send(b"t " + bytes(MAX - 1), b"t " + bytes(MAX - 2))
        self.expect(subscriber, publish("t", bytes(MAX - 2)))
        self.assertIn("refused datagrams cause=too_big n=1 ", self.broker.log())

    @covers("D7")
    def test_descriptors_are_closed_and_the_message_is_taken(self):
        subscriber = self.subscriber("**")
        mine, theirs = socket.socketpair()
        self.addCleanup(mine.close)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
        self.sender.sendmsg([b"a b"], rights, 0, self.broker.datagram_path)
        theirs.close()
        self.expect(subscriber, publish("a", b"b"))
        mine.settimeout(wire.DEADLINE)
        self.assertEqual(mine.recv(1), b"", "the other end is still open")


class FewDatagrams(DatagramCase):
    flags = ("--datagram-rate", "10")

    @covers("D6", "D8")
    def test_too_many_in_a_second_are_dropped_and_logged_once(self):
        subscriber = self.subscriber("**")
        self.send(*(b"t %d" % n for n in range(200)))
        self.expect(subscriber, *(publish("t", b"%d" % n) for n in range(10)))
        later = []
        while not later:  # until the next second
            self.send(b"later x")
            before, _ = subscriber.barrier()
            later = [frame for frame in before if frame.tree[3] == "later"]
        self.assertIn("refused datagrams cause=too_many n=1 ", self.broker.log())


if __name__ == "__main__":
    unittest.main()
