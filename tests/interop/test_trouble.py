#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""What goes wrong is told to those who use a client, in each language: losses, holds, refusals; and large or many messages pass."""

import signal
import unittest

from interop import InteropCase, wait_until

RULES = """
acl:
  - allow: [publish, subscribe]
    who: [everyone]
    topics: [{topics}]
  - allow: [hold]
    who: [everyone]
"""

N_FLOOD = 300  # of 32 KiB: three times what the kernel (2 MiB), the outbox and a slab's run beyond its mark hold together


class Trouble(InteropCase):
    def test_a_reader_that_stops_is_told_how_much_it_lost(self):
        self.broker("--outbox-high", "256K")
        for language in self.agents("drop-oldest"):
            key = language.ask("sub", "flood")
            language.done(key)
            language.stop()
            sender = self.session()
            for _ in range(N_FLOOD):
                sender.publish("flood", bytes(32768))
            sender.barrier()
            language.go_on()
            sender.publish("flood", b"last")
            wait_until(lambda: ["flood", b"last".hex(), "-"] in language.found("msg", key), f"{language.name} to read on", language)
            lost = sum(int(words[0]) for words in language.found("gap"))
            self.assertGreater(lost, 0, language.name)
            self.assertEqual(lost + len(language.found("msg", key)), N_FLOOD + 1, language.name)
            language.do("unsub", key)

    def test_who_holds_a_publisher_up_is_named(self):
        self.broker("--outbox-high", "64K", "--stall-ms", "10000")
        for agent in self.agents():
            reader = self.session("sleeper")
            reader.subscribe("held")
            burst = agent.ask("burst", "held", 300, 32768)
            self.assertEqual(agent.expect_found(1, "hold")[0], ["1", "sleeper", "held"], agent.name)
            reader.close()
            self.assertEqual(agent.done(burst)[0], "ok", agent.name)
            self.assertEqual(agent.expect_found(2, "hold")[1], ["0", "sleeper", "held"], agent.name)

    def test_what_the_rules_deny_is_told(self):
        config = self.directory / "umbeld.yaml"
        config.write_text(RULES.format(topics="free.**"))
        umbeld = self.broker("--config", str(config))
        agents = self.agents()
        for agent in agents:
            self.assertEqual(agent.done(agent.ask("sub", "secret.*")), ["failed", "35"], agent.name)
            self.assertEqual(agent.done(agent.ask("req", "secret.x", "00", "-")), ["failed", "35"], agent.name)
            agent.ask("pub", "secret.y", "00", "-")
            self.assertEqual(agent.expect_found(1, "error")[0], ["35", "secret.y"], agent.name)
            agent.do("sub", "free.*", key="wide")
            agent.do("sub", "free.a", key="narrow")

        config.write_text(RULES.format(topics="free.a"))
        umbeld.signal(signal.SIGHUP)
        for agent in agents:
            told = ["failed", "wide", "35"] if agent.language == "c" else ["error", "38", "free.*"]
            agent.expect_found(1, *told)
            agent.do("pub", "free.a", "01", "-")
        for agent in agents:
            self.assertEqual(len(agent.expect_found(len(agents), "msg", "narrow")), len(agents), agent.name)
            self.assertEqual(agent.found("msg", "wide"), [], agent.name)

    def test_a_header_that_javascript_cannot_have_costs_one_message(self):
        self.broker()
        agents = self.agents()
        for agent in agents:
            agent.do("sub", "odd", key="odd")
        agents[0].do("pub", "odd", "01", "__proto__=#1")
        agents[0].do("pub", "odd", "02", "-")
        for agent in agents:
            wait_until(lambda: ["odd", "02", "-"] in agent.found("msg", "odd"), f"{agent.name} to get the next one", agent)
            if agent.language == "node":
                self.assertEqual((agent.found("gap"), agent.found("down")), ([["1"]], []), agent.name)
            else:
                self.assertEqual(agent.found("msg", "odd")[0], ["odd", "01", "__proto__=#1"], agent.name)

    def test_a_handler_may_ask_however_many_messages_wait_behind_it(self):
        self.broker()
        agents, n = self.agents(), 3000
        agents[0].do("serve", "echo", "group=servers")
        for agent in agents:
            agent.do("relay", f"flood.{agent.language}", key="echo")
            agents[0].do("burst", f"flood.{agent.language}", n, 8)
            self.assertEqual(len(agent.expect_found(n, "ok", "relayed")), n, agent.name)

    def test_go_may_leave_although_nobody_reads_a_channel_of_it(self):
        self.broker()
        go = self.agent("go")
        go.do("deaf", "flood")
        sender = self.session()
        for _ in range(5000):
            sender.publish("flood")
        sender.barrier()
        go.leave()
        self.assertEqual(go.found("gap"), (5000 - 4096) * [["1"]])

    def test_large_messages_and_many_pass(self):
        self.broker()
        agents = self.agents()
        for agent in agents:
            agent.do("sub", "large", key="large")
            agent.do("sub", "many", key="many")
        for agent in agents:
            agent.do("burst", "large", 2, 1 << 20)
            for other in agents:
                got = other.expect_found(2, "msg", "large")
                self.assertEqual([(len(payload), int(payload[:8], 16)) for _, payload, _ in got], [(2 << 20, 0), (2 << 20, 1)],
                                 f"{agent.name} to {other.name}")
                other.lines.clear()
        for agent in agents:
            agent.do("burst", "many", 10000, 16)
            for other in agents:
                got = other.expect_found(10000, "msg", "many")
                self.assertEqual([int(payload[:8], 16) for _, payload, _ in got], list(range(10000)), f"{agent.name} to {other.name}")
                other.lines.clear()


if __name__ == "__main__":
    unittest.main()
