#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Whoever comes to a limit is told which, with both numbers and by name, in the ERROR and in the log; others are not touched."""

import os
import unittest

from harness import Case, wire

NOBODY = 65534
WHO = r'pid=\d+ command="[^"]+" uid=\d+'


class Limits(Case):
    def refusal(self):
        """The text of the fatal ERROR that is all a new connection gets."""
        connection = self.connection("too many")
        frames = connection.receive_rest()
        self.assertEqual([frame.type for frame in frames], [wire.ERROR])
        _, code, text, request, fatal, about = frames[0].tree[:6]
        self.assertEqual((code, request, fatal, about), (wire.REFUSAL_CODES["limit"], 0, True, None))
        return text

    def test_descriptors_less_a_reserve_are_for_connections(self):
        broker = self.broker("--settle-ms", "0", files=64)
        broker.expect(r"limits descriptors=64 max_connections=32 max_user_connections=32 ")
        broker.expect(r"warn: 64 descriptors leave room for few clients \(32\); raise: ulimit -n 1024, or")
        sessions = [self.session(f"session{number}") for number in range(32 + 2)]
        text = self.refusal()
        self.assertRegex(text, rf"^connections of all users: 34 \(limit 32, descriptors less a reserve\); {WHO}$")
        self.assertIn(f"pid={os.getpid()} ", text)
        broker.expect(rf"warn: refused a connection: connections of all users: 34 \(limit 32, .*\); {WHO}")
        for session in sessions:
            session.barrier()
        sessions[0].close()
        while not self.is_served():  # its end may not have been noticed yet
            pass

    def is_served(self):
        connection = self.connection("next")
        connection.queue([wire.HELLO, 1, "next", {}])
        frame = connection.receive()
        connection.close()
        return frame.type == wire.WELCOME

    @unittest.skipUnless(os.geteuid() == 0, "only root can be two users")
    def test_a_user_who_takes_all_leaves_two_for_root(self):
        self.broker("--settle-ms", "0", "--mode", "0666", files=64)
        os.chmod(self.directory, 0o755)
        os.seteuid(NOBODY)
        try:
            sessions = [self.session(f"session{number}") for number in range(32)]
            text = self.refusal()
        finally:
            os.seteuid(0)
        self.assertRegex(text, rf"limit 32, .* uid={NOBODY}$")
        for number in range(2):
            self.session(f"root{number}").barrier()
        self.assertIn(" uid=0", self.refusal())
        sessions[-1].barrier()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be two users")
    def test_a_user_at_its_limit_is_in_nobody_elses_way(self):
        self.broker("--settle-ms", "0", "--mode", "0666", "--max-user-connections", "3")
        os.chmod(self.directory, 0o755)
        os.seteuid(NOBODY)
        try:
            sessions = [self.session(f"session{number}") for number in range(3)]
            text = self.refusal()
        finally:
            os.seteuid(0)
        self.assertRegex(text, rf"^connections of this user: 3 \(limit 3, max-user-connections\); .* uid={NOBODY}$")
        self.expect_service()
        self.assertEqual(len(sessions), 3)

    def test_a_subscription_too_many_is_logged_by_name(self):
        broker = self.broker("--settle-ms", "0", "--max-subscriptions", "2")
        session = self.session("eager")
        for sub in (1, 2):
            session.subscribe("t", sub=sub)
        session.request("t", sub=3)
        text = session.receive().tree[2]
        self.assertRegex(text, rf'^2 subscriptions \(limit 2, max-subscriptions\); {WHO}$')
        broker.expect(rf'warn: refused a subscription n=2 limit=2 of=max-subscriptions session=\d+ name="eager" {WHO}')

    def test_who_publishes_too_fast_is_slowed_by_name_and_loses_nothing(self):
        broker = self.broker("--settle-ms", "0", "--publish-rate", "50")
        reader = self.subscriber("a")
        eager = self.session("eager")
        eager.queue(*([wire.PUBLISH, 0, bytes(8), "a", None, None, b"x"] for _ in range(70)))
        _, counts = eager.barrier()
        self.assertEqual(counts.accepted, 70)
        self.assertEqual(len(reader.barrier()[0]), 70)
        broker.expect(rf'warn: slowed down session=\d+ name="eager" {WHO} messages=\d+ in_ms=1\d\d publish-rate=50$')


if __name__ == "__main__":
    unittest.main()
