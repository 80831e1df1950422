#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=90
"""libumbel against brokers that lie, stammer, stay mute, vanish, or are somebody else: a retry or a clear error each time."""

import os
import random
import shutil
import signal
import socket
import time
import unittest

from harness import DEADLINE, SANITIZED, Case, wire

ETIMEDOUT, ENOENT = -110, -2
PROTOCOL, SERVER_UID, VERSION = -10003, -10007, -10004
SEED = int(os.environ.get("UMBEL_SEED", "20260728"))


def frame(*tree):
    body = wire.pack(list(tree))
    return b"\xce" + len(body).to_bytes(4, "big") + body


def publish(topic, payload, reply=None, headers=None, *more):
    return frame(wire.PUBLISH, 0, bytes(8), topic, reply, headers, payload, *more)


WELCOME = frame(wire.WELCOME, 1, 7, 5, {"max_frame": 4194304, "overflow": "block", "inbox": "$inbox.x.7"})


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.listener = None
        self.listen()

    def listen(self, backlog=16):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.settimeout(DEADLINE)
        self.listener.bind(self.path)
        self.listener.listen(backlog)

    def witness(self, *flags):
        return self.program("witness", *flags)

    def accept(self):
        connection, _ = self.listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(DEADLINE)
        return connection

    def read_requests(self, connection):
        """HELLO, and the SUBSCRIBEs that come with it: their numbers."""
        frames = []
        with connection.makefile("rb") as reader:
            while len(frames) < 3:
                prefix = reader.read(5)
                frames.append(wire.parse(reader.read(int.from_bytes(prefix[1:], "big"))).plain())
        self.assertEqual([tree[0] for tree in frames], [wire.HELLO, wire.SUBSCRIBE, wire.SUBSCRIBE])
        return [tree[1] for tree in frames[1:]]

    def shake_hands(self):
        """A connection that the client calls CONNECTED."""
        connection = self.accept()
        oks = [frame(wire.OK, number) for number in self.read_requests(connection)]
        connection.sendall(WELCOME + b"".join(oks))
        return connection

    def expect_patience(self, witness, rounds):
        """It ends, and has not gone round and round."""
        witness.signal(signal.SIGTERM)
        self.assertEqual(witness.wait(), 0, witness.text()[-3000:])
        over = witness.expect(r"over rounds=(\d+)")
        self.assertLess(int(over[1]), rounds)

    def expect_recovery(self, witness):
        """It comes back to a broker that behaves."""
        connection = self.shake_hands()
        connection.sendall(publish("a.b", b"at last"))
        witness.expect(r"^connected 0")
        witness.expect(r"^message a\.b 7")

    def test_a_mute_one_is_given_up_in_time_and_tried_again(self):
        witness = self.witness("-h", 30, "-r", 10)
        for _ in range(3):
            self.accept()
            witness.expect(f"^disconnected {ETIMEDOUT} .*did not say WELCOME within 30 ms")
        self.expect_recovery(witness)
        self.expect_patience(witness, 100)

    def test_one_that_accepts_and_closes_is_come_back_to_at_growing_pauses(self):
        witness = self.witness("-r", 10)
        pauses = []
        for _ in range(6):
            self.accept().close()
            pauses.append(int(witness.expect(r"^disconnected -\d+ retry=(\d+) .*before any WELCOME")[1]))
        self.assertLessEqual(pauses[0], 13)
        self.assertGreaterEqual(min(pauses[3:]), 30)
        self.expect_recovery(witness)
        self.expect_patience(witness, 100)

    def test_one_that_turns_everybody_out_at_once_is_not_stormed(self):
        witness = self.witness("-r", 10)
        for _ in range(6):
            self.shake_hands().sendall(frame(wire.ERROR, 12, "no memory for you", 0, True, None))
            pause = witness.expect(r"^disconnected -\d+ retry=(\d+) .*no memory for you")[1]
        self.assertGreaterEqual(int(pause), 30)
        self.expect_recovery(witness)
        self.expect_patience(witness, 150)

    def test_a_path_that_vanishes_and_returns_is_found_again(self):
        witness = self.witness("-r", 10)
        connection = self.shake_hands()
        witness.expect("^connected")
        self.listener.close()
        shutil.rmtree(self.directory)
        connection.close()
        witness.expect(rf"^disconnected {ENOENT} .*there is no such socket")
        self.directory.mkdir()
        self.listen()
        self.expect_recovery(witness)
        self.expect_patience(witness, 200)

    def test_another_version_ends_the_attempts(self):
        witness = self.witness()
        self.accept().sendall(frame(wire.ERROR, 6, "versions 8 to 9", 0, True, None))
        witness.expect(f"^failed {VERSION} .*versions 8 to 9")
        self.listener.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            self.listener.accept()
        self.expect_patience(witness, 30)

    def test_a_stranger_gets_no_hello(self):
        witness = self.witness("-u", os.geteuid() + 1, "-r", 10)
        for _ in range(2):
            connection = self.accept()
            witness.expect(f"^disconnected {SERVER_UID} .*runs as uid {os.geteuid()}")
            self.assertEqual(connection.recv(100), b"")
        self.expect_patience(witness, 100)

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_a_socket_squatted_by_another_user_gets_no_hello(self):
        self.listener.close()
        os.unlink(self.path)
        os.chmod(self.directory, 0o777)
        child = os.fork()
        if child == 0:
            os.setuid(12345)
            squatter = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            squatter.bind(self.path)
            os.chmod(self.path, 0o777)
            squatter.listen()
            connection, _ = squatter.accept()
            os._exit(0 if connection.recv(100) == b"" else 1)
        try:
            witness = self.witness("-r", 10)
            witness.expect(f"^disconnected {SERVER_UID} .*runs as uid 12345")
            self.assertEqual(os.waitpid(child, 0)[1], 0)
        finally:
            os.chmod(self.directory, 0o700)

    def test_one_that_never_reads_fills_the_buffer_and_nothing_else(self):
        witness = self.witness("-p")
        connection = self.shake_hands()
        witness.expect("^full -11")
        before = witness.memory()
        time.sleep(0.2)  # stimulus: it goes on not reading
        self.assertLess(witness.memory(), before + (1 << 20))
        connection.close()
        witness.expect(r"^disconnected -\d+ .*unconfirmed=[1-9]")
        self.expect_recovery(witness)

    def test_a_claimed_length_costs_no_memory(self):
        witness = self.witness()
        connection = self.shake_hands()
        witness.expect("^connected")
        before = witness.memory()
        connection.sendall(b"\xce" + (4194304 + 4096).to_bytes(4, "big") + bytes(1000))
        self.assertLess(witness.memory(), before + (1 << 20))
        connection.close()
        witness.expect("^disconnected")
        connection = self.shake_hands()
        connection.sendall(b"\xce" + (4194304 + 4097).to_bytes(4, "big"))
        witness.expect(f"^disconnected {PROTOCOL} .*too long")
        self.expect_recovery(witness)

    def test_the_longest_frames_arrive_one_byte_late_or_all_at_once(self):
        witness = self.witness()
        connection = self.shake_hands()
        large = publish("a.b", bytes(4194304 - 24))
        for cut in (1, 5, 6, 262144, len(large) - 1):
            connection.sendall(large[:cut])
            connection.sendall(large[cut:])
            witness.expect(f"^message a.b {4194304 - 24} ")
        connection.sendall(large * 5)
        for _ in range(5):
            witness.expect(f"^message a.b {4194304 - 24} ")

    def test_byte_by_byte_is_as_good_as_whole(self):
        witness = self.witness()
        connection = self.shake_hands()
        stream = (publish("a.b", b"one") + publish("a.b", b"three") + frame(200, "extension") +
                  publish("x", b"", "r.s", {"k": "v", "n": None, "i": -7, "b": b"\0\1"}, ["more"]) +
                  frame(wire.HOLD, True, 9, "slow one", "x") + frame(wire.GAP, 5, 500, "dropped") +
                  frame(wire.ERROR, 35, "no\nlines", 0, False, "$sys.x"))
        for byte in stream:
            connection.sendall(bytes([byte]))
        witness.expect("^message a.b 3 headers=0 reply=-")
        witness.expect("^message a.b 3 ")  # the second subscription's
        witness.expect("^message a.b 5 ")
        witness.expect("^message x 0 headers=4 reply=r.s")
        witness.expect("^hold 1 by=slow one topic=x")
        witness.expect("^lost 5 dropped")
        witness.expect(r"^error -10005 no\?lines about=\$sys.x")

    def test_whatever_bytes_come_it_lives_on(self):
        chance = random.Random(SEED)
        print(f"UMBEL_SEED={SEED}")
        good = [WELCOME, publish("a.b", b"payload"), publish("a.b", b"again"),
                publish("x.y", b"z", "r", {"content-type": "json", "n": 1.5, "m": -1}, 1, 2), frame(wire.OK, 1),
                frame(wire.PONG, 1, 2, 3, 4), frame(wire.PING, 1 << 40), frame(wire.GAP, 1, 2, "x"),
                frame(wire.HOLD, True, 1, "n", "t"), frame(wire.GOAWAY, "bye", 1), frame(wire.ERROR, 35, "t", 0, False, "a"),
                frame(wire.ERROR, 10, "slow", 0, True, None), frame(250, {"a": [1]}), frame(wire.DELIVER, 1, None, [])]
        witness = self.witness("-r", 1, "-h", 50)
        for n in range(60 if SANITIZED else 300):
            connection = self.accept()
            numbers = self.read_requests(connection)
            stream = bytearray(WELCOME if n % 4 else b"")
            if n % 3:
                stream += b"".join(frame(wire.OK, number) for number in numbers)
            for _ in range(chance.randrange(1, 12)):
                piece = bytearray(chance.choice(good))
                for _ in range(chance.randrange(3)):
                    at = chance.randrange(len(piece))
                    piece[at] = chance.choice((0, 0x7F, 0x80, 0xC0, 0xC1, 0xFF, chance.randrange(256)))
                if chance.randrange(10) == 0:
                    del piece[chance.randrange(len(piece)):]
                stream += piece
            try:
                connection.sendall(bytes(stream))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass  # it has hung up on us, and rightly
            connection.close()
        self.assertIsNone(witness.process.poll(), witness.text()[-3000:])
        witness.signal(signal.SIGTERM)
        self.assertEqual(witness.wait(), 0, witness.text()[-3000:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
