#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Several users, groups and sockets against rules, by the kernel's word; rules that change under load and without descriptors."""

import contextlib
import os
import random
import resource
import signal
import sys
import time
import unittest

from harness import Case, wire

ALICE, BOB, CAROL = 21001, 21002, 21003  # uids, and their primary groups
DOORS, LAMPS = 22001, 22002  # groups
UNMAPPED = 65534


@contextlib.contextmanager
def being(uid, groups=()):
    """What connects in here is this user's: the kernel looks at connect() at the effective ids."""
    own = os.getgroups()
    os.setgroups(groups)
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(own)


class RightsCase(Case):
    def setUp(self):
        super().setUp()
        self.directory.chmod(0o755)
        self.file = self.directory / "umbeld.yaml"

    def write(self, rules):
        """Each rule in a line of its own, from line 2 on."""
        self.file.write_text("acl:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules), encoding="ascii")

    def broker_with(self, rules, *flags, **options):
        self.write(rules)
        return self.broker("--config", str(self.file), "--settle-ms", "0", "--mode", "0666", *flags, **options)

    def user(self, uid, groups=(), path=None):
        with being(uid, groups):
            return self.session(str(uid), path)

    def verdict(self, session, topic):
        """What becomes of a PUBLISH that is the first or a second after the last: None, or the text of the refusal."""
        session.publish(topic)
        before, _ = session.barrier()
        texts = [frame.tree[2] for frame in before if frame.type == wire.ERROR]
        self.assertLessEqual(len(texts), 1, before)
        return texts[0] if texts else None

    def reload(self, broker):
        broker.signal(signal.SIGHUP)
        return broker.expect(r"umbeld: (info|warn|error): (reload.*)")[2]


class Rights(RightsCase):
    def test_three_users_and_their_groups(self):
        self.broker_with([f"allow: [publish], who: [uid {ALICE}], topics: [a.**]",
                          f"allow: [publish], who: [group {DOORS}], topics: [door.*]",
                          f"deny: [publish], who: [group {LAMPS}], topics: [door.back]",
                          "allow: [publish, subscribe], who: [everyone], topics: [public, shop.*]",
                          f"deny: [publish], who: [uid {UNMAPPED - 4}-{UNMAPPED + 4}], topics: [shop.till]"])
        for uid, groups, topic, line in ((ALICE, (), "a.b", None), (BOB, (), "a.b", 0), (ALICE, (), "door.x", 0),
                                         (BOB, (LAMPS, DOORS), "door.x", None), (BOB, (LAMPS, DOORS), "door.back", 4),
                                         (DOORS, (), "door.back", None), (CAROL, (LAMPS,), "door.x", 0),
                                         (CAROL, (), "public", None), (UNMAPPED, (DOORS,), "public", None),
                                         (UNMAPPED, (UNMAPPED,), "a.b", 0), (UNMAPPED, (), "shop.x", None),
                                         (UNMAPPED, (), "shop.till", 6), (UNMAPPED + 1, (), "shop.till", 6),
                                         (ALICE, (UNMAPPED,), "shop.till", None)):
            with self.subTest(uid=uid, groups=groups, topic=topic):
                text = self.verdict(self.user(uid, groups), topic)
                wanted = {None: None, 0: "publish: no rule allows it"}.get(line, f"publish: denied by {self.file}:{line}")
                self.assertEqual(text, wanted)

    def test_users_who_share_a_topic_do_not_share_verdicts(self):
        self.broker_with([f"allow: [publish], who: [uid {ALICE}], topics: [a]", "allow: [subscribe], who: [uid 0], topics: [a]"])
        reader = self.subscriber("a")
        alice, bob = self.user(ALICE), self.user(BOB)
        for _ in range(3):
            alice.publish("a", b"alice")
            alice.barrier()
            bob.publish("a", b"bob")
            _, counts = bob.barrier()
            self.assertEqual(counts.refused, 1)
        messages, _ = reader.barrier()
        self.assertEqual([frame.tree[6] for frame in messages], [b"alice"] * 3)
        self.assertEqual({frame.tree[2][4:] for frame in messages}, {ALICE.to_bytes(4, "big")})

    def test_a_role_is_that_of_the_socket(self):
        inner, outer = str(self.directory / "inner"), str(self.directory / "outer")
        self.file.write_text(f"""
sockets:
  - {{path: {inner}, mode: 0660, owner: {CAROL}, group: {DOORS}, role: in}}
  - {{path: {outer}, mode: 0666, role: out}}
acl:
  - {{allow: [publish], who: [role in], topics: [a]}}
""", encoding="ascii")
        broker = self.broker("--config", str(self.file), "--settle-ms", "0", path=inner, say_path=False)
        broker.expect(f"listening socket={inner} mode=0660 role=in rules=1 ")
        broker.expect(f"listening socket={outer} mode=0666 role=out rules=1 ")
        self.assertIsNone(self.verdict(self.user(ALICE, (DOORS,), inner), "a"))
        self.assertIsNone(self.verdict(self.user(CAROL, (), inner), "a"))
        self.assertEqual(self.verdict(self.user(CAROL, (), outer), "a"), "publish: no rule allows it")
        with self.assertRaises(PermissionError):
            self.user(ALICE, (), inner)
        broker.terminate()
        self.assertFalse(os.path.lexists(outer))

    def test_new_rules_hold_at_once_and_nobody_is_disconnected(self):
        everything = f"allow: [publish, subscribe], who: [uid {ALICE}, uid {BOB}], topics: ['**']"
        broker = self.broker_with([everything])
        alice, bob = self.user(ALICE), self.user(BOB)
        for session in (alice, bob):
            session.subscribe("a.*")
            session.subscribe("b")
        self.assertIsNone(self.verdict(self.user(ALICE), "c"))
        alice.publish("c")  # its verdict is remembered
        alice.barrier()
        self.write([everything, f"deny: [publish, subscribe], who: [uid {ALICE}], topics: [a.x, c]"])
        self.assertEqual(self.reload(broker), "reloaded rules=2 subscriptions_revoked=1")
        error = alice.receive()
        self.assertEqual(error.tree, [wire.ERROR, 38, f"subscribe: denied by {self.file}:3", 0, False, "a.*"])
        self.assertEqual(self.verdict(alice, "c"), f"publish: denied by {self.file}:3")
        bob.publish("a.y", b"1")
        bob.publish("b", b"2")
        bob.barrier()
        self.assertEqual([frame.tree[6] for frame in alice.barrier()[0]], [b"2"])
        # a file with a fault changes nothing
        self.write([everything, "allow: [publish], who: [user no-such-user], topics: [a]"])
        self.assertEqual(self.reload(broker), "reload failed, all stays as it was: see above")
        self.assertIn(f"umbeld: {self.file}:3: acl[1].who[0]: user no-such-user: there is no such user", broker.text())
        self.assertEqual(self.verdict(self.user(ALICE), "c"), f"publish: denied by {self.file}:3")
        # and without rules everybody may do all again
        self.file.write_text("limits: {max-frame: 64K}\n", encoding="ascii")
        self.assertEqual(self.reload(broker), "reloaded rules=none (whoever may open the socket may do all) subscriptions_revoked=0")
        self.assertIn("a change of max-frame takes effect at a restart, until then it is 4194304", broker.text())
        self.assertIsNone(self.verdict(self.user(CAROL), "c"))

    def test_without_descriptors_the_old_rules_stay(self):
        broker = self.broker_with(["allow: [publish], who: [everyone], topics: [a]"], "--descriptor-reserve", "0", files=40)
        witness = self.user(ALICE)
        crowd = [self.connection(f"{number}") for number in range(60)]
        broker.expect("cannot accept: Too many open files")
        self.write(["allow: [publish], who: [everyone], topics: [b]"])
        self.assertEqual(self.reload(broker), "reload failed, all stays as it was: see above")
        self.assertIsNone(self.verdict(witness, "a"))
        for connection in crowd:
            connection.close()
        self.user(BOB)  # there are descriptors again
        self.assertEqual(self.reload(broker), "reloaded rules=1 subscriptions_revoked=0")
        self.assertEqual(self.verdict(witness, "a"), "publish: no rule allows it")

    @unittest.skipUnless(hasattr(resource, "prlimit"), "needs prlimit(2)")
    def test_when_its_descriptors_are_taken_away_the_old_rules_stay(self):
        """The reserve is no help then: it may open nothing, not even the file."""
        broker = self.broker_with(["allow: [publish], who: [everyone], topics: [a]"])
        witness = self.user(ALICE)
        self.write(["allow: [publish], who: [everyone], topics: [b]"])
        before = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)
        taken = {int(fd) for fd in os.listdir(f"/proc/{broker.pid}/fd")}
        free = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (free, before[1]))
        self.assertEqual(self.reload(broker), "reload failed, all stays as it was: see above")
        self.assertIn("Too many open files", broker.text())
        self.assertIsNone(self.verdict(witness, "a"))
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(self.reload(broker), "reloaded rules=1 subscriptions_revoked=0")
        self.assertEqual(self.verdict(witness, "a"), "publish: no rule allows it")

    def test_refused_messages_are_reported_at_once_and_then_once_a_second_with_their_number(self):
        broker = self.broker_with(["allow: [publish], who: [everyone], topics: [a]"])
        eager = self.user(ALICE)
        begun = time.monotonic()
        for _ in range(3):
            eager.queue(*([wire.PUBLISH, 0, wire.ZEROS, f"b.{number}", None, None, b""] for number in range(1000)))
        before, counts = eager.barrier()
        self.assertEqual(counts.refused, 3000)
        errors = [frame.tree for frame in before if frame.type == wire.ERROR]
        if time.monotonic() - begun < 1.0:
            self.assertEqual([(error[2], error[5]) for error in errors], [("publish: no rule allows it", "b.0")])
        while len(errors) < 2:
            errors.append(eager.receive().tree)
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, 1.0)
        self.assertEqual(errors[1][2:], ["2999 more messages were refused in the last second, this is the last of them "
                                         "(publish: no rule allows it)", 0, False, "b.999"])
        broker.expect(r"refused a message about=\"?b\.0\"?: publish: no rule allows it session=\d+")
        broker.expect(r"refused messages n=2999 in_ms=1000 last: publish: no rule allows it session=\d+")
        # and nothing more, when there is nothing more
        self.assertEqual(eager.barrier()[0], [])

    def test_refused_subscriptions_and_questions_are_in_the_log_like_refused_messages(self):
        broker = self.broker_with(["allow: [publish], who: [everyone], topics: [a]"])
        user = self.user(ALICE)
        for number in range(100):
            user.queue([wire.SUBSCRIBE, 1 + number, 1 + number, "b.*", {}])
        user.queue(*([wire.PUBLISH, 0, wire.ZEROS, "$SYS.broker.info", f"{user.inbox}.{number}", None, b""] for number in range(100)))
        before, _ = user.barrier()
        self.assertEqual({frame.tree[2] for frame in before if frame.type == wire.ERROR},
                         {"subscribe: no rule allows it", "introspect: no rule allows it"})
        self.assertEqual(len(before), 200)
        for what, where in (("subscription", r' filter="?b\.\*"?'), ("request", "")):
            verb = "subscribe" if where else "introspect"
            broker.expect(rf"refused a {what}{where}: {verb}: no rule allows it session=\d+ .*pid=\d+ .*uid={ALICE}")
        for what, verb in (("subscription", "subscribe"), ("request", "introspect")):
            broker.expect(rf"refused {what}s n=99 in_ms=1000 last: {verb}: no rule allows it session=\d+")

    def test_a_thousand_attempts_to_pass_for_another_reach_nobody(self):
        self.broker_with([f"allow: [publish], who: [uid {ALICE}], topics: [a.**]",
                          f"allow: [publish], who: [uid {BOB}], topics: [b]",
                          "allow: [subscribe], who: [uid 0], topics: ['**']"])
        reader = self.subscriber("**")
        bob = self.user(BOB)
        stamp = (1).to_bytes(4, "big") + ALICE.to_bytes(4, "big")
        bob.queue(*([wire.PUBLISH, 0, stamp, f"a.{number}", None, None, b"forged"] for number in range(1000)),
                  [wire.PUBLISH, 0, stamp, "b", None, None, b"stamped"])
        _, counts = bob.barrier()
        self.assertEqual(counts.refused, 1000)
        messages, _ = reader.barrier()
        self.assertEqual([frame.tree[6] for frame in messages], [b"stamped"])
        self.assertEqual(messages[0].tree[2][4:], BOB.to_bytes(4, "big"))


# --- random rules against a reading of docs/umbeld.yaml that shares nothing with the broker -------------------------


def topics(depth=3):
    """All that there are of four words, one of which no filter has."""
    level = [""]
    for _ in range(depth):
        level = [f"{prefix}.{word}".lstrip(".") for prefix in level for word in ("a", "b", "c", "z")]
        yield from level


TOPICS = list(topics(4))


def matches(filter, topic):
    tokens, words = filter.split("."), topic.split(".")
    if tokens[-1] == "**":
        return len(words) >= len(tokens) and matches(".".join(tokens[:-1] + ["*"]), ".".join(words[:len(tokens)]))
    return len(tokens) == len(words) and all(token in ("*", word) for token, word in zip(tokens, words))


class Rule:
    def __init__(self, random, line):
        self.line = line
        self.deny = random.random() < 0.3
        self.verbs = random.sample(["publish", "subscribe"], random.choice([1, 2]))
        self.who = random.choice(["everyone", f"uid {ALICE}", f"uid {ALICE}-{BOB}", f"group {DOORS}", f"group {LAMPS}"])
        self.filters = [some_filter(random) for _ in range(random.choice([1, 2]))]

    def text(self):
        return (f"{'deny' if self.deny else 'allow'}: [{', '.join(self.verbs)}], who: [{self.who}], "
                f"topics: {self.filters!r}")

    def names(self, uid, groups):
        kind, _, number = self.who.partition(" ")
        if kind == "uid":
            first, _, last = number.partition("-")
            return int(first) <= uid <= int(last or first)
        return kind == "everyone" or int(number) in (uid, *groups)

    def speaks_of(self, asked):
        meant = [topic for topic in TOPICS if matches(asked, topic)]
        kind = any if self.deny else all
        return any(kind(matches(filter, topic) for topic in meant) for filter in self.filters)


def some_filter(random, wild=True):
    words = [random.choice("abc*" if wild else "abc") for _ in range(random.choice([1, 2, 3]))]
    return ".".join(words[:-1] + ["**"] if wild and random.random() < 0.3 else words)


def reference(rules, uid, groups, verb, asked):
    """The text of the refusal, or None."""
    said = [rule for rule in rules if verb in rule.verbs and rule.names(uid, groups) and rule.speaks_of(asked)]
    denied = [rule for rule in said if rule.deny]
    if denied:
        return f"{verb}: denied by FILE:{denied[0].line}"
    return None if said else f"{verb}: no rule allows it"


class RandomRights(RightsCase):
    def test_random_rules_do_what_the_reference_says(self):
        seed = int(os.environ.get("UMBEL_SEED", "20261122"))
        print(f"UMBEL_SEED={seed}")
        chance = random.Random(seed)
        rules = [Rule(chance, 2 + number) for number in range(8)]
        broker = self.broker_with(rule.text() for rule in rules)
        people = [(uid, groups) for uid in (ALICE, BOB, CAROL) for groups in ((), (DOORS,), (DOORS, LAMPS))]
        tally = {True: 0, False: 0}
        for _ in range(8):
            rules = [Rule(chance, 2 + number) for number in range(8)]
            self.write(rule.text() for rule in rules)
            self.assertIn("reloaded", self.reload(broker))
            for uid, groups in people:
                session = self.user(uid, groups)
                for _ in range(12):
                    asked = some_filter(chance)
                    request = session.request(asked)
                    answer = session.receive()
                    self.assertIn(answer.tree[0], (wire.OK, wire.ERROR))
                    got = answer.tree[2].replace(str(self.file), "FILE") if answer.type == wire.ERROR else None
                    wanted = reference(rules, uid, groups, "subscribe", asked)
                    self.assertEqual((got, request), (wanted, request), (uid, groups, asked))
                    tally[got is None] += 1
                session.close()
                session = self.user(uid, groups)
                asked = [some_filter(chance, wild=False) for _ in range(24)]
                session.queue(*([wire.PUBLISH, 0, wire.ZEROS, topic, None, None, b""] for topic in asked))
                _, counts = session.barrier()
                wanted = [reference(rules, uid, groups, "publish", topic) for topic in asked]
                self.assertEqual(counts.refused, sum(text is not None for text in wanted), (uid, groups, asked))
                tally[True] += len(asked) - counts.refused
                tally[False] += counts.refused
                session.close()
        print(f"granted {tally[True]}, refused {tally[False]}")
        self.assertGreater(min(tally.values()), 200)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root can be several users")
        sys.exit(77)
    unittest.main()
