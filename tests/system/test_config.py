#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The file of --config: the example in docs/, what is said of faults, SIGHUP without a file, and umbel acl test."""

import os
import pathlib
import pwd
import re
import signal
import unittest

from harness import Case, binary, wire

EXAMPLE = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"]) / "docs" / "umbeld.yaml"
UNKNOWN = 4000000000  # a uid that nobody has
NOBODY = 65534


class Config(Case):
    def umbeld(self, *arguments, status=0):
        process = self.process(binary("umbeld"), *map(str, arguments))
        self.assertEqual(process.wait(), status, process.text())
        return process.text()

    def acl_test(self, *arguments, status=0):
        process = self.process(binary("umbel"), "acl", "test", *map(str, arguments))
        self.assertEqual(process.wait(), status, process.text())
        return process.text()

    def test_the_example_is_in_order(self):
        self.assertEqual(self.umbeld("--config", EXAMPLE, "--check"), "umbeld: all in order: 2 sockets, 7 rules")

    def test_the_example_starts_without_root(self):
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self.directory.chmod(0o777)
        file = self.directory / "umbeld.yaml"
        file.write_text(EXAMPLE.read_text(encoding="utf-8").replace("/run/umbel", str(self.directory)), encoding="utf-8")
        broker = self.broker("--config", str(file), path=self.directory / "admin.sock", say_path=False, **options)
        broker.expect("listening socket=.*/admin.sock mode=0660 role=admin rules=7 ")
        broker.terminate()

    def expect_warnings(self, folder, owner, group, warns):
        """--check warns of these keys, if the second socket is in the folder."""
        file = self.directory / "umbeld.yaml"
        file.write_text(f"sockets:\n  - path: /run/x\n  - {{path: {folder}/y, owner: {owner}, group: {group}}}\n",
                        encoding="ascii")
        told = {"owner": "only root can set it", "group": "only root, or who is in that group, can set it"}
        self.assertEqual(self.umbeld("--config", file, "--check").splitlines(),
                         [*(f"umbeld: warn: {file}:3: sockets[1].{key}: {told[key]}" for key in warns),
                          f"umbeld: {'in order, but for the warnings above' if warns else 'all in order'}: 2 sockets, 0 rules"])

    def test_check_warns_of_what_needs_privileges(self):
        self.expect_warnings(self.directory / "none", 21001, 22001, ["owner", "group"])

    def test_check_warns_of_few_descriptors(self):
        process = self.process(binary("umbeld"), "--check", "--socket", self.path, files=40)
        self.assertEqual(process.wait(), 0)
        self.assertEqual(process.text().splitlines(),
                         ["umbeld: warn: 40 descriptors leave room for few clients (8); raise: ulimit -n 1024, or with systemd "
                          "LimitNOFILE=1024", "umbeld: in order, but for the warnings above: 1 socket, 0 rules"])

    def test_check_does_not_warn_of_what_can_be_set(self):
        self.expect_warnings(self.directory, os.geteuid(), os.getegid(), [])

    @unittest.skipIf(os.geteuid() != 0, "only root can look for another")
    def test_who_can_set_it_is_whom_the_folder_belongs_to(self):
        user = pwd.getpwall()[-1]
        self.expect_warnings(self.directory, 21001, 22001, [])  # root's
        os.chown(self.directory, user.pw_uid, 0)
        self.expect_warnings(self.directory, user.pw_uid, user.pw_gid, [])
        self.expect_warnings(self.directory, 21001, 22001, ["owner", "group"])

    def test_the_example_has_every_key_and_the_defaults(self):
        """All settings of the file are in it, with the values that they have without it."""
        def settings(text):
            return dict(re.findall(r"^ *([a-z-]+): ([^ [\n]+)", text, re.MULTILINE))
        with_it = settings(self.umbeld("--config", EXAMPLE, "--print-config"))
        without = settings(self.umbeld("--socket", "/run/x", "--print-config"))
        written = settings(EXAMPLE.read_text(encoding="utf-8"))
        for key, value in without.items():
            if key not in ("path", "mode", "datagram-mode", "http-mode", "memory-max", "retained-bytes"):
                self.assertIn(key, written)
                self.assertEqual(with_it[key], value, key)

    def test_a_fault_is_said_with_its_place_and_nothing_is_started(self):
        file = self.directory / "umbeld.yaml"
        file.write_text("limits:\n  frame-ms: soon\n", encoding="ascii")
        for more in ((), ("--check",), ("--print-config",)):
            said = self.umbeld("--config", file, "--socket", self.path, *more, status=2)
            self.assertEqual(said, f"umbeld: {file}:2: limits.frame-ms: soon: expected a number from 0 to 86400000")
        self.assertEqual(os.listdir(self.directory), ["umbeld.yaml"])

    def test_without_a_file_sighup_does_nothing(self):
        broker = self.broker("--settle-ms", "0")
        broker.signal(signal.SIGHUP)
        broker.expect("SIGHUP: there is no --config to read again")
        self.expect_service()

    def test_the_log_level_can_be_changed_while_it_serves(self):
        file = self.directory / "umbeld.yaml"
        file.write_text("log-level: info\n", encoding="ascii")
        broker = self.broker("--settle-ms", "0", "--config", str(file))
        file.write_text("log-level: debug\n", encoding="ascii")
        broker.signal(signal.SIGHUP)
        broker.expect("reloaded rules=none ")
        self.session("somebody")
        broker.expect('debug: hello .*name="somebody"')

    def test_a_subscriber_whose_right_is_revoked_is_told_and_not_restored(self):
        file = self.directory / "umbeld.yaml"
        rule = f"acl:\n  - {{allow: [publish, subscribe], who: [uid {os.geteuid()}], topics: [%s]}}\n"
        file.write_text(rule % "a, b", encoding="ascii")
        broker = self.broker("--settle-ms", "0", "--config", str(file))
        subscriber = self.process(binary("umbel"), "-s", self.path, "sub", "--on-ready", "echo ready", "a")
        subscriber.expect("^ready$")
        file.write_text(rule % "b", encoding="ascii")
        broker.signal(signal.SIGHUP)
        broker.expect(r'revoked sub=\d+ filter="a": subscribe: no rule allows it session=\d+ name="umbel sub"')
        broker.expect("reloaded rules=1 subscriptions_revoked=1")
        self.assertEqual(subscriber.wait(), 6, subscriber.text())
        self.assertIn("umbel: no subscription to a: no rule allows it", subscriber.text())

    def test_the_rules_can_be_asked_about_anybody(self):
        where = ("--config", EXAMPLE)
        self.assertEqual(self.acl_test(*where, "--user", "root", "publish", "a"), f"allowed by {EXAMPLE}:{self.line('user root')}")
        self.assertEqual(self.acl_test(*where, "-u", UNKNOWN, "publish", "a", status=6), "denied: no rule allows it")
        self.assertEqual(self.acl_test(*where, "-u", UNKNOWN, "subscribe", "public.**"),
                         f"allowed by {EXAMPLE}:{self.line('[publish, subscribe]')}")
        self.assertEqual(self.acl_test(*where, "-u", UNKNOWN, "hold", status=6), "denied: no rule allows it")
        self.assertIn("allowed by", self.acl_test(*where, "-u", UNKNOWN, "--role", "local", "hold"))
        self.assertIn("denied by", self.acl_test(*where, "-u", 60001, "publish", "public.orders.x", status=6))
        # yourself, unless somebody else is named
        own = self.acl_test(*where, "publish", "a", status=0 if os.geteuid() == 0 else 6)
        self.assertEqual(own.startswith("allowed"), os.geteuid() == 0)

    def line(self, words):
        lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
        at = next(number for number, line in enumerate(lines, 1) if words in line and "#" not in line.split(words)[0])
        while not lines[at - 1].startswith("  - "):
            at -= 1
        return at

    def test_a_question_that_makes_no_sense_is_refused(self):
        self.assertIn("there is no such user: nobody-at-all",
                      self.acl_test("--config", EXAMPLE, "-u", "nobody-at-all", "publish", "a", status=2))
        self.assertIn("expected publish", self.acl_test("--config", EXAMPLE, "dance", "a", status=2))
        self.assertIn("a valid topic", self.acl_test("--config", EXAMPLE, "publish", "a.*", status=2))
        self.assertIn("cannot open", self.acl_test("--config", self.directory / "none", "hold", status=2))
        self.assertIn("expected VERB", self.acl_test(status=2))

    def live_verdict(self, session, verb, topic):
        """Does the broker let it?"""
        if verb == "hold":
            return session.limits["overflow"] == "block"
        if verb == "subscribe":
            session.request(topic)
            return session.receive().type == wire.OK
        reply = f"{session.inbox}.1" if topic.startswith("$SYS.broker.") else None
        session.send([wire.PUBLISH, int(verb == "retain"), wire.ZEROS, topic, reply, None, b""])
        return session.barrier()[1].refused == 0

    def test_what_the_rules_are_said_to_say_is_what_the_broker_does(self):
        file = self.directory / "umbeld.yaml"
        own = f"who: [uid {os.geteuid()}]"
        broker = None
        for rules in ("", "acl: []", f"acl: [{{allow: [introspect], {own}}}]",
                      f"acl: [{{allow: [publish, subscribe], {own}, topics: ['**', a]}}, {{allow: [reply, hold], {own}}}]",
                      f"acl: [{{allow: [publish, retain], {own}, topics: ['**']}}, {{deny: [retain], {own}, topics: [b]}}]"):
            file.write_text(rules + "\n", encoding="ascii")
            if broker:
                broker.signal(signal.SIGHUP)
                broker.expect("reloaded .*")
            broker = broker or self.broker("--settle-ms", "0", "--config", str(file))
            other = self.session("other")
            for verb, topic in (("publish", "a"), ("publish", "$SYS.broker.info"), ("publish", "$SYS.broker.nonsense"),
                                ("publish", "$SYS.client.connected"),
                                ("publish", "$foo.bar"), ("publish", f"{other.inbox}.1"), ("publish", "$inbox"),
                                ("subscribe", "a"), ("subscribe", "**"), ("subscribe", "$SYS.client.*"), ("subscribe", "$SYS.**"),
                                ("subscribe", "$foo.*"), ("subscribe", "$inbox.**"), ("subscribe", f"{other.inbox}.1"),
                                ("retain", "a"), ("retain", "b"), ("retain", "$foo"), ("retain", f"{other.inbox}.1"),
                                ("hold", None)):
                with self.subTest(rules=rules, verb=verb, topic=topic):
                    question = (str(os.geteuid()), "--", verb, *([topic] if topic else []))
                    asked = self.process(binary("umbeld"), "--config", str(file), "--acl-test", *question)
                    said = {0: True, 3: False}[asked.wait()]
                    self.assertIs(said, self.live_verdict(self.session("asker"), verb, topic), asked.text())

    def test_groups_are_those_of_a_login(self):
        user = pwd.getpwuid(os.geteuid())
        file = self.directory / "umbeld.yaml"
        file.write_text(f"acl:\n  - {{allow: [hold], who: [group {user.pw_gid}]}}\n", encoding="ascii")
        self.assertEqual(self.acl_test("--config", file, "-u", user.pw_name, "hold"), f"allowed by {file}:2")


if __name__ == "__main__":
    unittest.main()
