#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120
"""Questions to a broker with ten thousand sessions, some of which come and go while it answers."""

import time
import unittest

from harness import SANITIZED, Case, raise_descriptor_limit, wire

N = 2000 if SANITIZED else 10000
RESERVE = 200  # descriptors for everything else
EACH = 3  # subscriptions of each
SLOW = 0.5  # seconds for a message behind a question; measured: 2 ms


class Introspection(Case):
    def setUp(self):
        super().setUp()
        if not raise_descriptor_limit(N + RESERVE):
            self.skipTest(f"this system does not allow {N + RESERVE} descriptors")
        self.broker_process = self.broker("--settle-ms", "0", "--max-handshakes", str(N + 1))  # all of them at once
        self.asker = self.session("asker")
        self.asker.subscribe(self.asker.inbox + ".*")

    def crowd(self, n):
        """n sessions at once, each with a few subscriptions."""
        sessions = [self.connection(f"crowd{number}") for number in range(n)]
        for session in sessions:
            session.queue([wire.HELLO, 1, session.name, {}],
                          *([wire.SUBSCRIBE, sub, sub, f"crowd.{session.name}.{sub}", {}] for sub in range(1, EACH + 1)))
        wire.pump(sessions, lambda: all(len(s.frames) == 1 + EACH for s in sessions), "all to be welcomed")
        for session in sessions:
            session.id = session.frames[0].tree[2]
            session.frames.clear()
        return sessions

    def ask(self, subject, **options):
        self.asker.publish("$SYS.broker." + subject, wire.pack(options), reply=self.asker.inbox + ".1")
        frame = self.asker.receive()
        self.assertEqual(frame.tree[5], {"content-type": "msgpack"}, frame)
        return wire.parse(frame.tree[6]).plain()

    def ask_all(self, subject, between):
        """The whole list; `between` is called between two pages."""
        found, options, slowest, pages = [], {}, 0.0, 0
        while True:
            begun = time.monotonic()
            answer = self.ask(subject, **options)
            slowest = max(slowest, time.monotonic() - begun)
            found += answer[subject]
            pages += 1
            if "next" not in answer:
                break
            options["after"] = answer["next"]
            between()
        print(f"{subject}: {len(found)} in {pages} pages, the slowest took {slowest * 1000:.1f} ms (python's share included)")
        self.assertGreater(pages, 1)
        return found

    def come_and_go(self, passing):
        """Some of the passing ones leave, others come, and one changes its subscriptions."""
        for session in passing[:20]:
            session.close()
        del passing[:20]
        passing += self.crowd(10)
        passing[-1].queue([wire.UNSUBSCRIBE, 50, 1], *([wire.SUBSCRIBE, sub, sub, "more", {}] for sub in range(60, 100)))
        wire.pump([passing[-1]], lambda: len(passing[-1].frames) == 41, "its answers")

    def test_who_is_there_all_the_time_is_told_exactly_once(self):
        crowd = self.crowd(N)
        staying, passing = crowd[::2], crowd[1::2]
        for subject, each in (("sessions", 1), ("subscriptions", EACH)):
            found = self.ask_all(subject, lambda: self.come_and_go(passing))
            told = {}
            for one in found:
                key = (one["session"], one.get("sub"))
                told[key] = told.get(key, 0) + 1
            self.assertEqual({times for times in told.values()}, {1})
            for session in staying:
                mine = [(session.id, sub) for sub in range(1, EACH + 1)] if each > 1 else [(session.id, None)]
                self.assertEqual([told.get(key) for key in mine], [1] * each, session.name)

    def test_info_counts_them_and_explain_names_those_that_fit(self):
        begun = self.ask("info")
        crowd = self.crowd(N)
        now = self.ask("info")
        self.assertEqual(now["sessions"] - begun["sessions"], N)
        self.assertEqual(now["subscriptions"] - begun["subscriptions"], N * EACH)
        answer = self.ask("explain", topic=f"crowd.{crowd[7].name}.2")
        self.assertEqual([one["session"] for one in answer["candidates"]], [crowd[7].id])
        options, compared, near = {"topic": "xcrowd.crowd77.2"}, 0, []
        while True:
            answer = self.ask("explain", **options)
            self.assertEqual((answer["receivers"], answer["candidates"]), (0, []))
            compared += answer["compared"]
            near += answer["nearest"]
            if "next" not in answer:
                break
            options["after"] = answer["next"]
        self.assertEqual(compared, N * EACH)
        self.assertIn({"filter": "crowd.crowd77.2", "distance": 1}, near)

    def test_a_question_among_many_sessions_holds_nobody_up_for_long(self):
        self.crowd(N)
        publisher, reader = self.session("publisher"), self.subscriber("quick")
        questions = [("sessions", {}), ("subscriptions", {}), ("subscriptions", {"filter": "nobody.has.this"}), ("topics", {}),
                     ("explain", {"topic": "crowd.none.2"}), ("explain", {"topic": "a", "uid": 0})]
        for subject, options in questions:
            self.asker.publish("$SYS.broker." + subject, wire.pack(options), reply=self.asker.inbox + ".1")
            begun = time.monotonic()
            publisher.publish("quick", b"?")
            self.expect_message(reader, "quick", b"?")
            took = time.monotonic() - begun
            print(f"{subject} {options}: a message behind it took {took * 1000:.1f} ms")
            if not SANITIZED:
                self.assertLess(took, SLOW, subject)
            self.asker.receive()


if __name__ == "__main__":
    unittest.main()
