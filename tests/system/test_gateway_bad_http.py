#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Bad HTTP costs only its own connection: beside each a reader must go on getting its messages, and nothing is left of it."""

import os
import socket
import unittest

from gateway import GatewayCase
from harness import LINUX

HEAD_MAX = 16384
MAX_FRAME = 65536

# what is sent, and the status of the answer; None: the connection ends without one
BAD = (
    (b"\xce\0\0\0\x04\x94\x01\x01\xa0\x80\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\0: b\r\n\r\n", 400),
    (b"A" * 2 * HEAD_MAX, 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 2 * HEAD_MAX, 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * HEAD_MAX, 431),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n" + b"x" * 2 * MAX_FRAME, 413),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MAX_FRAME + b"x" * MAX_FRAME, 413),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * MAX_FRAME) + b"x" * 2 * MAX_FRAME, 413),
    (b"POST /topics/a HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\nx", 417),
    (b"DELETE /topics/a HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"MAKE /sessions HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"GET /topics/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /topics/a%0d%0ab HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /topics/a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /topics/" + b"a" * 256 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /subscribe?filter=a.**.b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /subscribe?" + b"&".join(b"filter=a%d" % n for n in range(101)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
)


class BadHttp(GatewayCase):
    def setUp(self):
        super().setUp()
        self.umbeld = self.start("--max-frame", str(MAX_FRAME), "--handshake-ms", "300", "--frame-ms", "300", "--linger-ms", "300")
        self.reader = self.raw()
        self.reader.events("/subscribe?filter=canary")
        self.n_sung = 0
        self.descriptors = self.count_descriptors()
        self.addCleanup(self.expect_clean)

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.umbeld.pid}/fd")) if LINUX else 0

    def sing(self):
        self.n_sung += 1
        status, _, body = self.ask("POST", "/topics/canary", b"%d" % self.n_sung)
        self.assertEqual(status, 200, body)
        self.assertEqual(self.reader.event()[1]["payload"], str(self.n_sung))

    def expect_clean(self):
        """All that were opened here are gone, in the broker too."""
        while self.count_descriptors() > self.descriptors:
            self.sing()

    def test_each_kind_gets_its_status_and_the_end(self):
        for data, status in BAD:
            with self.subTest(data=data[:60]):
                raw = self.raw()
                try:
                    raw.send(data)
                except BrokenPipeError:
                    pass  # it knew enough
                answer = raw.answer()
                self.assertEqual(answer[0], status, answer)
                if status == 405:
                    self.assertIn("GET", answer[1]["Allow"])
                raw.close()
                self.sing()

    def test_who_is_slow_is_let_go(self):
        silent, head, body = self.raw(), self.raw(), self.raw()
        head.send(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
        body.send(b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
        self.assertEqual(head.answer()[0], 408)
        self.assertEqual(body.answer()[0], 408)
        self.assertIsNone(silent.answer())
        self.sing()

    def test_requests_sent_ahead_byte_by_byte_or_by_old_clients_are_answered(self):
        ahead = self.raw()
        ahead.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        self.assertEqual([ahead.answer()[0] for _ in range(100)], 100 * [200])
        drip = self.raw()
        for byte in b"POST /topics/caf%C3%A9%2Ea HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx":
            drip.send(bytes([byte]))
        self.assertEqual(drip.answer()[0::2], (200, '{"topic":"café.a","subscribers":0}\n'.encode()))
        old = self.raw()
        old.send(b"GET /topics HTTP/1.0\n\n")
        self.assertEqual(old.answer()[0::2], (200, b'{"topics":[\n{"topic":"canary","receivers":1},\n{"topic":"caf\xc3\xa9.a","receivers":0}\n]}\n')
                         if self.n_sung else (200, b'{"topics":[\n{"topic":"caf\xc3\xa9.a","receivers":0}\n]}\n'))
        self.assertIsNone(old.answer())
        self.sing()

    def test_half_a_connection_is_enough_for_an_answer(self):
        half = self.raw()
        half.send(b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        half.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(half.answer()[0], 200)
        self.assertIsNone(half.answer())
        self.sing()

    def test_clients_bound_to_strange_names(self):
        """CVE-2026-63388: a name longer than 26 bytes is the end of a daemon that uses an evhttp without the mend."""
        longest = str(self.directory / "x")
        longest += "x" * (107 - len(longest))
        names = [longest] + ([b"\0" + os.urandom(107), b"\0\n%n\xff" + os.urandom(8), b""] if LINUX else [])
        for name in names:
            raw = self.raw(bind=name)
            self.assertEqual(raw.ask("GET", "/healthz")[0], 200)
            raw.close()
            self.sing()

    def test_a_reader_that_goes_away_is_noticed_at_once(self):
        for _ in range(3):
            gone = self.raw()
            gone.events("/subscribe?filter=canary")
            gone.close()
            asks = self.raw()
            asks.send(b"GET /subscribe?filter=question HTTP/1.1\r\nHost: x\r\n\r\n")
            asks.close()
            self.sing()
        self.expect_clean()
        self.assertEqual(len(self.listed("subscriptions")), 1)


if __name__ == "__main__":
    unittest.main()
