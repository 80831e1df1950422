#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 3. Topics and filters."""

import itertools
import random
import unittest

import judge
import wire
from case import BrokerCase, covers, publish
from wire import Raw


def raw_str(data):
    """A str of bytes that need not be UTF-8."""
    return Raw(b"\xda" + len(data).to_bytes(2, "big") + data)


GOOD_FILTERS = ("*", "**", "a", "a.*", "a.**", "*.*", "*.**", "a.*.b", "*.a.**", "*.*.*", "$sys.x", "$sys.*", "$a.**", "a.$b",
                "f" * 255, "f" * 253 + ".*", "f" * 252 + ".**", "\u00fc.*.\U0001f321")
BAD_FILTERS = ("", ".", "a.", ".a", "a..b", "**.a", "a.**.b", "**.**", "a.***", "***", "a*", "*a", "a.b*.c", "a.*b", "a.**b",
               "*.", "**.", "*..a", "f" * 256, "f" * 254 + ".*", "a b", "a.\t", "a.\u00a0", "a.\u3000.*", "\u0085", "a.\x7f")
BAD_FILTER_BYTES = (b"a.\xff", b"a.\xc0\xaf", b"\xed\xa0\x80", b"a.\xe2\x82", b"*.\xf4\x90\x80\x80", b"\x80")


class Topics(BrokerCase):
    @covers("T1", "P6")
    def test_every_single_character_is_allowed_in_a_topic_or_not_as_the_page_says(self):
        me = self.subscriber("c.**")
        edges = {code + step for code in judge.CONTROL | judge.WHITE_SPACE for step in (-1, 0, 1)}
        edges |= {*range(0x100), 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFEFF, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF}
        for code in sorted(edges - {-1}):
            topic = "c.x" + chr(code) + "y"
            with self.subTest(character=f"U+{code:04X}"):
                if judge.is_topic(topic.encode()):
                    me.publish(topic, b"!")
                    self.expect_payloads(me, [b"!"])
                else:
                    attacker = self.session("attacker")
                    attacker.publish(topic)
                    self.expect_fatal(attacker, "bad_topic")
                    attacker.close()

    @covers("T2", "S5")
    def test_good_filters_are_granted(self):
        me = self.session()
        for filter in GOOD_FILTERS:
            with self.subTest(filter=filter):
                self.assertTrue(judge.is_filter(filter.encode()))
                me.unsubscribe(me.subscribe(filter))

    @covers("T2", "S5", "E3")
    def test_bad_filters_are_refused_and_the_session_goes_on(self):
        me = self.session()
        for filter in (*BAD_FILTERS, *map(raw_str, BAD_FILTER_BYTES)):
            with self.subTest(filter=filter):
                if isinstance(filter, str):
                    self.assertFalse(judge.is_filter(filter.encode()))
                self.expect_refusal(me, "bad_filter", me.request(filter))
        self.assertEqual(me.barrier(), ([], (0, 0, 0)))

    def expect_matches(self, filters, topics):
        """For each filter, one subscription at a time: just the topics that match arrive."""
        me = self.session()
        for filter in filters:
            sub = me.subscribe(filter)
            me.queue(*(publish(topic) for topic in topics))
            got, counts = me.barrier()
            expected = [topic for topic in topics if judge.matches(filter, topic)]
            self.assertEqual([one.tree[3] for one in got], expected, filter)
            self.assertEqual(counts, (len(topics), len(topics) - len(expected), 0))
            me.unsubscribe(sub)

    @covers("T3", "P11")
    def test_tokens_and_wildcards_match_as_the_page_says(self):
        tokens = ("a", "b", "ab")
        topics = [".".join(some) for n in (1, 2, 3) for some in itertools.product(tokens, repeat=n)]
        wild = ("a", "b", "*")
        filters = [".".join(some) for n in (1, 2, 3) for some in itertools.product(wild, repeat=n)]
        filters += ["**"] + [f"{filter}.**" for filter in filters if filter.count(".") < 2]
        self.expect_matches(filters, topics)

    @covers("T3")
    def test_a_literal_token_matches_byte_for_byte(self):
        composed, decomposed = "caf\u00e9", "cafe\u0301"
        topics = [composed, decomposed, "Cafe", "cafe", "x.cafe", "cafe.x"]
        self.expect_matches([composed, decomposed, "cafe", "*", "*.*", "cafe.*"], topics)

    @covers("T3", "P3")
    def test_random_filters_of_many_sessions_match_as_the_page_says(self):
        chance = random.Random(7)

        def some(alphabet, most):
            return ".".join(chance.choice(alphabet) for _ in range(chance.randint(1, most)))

        readers = []
        for _ in range(20):
            filters = {some("aab*", 4) + chance.choice(("", "", ".**")) for _ in range(chance.randint(1, 6))}
            readers.append((filters, self.subscriber(*sorted(filters))))
        topics = [some("aabc", 5) for _ in range(300)]
        sender = self.session("sender")
        sender.queue(*(publish(topic, bytes([n % 256])) for n, topic in enumerate(topics)))
        sender.barrier()
        for filters, reader in readers:
            got, _ = reader.barrier()
            expected = [topic for topic in topics if any(judge.matches(filter, topic) for filter in filters)]
            self.assertEqual([one.tree[3] for one in got], expected, filters)

    @covers("T4", "S6", "P8")
    def test_a_leading_wildcard_never_matches_a_topic_of_the_brokers(self):
        owner = self.subscriber("**", "*", "*.*", "*.*.*", "*.*.*.*", "*.**", name="owner")
        sender = self.session("sender")
        for topic in (owner.inbox, owner.inbox + ".x", owner.inbox + ".x.y"):
            sender.publish(topic)
        self.assertEqual(sender.barrier(), ([], (3, 3, 0)))
        self.expect_untouched(owner)
        owner.subscribe(owner.inbox + ".**")
        sender.publish(owner.inbox + ".x", b"now")
        sender.barrier()
        self.expect_payloads(owner, [b"now"])

    @covers("T4")
    def test_a_dollar_that_is_not_the_first_byte_is_an_ordinary_one(self):
        me = self.subscriber("*.*")
        me.publish("a.$b", b"1")
        me.publish("a$.b", b"2")
        self.expect_payloads(me, [b"1", b"2"])


if __name__ == "__main__":
    unittest.main()
