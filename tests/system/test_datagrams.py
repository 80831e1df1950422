#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Datagrams: senders that do not connect, what reaches subscribers of them, and what does not."""

import array
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import unittest

from harness import LINUX, Case, publish, wire

DATAGRAM = 0xFFFFFFFF  # the session that stands for all of them


@unittest.skipUnless(LINUX, "only Linux says who sends a datagram")
class Datagrams(Case):
    def setUp(self):
        super().setUp()
        self.datagram_path = str(self.directory / "dgram")
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.settimeout(wire.DEADLINE)
        self.addCleanup(self.sender.close)

    def start(self, *flags):
        return self.broker("--settle-ms", "0", "--datagram", self.datagram_path, *flags)

    def send(self, data):
        self.sender.sendto(data, self.datagram_path)

    def expect_datagram(self, subscriber, topic, payload):
        frame = subscriber.receive()
        self.assertEqual((frame.tree[3], frame.tree[6]), (topic, payload), frame)
        stamp = frame.tree[2]
        self.assertEqual((int.from_bytes(stamp[:4], "big"), int.from_bytes(stamp[4:], "big")), (DATAGRAM, os.getuid()))

    def test_text_and_frames_arrive_in_order_with_the_senders_uid(self):
        self.start()
        subscriber = self.subscriber("door.*")
        self.send(b"door.open front")
        self.send(wire.frame(publish("door.shut", b"\x00\xff")))
        self.send(b"door.open back\n")
        self.send(b"door.ring")
        self.expect_datagram(subscriber, "door.open", b"front")
        self.expect_datagram(subscriber, "door.shut", b"\x00\xff")
        self.expect_datagram(subscriber, "door.open", b"back")
        self.expect_datagram(subscriber, "door.ring", b"")

    def test_a_shell_script_needs_nothing_but_socat(self):
        if not shutil.which("socat"):
            self.skipTest("socat is not installed")
        self.start()
        subscriber = self.subscriber("door.*")
        subprocess.run(f"printf 'door.open front' | socat - UNIX-SENDTO:{self.datagram_path}", shell=True, check=True)
        self.expect_datagram(subscriber, "door.open", b"front")

    def test_what_is_wrong_is_logged_by_cause_and_the_rest_goes_on(self):
        broker = self.start()
        subscriber = self.subscriber("**")
        self.send(b"not..valid x")
        self.send(b"$SYS.broker.info x")
        self.send(wire.frame([wire.PING, 1]))
        self.send(b"t " + bytes(65535))
        self.send(b"fine yes")
        self.expect_datagram(subscriber, "fine", b"yes")
        for cause in ("malformed", "denied", "too_big"):
            broker.n_taken = 0
            broker.expect(rf'refused datagrams cause={cause} n=1 last pid={os.getpid()} command="[^"]+" uid={os.getuid()}: ')

    def test_descriptors_that_come_along_are_not_kept(self):
        broker = self.start()
        subscriber = self.subscriber("**")
        self.send(b"first one")
        self.expect_datagram(subscriber, "first", b"one")
        before = len(os.listdir(f"/proc/{broker.pid}/fd"))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2, 0, 1, 2]))]
        for n in range(50):
            self.sender.sendmsg([b"t %d" % n], rights, 0, self.datagram_path)
            self.expect_datagram(subscriber, "t", b"%d" % n)
        self.assertEqual(len(os.listdir(f"/proc/{broker.pid}/fd")), before)

    def test_more_than_the_rate_are_dropped_and_counted(self):
        broker = self.start("--datagram-rate", "100")
        subscriber = self.subscriber("**")
        for n in range(1000):
            self.send(b"t %d" % n)
        self.send(wire.frame(publish("x.y.z")))  # too many as well, or the first of another second
        match = broker.expect(r"refused datagrams cause=too_many n=(\d+)")
        self.assertEqual(match[1], "1")
        got, _ = subscriber.barrier()
        self.assertGreaterEqual(len(got), 100)
        self.assertLess(len(got), 1000)
        broker.expect(r"refused datagrams cause=too_many n=\d{2,} .* \(limit 100, datagram-rate\)")

    def test_a_stopped_subscriber_holds_no_datagram_up(self):
        self.start("--outbox-high", "4096", "--datagram-rate", "1000000")
        slow, quick = self.subscriber("**", name="slow"), self.subscriber("**", name="quick")
        for n in range(300):
            self.send(b"t " + bytes(20000))
            self.assertEqual(len(quick.receive().tree[6]), 20000, n)
        got = [slow.receive()]
        while len(got) + sum(frame.tree[1] - 1 for frame in got if frame.type == wire.GAP) < 300:
            got.append(slow.receive())
        self.assertIn(wire.GAP, [frame.type for frame in got])
        self.assertEqual(slow.barrier()[0], [])

    def test_the_socket_has_its_own_mode_and_goes_with_the_broker(self):
        broker = self.start("--datagram-mode", "0622")
        self.assertEqual(stat.S_IMODE(os.stat(self.datagram_path).st_mode), 0o622)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        broker.expect(re.escape(f"taking datagrams socket={self.datagram_path} mode=0622"))
        broker.terminate()
        self.assertFalse(os.path.lexists(self.datagram_path))

    def test_a_killed_brokers_socket_is_replaced(self):
        self.start().crash()
        self.assertTrue(os.path.lexists(self.datagram_path))
        self.start()
        subscriber = self.subscriber("**")
        self.send(b"a b")
        self.expect_datagram(subscriber, "a", b"b")

    def test_what_was_sent_before_the_end_and_while_settling_still_arrives(self):
        broker = self.broker("--settle-ms", "300", "--datagram", self.datagram_path)
        self.send(b"early bird")
        subscriber = self.subscriber("**")
        self.expect_datagram(subscriber, "early", b"bird")
        broker.stop()
        self.send(b"last words")
        broker.signal(signal.SIGTERM)
        broker.go_on()
        self.expect_datagram(subscriber, "last", b"words")
        subscriber.close()
        broker.expect_end()


if __name__ == "__main__":
    unittest.main()
