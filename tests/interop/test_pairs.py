#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""C, Node, Go and Python talk to each other: every pair of them, in both directions."""

import signal
import unittest

from interop import InteropCase, sort_headers, wait_until

ALL_BYTES = bytes(range(256)).hex()
HEADERS = ",".join(("bin=@00ff", "content-type=" + "$" + "text".encode().hex(), "float=%0.5", "int=#-7", "nil=~",
                    "über=$" + "grün 😀".encode().hex(), "large=#1099511627776", "no=!0", "yes=!1"))


class Here(InteropCase):
    def test_all_languages_are_here(self):
        self.assertEqual(self.missing, {}, "./dev test installs what they need")


class Pairs(InteropCase):
    def setUp(self):
        super().setUp()
        self.umbeld = self.broker()
        self.all = self.agents()

    def subscribe_all(self, *words, key):
        for agent in self.all:
            agent.ask("sub", *words, key=key)
        for agent in self.all:
            self.assertEqual(agent.done(key), ["ok"], agent.name)

    def expect_each_from_each(self, prefix, key, payload, headers="-"):
        """Everybody publishes, and everybody's handler gets each message once."""
        asked = [(agent, agent.ask("pub", f"{prefix}.{agent.language}", payload, headers)) for agent in self.all]
        for agent, pub in asked:
            self.assertEqual(agent.done(pub)[0], "ok", agent.name)
        for agent in self.all:
            for sender in self.all:
                topic = f"{prefix}.{sender.language}"
                with self.subTest(sender=sender.language, receiver=agent.language):
                    got = agent.expect_found(1, "msg", key, topic)
                    self.assertEqual([(data, sort_headers(rest)) for data, rest in got], [(payload, sort_headers(headers))])

    def test_each_hears_each(self):
        self.subscribe_all("say.**", key="a")
        self.subscribe_all("say.*.ünï-☃.*", key="b")
        self.subscribe_all("*.*", key="c")  # of this, nothing
        self.expect_each_from_each("say.x.ünï-☃", "a", ALL_BYTES, HEADERS)
        for agent in self.all:
            self.assertEqual(len(agent.expect_found(len(self.all), "msg", "b")), len(self.all), agent.name)
            self.assertEqual(agent.found("msg", "c"), [], agent.name)
            agent.do("unsub", "a")
        self.expect_each_from_each("say.2.ünï-☃", "b", "-")
        for agent in self.all:
            self.assertEqual(len(agent.found("msg", "a")), len(self.all), agent.name)
            agent.leave()

    def test_they_share_the_work_of_a_group(self):
        self.subscribe_all("job.*", "group=workers", key="w")
        self.subscribe_all("job.**", key="watch")
        asked = [(agent, agent.ask("burst", f"job.{agent.language}", 100, 40)) for agent in self.all]
        for agent, burst in asked:
            self.assertEqual(agent.done(burst)[0], "ok", agent.name)
        wanted = sorted((agent.language, number) for agent in self.all for number in range(100))

        def jobs(agent, key):
            return [(topic.partition(".")[2], int(payload[:8], 16)) for topic, payload, _ in agent.found("msg", key)]

        def taken():
            return [job for agent in self.all for job in jobs(agent, "w")]
        wait_until(lambda: len(taken()) >= len(wanted), "all jobs to be taken", *self.all)
        for agent in self.all:
            agent.expect_found(len(wanted), "msg", "watch")
            self.assertTrue(jobs(agent, "w"), f"{agent.name} got no job")
            for seen in jobs(agent, "w"), jobs(agent, "watch"):
                for other in self.all:
                    numbers = [number for language, number in seen if language == other.language]
                    self.assertEqual(numbers, sorted(set(numbers)), f"{agent.name} from {other.name}: out of order")
            self.assertEqual(sorted(jobs(agent, "watch")), wanted, agent.name)
        self.assertEqual(sorted(taken()), wanted)

    def expect_each_answers_each(self):
        asked = []
        for agent in self.all:
            for other in self.all:
                asked.append((agent, other, agent.ask("req", f"ask.{other.language}", ALL_BYTES, HEADERS)))
        backwards = bytes.fromhex(ALL_BYTES)[::-1].hex()
        for agent, other, key in asked:
            with self.subTest(asks=agent.language, answers=other.language):
                how, payload, headers = agent.done(key)
                self.assertEqual((how, payload, sort_headers(headers)), ("ok", backwards, sort_headers(HEADERS)))

    def test_each_answers_each(self):
        for agent in self.all:
            agent.do("serve", f"ask.{agent.language}", "group=servers")
        self.expect_each_answers_each()
        for agent in self.all:
            self.assertEqual(agent.done(agent.ask("req", "nobody.there", "00", "-")), ["failed", "37"], agent.name)

    def test_last_values_and_what_is_live(self):
        for agent in self.all:
            agent.do("pub", f"last.{agent.language}", "01", HEADERS, "retain")
        self.subscribe_all("last.*", "retained", key="r")
        self.subscribe_all("last.live.*", key="live")
        for agent in self.all:
            got = {topic: (payload, sort_headers(headers)) for topic, payload, headers in agent.expect_found(len(self.all), "msg", "r")}
            self.assertEqual(got, {f"last.{other.language}": ("01", sort_headers(HEADERS)) for other in self.all}, agent.name)
        self.expect_each_from_each("last.live", "live", "02")

    def test_all_come_back_after_a_crash_and_after_a_restart(self):
        self.subscribe_all("back.**", key="a")
        self.subscribe_all("back.*.*", "group=some", key="g")
        for agent in self.all:
            agent.do("serve", f"ask.{agent.language}", "group=servers")
        self.expect_each_from_each("back", "a", "00")
        for number, number_of_end in enumerate((signal.SIGKILL, signal.SIGTERM), 2):
            self.umbeld.signal(number_of_end)
            self.umbeld.wait()
            self.umbeld = self.broker()
            for agent in self.all:
                agent.expect_found(number, "up")
                self.assertGreaterEqual(len(agent.found("down")), number - 1, agent.name)
            for agent in self.all:
                agent.done(agent.ask("pub", "warm.up", "-", "-"))  # libumbel's first flush tells what the crash took
            self.expect_each_from_each(f"back.{number}", "a", "00")
            self.expect_each_answers_each()


if __name__ == "__main__":
    unittest.main()
