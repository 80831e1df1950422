#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel why: each reason for which a subscriber gets nothing has its sentence."""

import getpass
import json
import signal
import time
import unittest

from cli import PATIENCE, UMBEL, CliTest

USER = getpass.getuser()


class Why(CliTest):
    def why(self, *args, status=0):
        done = self.umbel("why", *args)
        self.assertEqual((done.returncode, done.stderr), (status, b""))
        return done.stdout.decode()

    def session_of(self, process):
        """The number of a client's session."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.umbel("ls", "clients", "--json").stdout.splitlines()
            for row in map(json.loads, lines):
                if row["pid"] == process.pid:
                    return row["session"]
            self.assertLess(time.monotonic(), deadline, "it never came")

    def test_who_gets_it_is_told(self):
        self.start_broker()
        session = self.session_of(self.subscribe("door.*"))
        self.assertEqual(self.why("door.front"), f"session {session} (umbel sub, {USER}): gets them, by door.*\n")

    def test_the_word_at_which_a_filter_fails_is_told(self):
        self.start_broker()
        session = self.session_of(self.subscribe("door.*", "doors.front", "door.front.left", "door"))
        said = self.why("door.front", "--session", session)
        for words in ("gets them, by door.*\n",
                      "not by doors.front: word 1 of the filter is doors, of the topic door\n",
                      "not by door.front.left: the filter wants left as word 3",
                      "not by door: the topic goes on with front as word 2"):
            self.assertIn(words, said)
        self.assertEqual(said.count("\n"), 4)

    def test_one_of_a_group_is_said_to_share(self):
        self.start_broker()
        self.subscribe("--group", "g", "job.*")
        self.assertIn("gets them, alone in group g, by job.*", self.why("job.x"))
        self.subscribe("--group", "g", "job.*")
        self.subscribe("--group", "g", "job.*")
        self.assertEqual(self.why("job.x").count("shares them with 2 others of group g, by job.*"), 3)

    def test_the_nearest_filters_are_told_when_nobody_subscribes(self):
        self.start_broker()
        self.subscribe("door.front", "door.frontal", "elsewhere")
        self.assertEqual(self.why("door.fromt", status=1),
                         "nobody subscribes to door.fromt; the nearest filters are\n"
                         "  door.front (1 letter off)\n"
                         "  door.frontal (3 letters off)\n")
        self.assertEqual(self.why("qqqq", status=1), "nobody subscribes to qqqq, nor to anything like it\n")

    def test_of_a_user_all_sessions_are_told(self):
        self.start_broker()
        self.subscribe("a.*")
        self.subscribe("b.*")
        said = self.why("b.x", "--user", USER)
        self.assertIn("not by a.*: word 1", said)
        self.assertIn("gets them, by b.*", said)
        self.assertEqual(said.count("\n"), 2, "it speaks of itself")

    def test_a_session_without_subscriptions_and_one_that_is_not_there(self):
        self.start_broker()
        session = self.session_of(self.spawn(UMBEL, "pub", "x", "--lines", stdin=-1))
        self.assertIn(f"session {session} ", self.why("a", "--session", session, status=1))
        self.assertIn("subscribes to nothing", self.why("a", "--session", session, status=1))
        done = self.umbel("why", "a", "--session", 4000000)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no session 4000000 is connected", done.stderr)

    def test_the_rule_that_denies_is_named(self):
        config = f"{self.folder}/umbeld.yaml"
        with open(config, "w", encoding="ascii") as file:
            file.write("acl:\n"
                       "  - allow: [publish, subscribe]\n    who: [everyone]\n    topics: [a.**]\n"
                       "  - deny: [subscribe]\n    who: [everyone]\n    topics: [a.secret]\n"
                       "  - allow: [introspect]\n    who: [everyone]\n")
        self.start_broker("--config", config)
        session = self.session_of(self.subscribe("a.open"))
        said = self.why("a.secret", "--session", session, status=1)
        self.assertIn(f"may not subscribe to a.secret: {config}:5 denies it\n", said)
        self.assertNotIn("may not publish", said)
        said = self.why("b", "--session", session, status=1)
        self.assertIn("may not subscribe to b: no rule allows it\n", said)
        self.assertIn("may not publish to b: no rule allows it\n", said)

    def test_what_it_lost_and_that_it_does_not_read_is_told(self):
        self.start_broker("--outbox-high", 1 << 20)
        sub = self.subscribe("--overflow", "drop-oldest", "t")
        sub.send_signal(signal.SIGSTOP)
        self.umbel("pub", "t", "--lines", input=(b"x" * 60000 + b"\n") * 100)
        said = self.why("t")
        self.assertRegex(said, r"gets them, by t; .*did not keep up, and has lost \d+ messages\n")

    def test_programs_get_it_as_json(self):
        self.start_broker()
        self.subscribe("door.*")
        answer = json.loads(self.why("--json", "door.front"))
        self.assertEqual((answer["topic"], answer["receivers"]), ("door.front", 1))
        self.assertEqual([c["verdict"] for c in answer["candidates"]], ["delivered"])
        self.assertEqual(json.loads(self.why("--json", "x", status=1))["candidates"], [])

    def test_a_user_with_thousands_of_filters_is_told_of_them_all(self):
        self.start_broker()
        filters = [f"some.quite.long.filter.with.a.number.at.the.end.{i}" for i in range(3000)]
        self.subscribe(*filters)
        self.assertEqual(self.why("some.topic", "--user", USER, status=1).count("word 2 of the filter"), 3000)

    def test_what_is_wrong_is_said(self):
        for args, words in (([], b"one topic"), (["a.*"], b"*"), (["a", "b"], b"one topic"),
                            (["a", "--user", "no such user"], b"no user"),
                            (["a", "--session", "x"], b"whole number"),
                            (["a", "--session", 1, "--user", USER], b"one of")):
            done = self.umbel("why", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)

    def test_without_a_broker_it_says_so(self):
        self.assertEqual(self.umbel("why", "a").returncode, 4)


if __name__ == "__main__":
    unittest.main()
