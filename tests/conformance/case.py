# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the cases share: one broker for a class, connections that are closed, and the recurring proofs."""

import unittest

import wire
from broker import Broker


def covers(*ids):
    """States which sentences of PROTOCOL.md a case is about; test_coverage.py holds the page and the cases together."""
    def mark(case):
        case.covers = ids
        return case
    return mark


class BrokerCase(unittest.TestCase):
    flags = ()  # of the broker that all cases of the class share
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker("--settle-ms", "0", *cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()

    def tearDown(self):
        self.broker.assert_alive()

    def connect(self, name="connection", broker=None):
        connection = wire.Connection((broker or self.broker).path, name)
        self.addCleanup(connection.close)
        return connection

    def session(self, name="session", broker=None, **options):
        session = wire.Session((broker or self.broker).path, name, options)
        self.addCleanup(session.close)
        return session

    def subscriber(self, *filters, name="subscriber"):
        session = self.session(name)
        for filter in filters:
            session.subscribe(filter)
        return session

    def bystander(self):
        return self.subscriber("**", name="bystander")

    # proofs

    def expect_untouched(self, bystander):
        """Nothing has been routed to it, and it is still there."""
        before, _ = bystander.barrier()
        self.assertEqual(before, [], "a bystander received something")

    def expect_payloads(self, session, payloads):
        """These messages, in this order, and nothing else."""
        before, _ = session.barrier()
        self.assertEqual([self.payload(frame) for frame in before], payloads)

    def expect_fatal(self, connection, *names):
        """The stream ends with a fatal ERROR of one of these names. Returns the frames before it and the ERROR's tree."""
        frames = connection.receive_rest()
        self.assertTrue(frames, f"the stream ended without an ERROR; expected {names}")
        _, code, text, request, fatal, about = self.error(frames[-1])
        codes = {**wire.FATAL_CODES, **{name: wire.REFUSAL_CODES[name] for name in ("denied", "limit")}}  # H9, H12
        self.assertIn(code, [codes[name] for name in names], f"expected {names}, got {frames[-1]}")
        self.assertIs(fatal, True)
        self.assertNotIn(wire.ERROR, [frame.type for frame in frames[:-1] if frame.tree[4:5] == [True]], "two fatal errors")
        return frames[:-1], frames[-1].tree

    def expect_refusal(self, session, name, request=0, about=None):
        """The next frame is a refusal of this request or, with `about`, of a PUBLISH. Returns its text."""
        frame = session.receive()
        _, code, text, got_request, fatal, got_about = self.error(frame)
        self.assertEqual((code, got_request, fatal), (wire.REFUSAL_CODES[name], request, False), frame)
        if not request:
            self.assertEqual(got_about, about, frame)
        return text

    def error(self, frame):
        """An ERROR's tree, each element of the type that section 6 gives it."""
        self.assertIsNotNone(frame, "the end of the stream instead of an ERROR")
        self.assertEqual(frame.type, wire.ERROR, frame)
        tree = frame.tree[:6]
        _, code, text, request, fatal, about = tree
        for value, kinds in ((code, int), (text, str), (request, int), (fatal, bool), (about, (str, type(None)))):
            self.assertIsInstance(value, kinds, frame)
        return tree

    def payload(self, frame):
        self.assertIsNotNone(frame, "the end of the stream instead of a message")
        self.assertEqual(frame.type, wire.PUBLISH, frame)
        return frame.tree[6]


def publish(topic="host.alpha.load", payload=b"", reply=None, headers=None, flags=0, stamp=wire.ZEROS):
    return [wire.PUBLISH, flags, stamp, topic, reply, headers, payload]


def hello(name="tester", options=None, version=1):
    return [wire.HELLO, version, name, options or {}]
