#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""SIGTERM and SIGINT end the broker: in order when the clients help, in bounded time when they do not."""

import signal
import socket
import time
import unittest

from harness import SANITIZED, Case, publish, wire

SLACK = 4.0 * (5 if SANITIZED else 1)  # seconds: what a busy machine may add
LONG = "600000"


class Stop(Case):
    def begin_stop(self, broker, *sessions, number=signal.SIGTERM):
        """The signal; every session has read its GOAWAY when this returns. `session.read` says so."""
        broker.signal(number)
        for session in sessions:
            frame = session.receive()
            self.assertIsNotNone(frame, f"{session.name}: no GOAWAY")
            self.assertEqual(frame.type, wire.GOAWAY)
            self.assertIsInstance(frame.tree[1], str)
            frame = session.receive()
            self.assertEqual(frame.type, wire.PING)
            session.read = [wire.PONG, frame.tree[1]]

    def test_clients_that_help_are_not_waited_for_longer_than_that(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            broker = self.broker("--settle-ms", "0", "--drain-ms", LONG)
            sessions = [self.session(f"s{n}") for n in range(20)]
            self.connection("says nothing")
            self.begin_stop(broker, *sessions, number=number)
            for session in sessions:
                session.send([wire.PING, 7], session.read)
            for session in sessions:
                self.assertEqual([frame.tree[:2] for frame in session.receive_rest()], [[wire.PONG, 7]])
            broker.expect_end()

    def test_without_clients_it_ends_at_once(self):
        broker = self.broker("--drain-ms", LONG)
        self.connection("says nothing")
        broker.terminate()

    def test_settling_is_cut_short(self):
        """At once when nobody waits for it, and in any case within the drain time."""
        broker = self.broker("--settle-ms", LONG, "--drain-ms", LONG)
        broker.terminate()
        broker = self.broker("--settle-ms", LONG, "--drain-ms", "400")
        publisher = self.session("publisher")
        publisher.send(publish("a", b"waits"))
        publisher.queue([wire.PING, 1])
        begun = time.monotonic()
        broker.signal(signal.SIGTERM)
        broker.expect("info: stopping signal")
        late = self.subscriber("a", name="late")
        got = [frame.tree[6] for frame in late.receive_rest() if frame.type == wire.PUBLISH]
        self.assertEqual(got, [b"waits"])  # after half of it
        broker.expect_end()
        self.assertLess(time.monotonic() - begun, 0.4 + SLACK)

    def test_what_clients_still_send_reaches_the_others(self):
        broker = self.broker("--settle-ms", "0", "--drain-ms", LONG)
        subscriber, publisher = self.subscriber("last.*"), self.session("publisher")
        self.begin_stop(broker, subscriber, publisher)
        subscriber.send([wire.PING, 1], subscriber.read)  # done, but there for what others send
        publisher.send(*(publish("last.words", b"%d" % n) for n in range(1000)), [wire.PING, 1], publisher.read)
        got = [frame.tree[6] for frame in subscriber.receive_rest() if frame.type == wire.PUBLISH]
        self.assertEqual(got, [b"%d" % n for n in range(1000)])
        broker.expect_end()

    def test_stubborn_clients_are_waited_for_as_long_as_the_drain_time(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            broker = self.broker("--settle-ms", "0", "--drain-ms", "500")
            stubborn = [self.session(f"stubborn{n}") for n in range(3)]
            begun = time.monotonic()
            self.begin_stop(broker, *stubborn, number=number)
            broker.expect_end()
            took = time.monotonic() - begun
            self.assertGreaterEqual(took, 0.45)
            self.assertLess(took, 0.5 + SLACK)
            self.assertRegex(broker.text(), r"warn: not all clients have finished undrained=3 limit_ms=500")
            for session in stubborn:
                self.assertRegex(broker.text(), rf'warn: not finished: session={session.id} name="{session.name}"')
            for session in stubborn:
                self.assertEqual(session.receive_rest(), [])

    def test_one_that_does_not_read_is_waited_for_as_long_as_the_drain_time(self):
        broker = self.broker("--settle-ms", "0", "--drain-ms", "500")
        deaf, publisher = self.subscriber("flood", name="deaf"), self.session("publisher")
        publisher.send(*(publish("flood", bytes(65536)) for _ in range(64)))
        publisher.barrier()
        begun = time.monotonic()
        self.begin_stop(broker, publisher)
        publisher.send([wire.PING, 1], publisher.read)
        broker.expect_end()
        self.assertGreaterEqual(time.monotonic() - begun, 0.45)
        self.assertLess(time.monotonic() - begun, 0.5 + SLACK)
        del deaf

    def test_a_second_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                              (signal.SIGTERM, signal.SIGINT)):
            broker = self.broker("--settle-ms", "0", "--drain-ms", LONG)
            stubborn = self.session("stubborn")
            self.begin_stop(broker, stubborn, number=first)
            broker.signal(second)
            broker.expect_end()
            self.assertEqual(stubborn.receive_rest(), [])

    def test_nobody_new_gets_in_meanwhile(self):
        broker = self.broker("--settle-ms", "0", "--drain-ms", LONG)
        stubborn = self.session("stubborn")
        self.begin_stop(broker, stubborn)
        with socket.socket(socket.AF_UNIX) as late, self.assertRaises((FileNotFoundError, ConnectionRefusedError)):
            late.connect(self.path)
        stubborn.close()
        broker.expect_end()

    def test_a_held_publisher_does_not_keep_it(self):
        broker = self.broker("--settle-ms", "0", "--drain-ms", "500", "--outbox-high", "64K", "--hold-notice-ms", "10")
        self.subscriber("flood", name="deaf")
        publisher = self.session("publisher")
        publisher.queue(*(publish("flood", bytes(65536)) for _ in range(200)))
        wire.pump([publisher], lambda: publisher.frames, "the publisher to be held")
        self.assertEqual(publisher.frames[0].type, wire.HOLD)
        broker.terminate(0.5 + SLACK)


if __name__ == "__main__":
    unittest.main()
