#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 2. Hello."""

import os
import re
import time
import unittest

import judge
import wire
from broker import Broker
from case import BrokerCase, covers, hello, publish
from wire import frame


class Hello(BrokerCase):
    def welcome(self, tree):
        client = self.connect()
        client.send(tree)
        answer = client.receive()
        self.assertEqual(answer.type, wire.WELCOME, answer)
        return answer.tree

    @covers("H1", "E2")
    def test_any_other_frame_before_hello_is_out_of_turn(self):
        bystander = self.bystander()
        for tree in (publish(), [wire.SUBSCRIBE, 1, 1, "a", {}], [wire.UNSUBSCRIBE, 1, 1], [wire.PING, 1], [wire.PONG, 1],
                     [wire.GOAWAY, "", 0], [wire.OK, 1], [0x80, "an extension"]):
            with self.subTest(type=tree[0]):
                client = self.connect()
                client.send(tree)
                self.assertEqual(self.expect_fatal(client, "out_of_turn")[0], [])
                client.close()
        self.expect_untouched(bystander)

    @covers("H1")
    def test_a_second_hello_is_out_of_turn(self):
        client = self.session()
        client.send(hello())
        self.assertEqual(self.expect_fatal(client, "out_of_turn")[0], [])

    @covers("H1", "H4")
    def test_a_second_hello_in_the_same_write_is_out_of_turn_after_the_welcome(self):
        client = self.connect()
        client.send(hello(), hello())
        before, _ = self.expect_fatal(client, "out_of_turn")
        self.assertEqual([one.type for one in before], [wire.WELCOME])

    @covers("H3", "H4", "S1")
    def test_a_client_need_not_wait_for_its_welcome(self):
        client = self.connect()
        client.send(hello(), [wire.SUBSCRIBE, 1, 1, "a", {}], publish("a", b"1"), [wire.PING, 9], [wire.GOAWAY, "", 0])
        answers = client.receive_rest()
        self.assertEqual([one.type for one in answers], [wire.WELCOME, wire.OK, wire.PUBLISH, wire.PONG])
        self.assertEqual(answers[3].tree, [wire.PONG, 9, 1, 0, 0])

    @covers("H3")
    def test_nothing_comes_before_the_welcome(self):
        self.session("somebody else").publish("a.b")
        client = self.connect()
        client.send(frame(hello())[:-1])
        self.session("another").barrier()
        self.assertEqual(client.read_some(), 0)
        client.send(frame(hello())[-1:])
        self.assertEqual(client.receive().type, wire.WELCOME)

    @covers("H5")
    def test_the_version_is_the_highest_that_both_speak(self):
        for version in (1, 2, 255, (1 << 32) - 1):
            with self.subTest(version=version):
                self.assertEqual(self.welcome(hello(version=version))[1], 1)

    @covers("H5", "E1")
    def test_version_0_is_bad_version_and_the_text_names_the_brokers_range(self):
        client = self.connect()
        client.send(hello(version=0))
        before, error = self.expect_fatal(client, "bad_version")
        self.assertEqual(before, [])
        self.assertRegex(error[2], r"\b1\b")

    @covers("H6")
    def test_a_name_is_at_most_64_bytes_without_control_characters(self):
        for name in ("", "n" * 64, "\u20ac" * 21, "two words", "\u2028", "\u00a0"):
            with self.subTest(name=name):
                self.welcome(hello(name))
        for name in ("n" * 65, "\u20ac" * 22, *map(chr, sorted(judge.CONTROL))):
            with self.subTest(name=name):
                client = self.connect()
                client.send(hello(name))
                self.expect_fatal(client, "bad_frame")
                client.close()

    @covers("H7")
    def test_welcome_tells_session_uid_and_limits(self):
        _, version, session, uid, limits = self.welcome(hello())[:5]
        self.assertEqual((version, uid), (1, os.getuid()))
        self.assertTrue(1 <= session < judge.U32 - 1, session)
        self.assertEqual((limits["max_frame"], limits["overflow"]), (wire.MAX_FRAME, "block"))
        self.assertRegex(limits["inbox"], rf"^\$inbox\.[^.]+\.{session}$")
        self.assertTrue(judge.is_topic(limits["inbox"].encode()))

    @covers("H7")
    def test_a_session_is_never_given_twice_and_all_inboxes_share_one_random_token(self):
        sessions, tokens = [], set()
        for _ in range(100):
            client = self.session()
            sessions.append(client.id)
            tokens.add(client.inbox.split(".")[1])
            client.close()
        self.assertEqual(len(set(sessions)), 100)
        self.assertEqual(len(tokens), 1)

    @covers("H8")
    def test_the_policy_that_was_asked_for_is_granted(self):
        for asked in ("block", "drop-oldest", "disconnect"):
            with self.subTest(asked=asked):
                self.assertEqual(self.welcome(hello(options={"overflow": asked}))[4]["overflow"], asked)

    @covers("H8")
    def test_a_policy_that_is_not_known_means_block(self):
        for asked in ("a policy of the future", "", "Block", "drop_oldest"):
            with self.subTest(asked=asked):
                self.assertEqual(self.welcome(hello(options={"overflow": asked}))[4]["overflow"], "block")

    @covers("H9")
    def test_a_will_is_held_to_the_rules_of_a_publish(self):
        mine = self.session().inbox
        for will, error in ((b"", "bad_frame"), (wire.pack(publish())[:-1], "bad_frame"), (wire.pack(publish()) + b"\0", "bad_frame"),
                            (wire.pack([wire.PING, 1]), "bad_frame"), (frame(publish()), "bad_frame"),
                            (wire.pack(publish(headers={"a": []})), "bad_frame"), (wire.pack(publish("a.*")), "bad_topic"),
                            (wire.pack(publish(reply="a..b")), "bad_reply"), (wire.pack(publish(reply="a.b")), "bad_reply"),
                            (wire.pack(publish("$sys")), "denied"), (wire.pack(publish("$inbox.x.1")), "denied"),
                            (wire.pack(publish(mine, flags=1)), "denied"),
                            (wire.pack(publish(payload=bytes(16384))), "frame_too_big")):
            with self.subTest(will=will[:40], error=error):
                client = self.connect()
                client.send(hello(options={"will": will}))
                self.assertEqual(self.expect_fatal(client, error)[0], [])
                client.close()

    @covers("H9")
    def test_a_good_will_is_granted(self):
        head = len(wire.pack(publish(payload=bytes(300)))) - 300
        for will in (publish(), publish(flags=1, headers={"a": 1}), publish(self.session().inbox),
                     publish(payload=bytes(16384 - head))):
            self.welcome(hello(options={"will": wire.pack(will)}))

    @covers("H10")
    def test_a_known_option_of_the_wrong_type_is_a_bad_frame(self):
        for options in ({"overflow": 1}, {"overflow": None}, {"overflow": b"block"}, {"overflow": ["block"]},
                        {"overflow": True}, {"first": 1, "overflow": {}}, {"will": "a str"}, {"will": None}, {"will": publish()}):
            with self.subTest(options=options):
                client = self.connect()
                client.send(hello(options=options))
                self.expect_fatal(client, "bad_frame")
                client.close()


class SlowHello(BrokerCase):
    flags = ("--handshake-ms", "300")

    @covers("H2", "E2")
    def test_a_hello_that_does_not_become_complete_is_a_timeout(self):
        bystander = self.bystander()
        for start in (b"", b"\xce", frame(hello())[:-1]):
            with self.subTest(start=start.hex()):
                begun = time.monotonic()
                client = self.connect()
                client.send(start)
                self.assertEqual(self.expect_fatal(client, "timeout")[0], [])
                self.assertGreaterEqual(time.monotonic() - begun, 0.25)
        self.expect_untouched(bystander)

    @covers("H2")
    def test_bytes_that_trickle_in_do_not_extend_the_time(self):
        client = self.connect()
        data = frame(hello(options={"padding": bytes(5000)}))
        for at in range(200):
            client.send(data[at:at + 1])
            try:
                wire.pump([client], lambda: client.ended, deadline=0.02)  # stimulus: 50 bytes a second
                break
            except wire.Late:
                pass
        self.expect_fatal(client, "timeout")


class Restart(unittest.TestCase):
    @covers("H7", "P8")
    def test_the_random_token_of_inboxes_is_another_after_a_restart(self):
        tokens = []
        for _ in range(2):
            broker = Broker("--settle-ms", "0")
            client = wire.Session(broker.path)
            tokens.append(re.match(r"\$inbox\.([^.]+)\.", client.inbox).group(1))
            client.close()
            broker.stop()
        self.assertNotEqual(*tokens)


class FewConnections(BrokerCase):
    MAX = 4
    flags = ("--max-user-connections", str(MAX))

    @covers("H12", "H3")
    def test_a_connection_too_many_is_told_so_until_one_ends_and_others_are_not_touched(self):
        kept = [self.session(f"kept{number}") for number in range(self.MAX + 2)]  # two more: it is the broker's own user
        for said in ([], [hello()]):
            client = self.connect()
            client.send(*said)
            before, error = self.expect_fatal(client, "limit")
            self.assertEqual(before, [])
            self.assertRegex(error[2], r"\b6 \(limit 4, max-user-connections\); pid=\d+ command=\S+ uid=\d+$")
        for session in kept:
            self.assertEqual(session.barrier()[0], [])
        kept[0].close()
        while True:  # its end may not have been noticed yet
            client = self.connect()
            client.queue(hello())
            frame = client.receive()
            if frame.type == wire.WELCOME:
                break
        client.close()


class FewHandshakes(BrokerCase):
    flags = ("--max-handshakes", "3")

    @covers("H12", "H3")
    def test_of_connections_without_hello_there_are_not_too_many(self):
        silent = [self.connect() for _ in range(3 + 2)]
        _, error = self.expect_fatal(self.connect(), "limit")
        self.assertRegex(error[2], r"not said HELLO: 5 \(limit 3, max-handshakes\)")
        for client in silent:
            client.send(hello())
            self.assertEqual(client.receive().type, wire.WELCOME)
        self.session("more")


if __name__ == "__main__":
    unittest.main()
