#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=150
"""Floods of HTTP: connections that die at once, bodies that never end, readers that never read."""

import itertools
import socket
import time

from fault import LINUX, FaultCase, main, sized

QUERIES = sized(6, 1000, 3)
QUERIES_S = sized(0.5, 2.0, 2.0)  # processor time for all of them, and for the canary; one took 0.8 s when it was red
CONNECTS = sized(3000, 50_000, 1000)
BEGUN = sized(100, 1000, 50)
READERS = sized(50, 500, 20)
BODY = 100_000


class HttpFloods(FaultCase):
    """Red when what is freed is not all (a descriptor, the head, a body's slab, the charge for unsent text), or when the gateway
    serves one connection for as long as it likes."""

    def begin(self, *flags, **options):
        self.http = str(self.directory / "http")
        super().begin("--http", self.http, *flags, **options)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(connection.close)
        connection.connect(self.http)
        return connection

    def send(self, connection, data):
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            pass

    def sessions(self):
        return self.info()["sessions"]

    def test_connect_and_die(self):
        self.begin()
        request = b"POST /topics/flood HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        ways = itertools.cycle((b"", b"\xce\0\0", request[:20], request[:-2], request, 3 * request, b"GET /subscribe?filter=** HTTP/1.1\r\nHost: x\r\n\r\n",
                                b"GET /sessions HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /requests/x HTTP/1.1\r\nHost: x\r\n\r\n"))
        begun = time.monotonic()
        for _, data in zip(range(CONNECTS), ways):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(self.http)
            self.send(connection, data)
            connection.close()
        self.say(f"{CONNECTS / (time.monotonic() - begun):.0f} connections a second")
        self.finish(f"{CONNECTS} connections")

    def test_bodies_that_never_end(self):
        """They hold what has come of them, until their time is over."""
        self.begin("--frame-ms", "1000", "--linger-ms", "100")
        begun = [self.connect() for _ in range(BEGUN)]
        for number, connection in enumerate(begun):
            length = b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n" if number % 2 else b"Content-Length: 200000\r\n\r\n"
            connection.setblocking(False)
            self.send(connection, b"POST /topics/never HTTP/1.1\r\nHost: x\r\n" + length + bytes(BODY))
        while self.sessions() > 3:  # the observer, and the canary's
            pass
        self.finish(f"{BEGUN} bodies", connections=BEGUN)

    def test_readers_that_never_read(self):
        self.begin("--linger-ms", "100")
        readers = [self.connect() for _ in range(READERS)]
        for reader in readers:
            self.send(reader, b"GET /subscribe?filter=never.read&overflow=drop-oldest HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(50):
            self.observer.publish("never.read", bytes(50_000))
        self.observer.barrier()
        self.assertLess(self.info()["memory_used"], 64 << 20)
        for reader in readers:
            reader.close()
        self.finish(f"{READERS} readers", connections=READERS)

    def test_queries_of_thousands_of_names(self):
        """Red when webroutes.c looks for each name among all."""
        self.begin()
        before = self.umbeld.cpu_seconds() if LINUX else 0
        for _ in range(QUERIES):
            connection = self.connect()
            self.send(connection, b"GET /subscribe?name=n&group=g&retained=1&heartbeat=1&overflow=block%s HTTP/1.1\r\nHost: x\r\n\r\n" %
                      (b"&a" * 8000))
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 400 "))
            connection.close()
        took = self.umbeld.cpu_seconds() - before if LINUX else 0
        self.assertLess(took, QUERIES_S)
        self.finish(f"{QUERIES} queries, {took:.2f} s of processor time")

    def test_more_than_there_are_descriptors(self):
        self.begin(files=64)
        crowd = []
        for _ in range(200):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                connection.connect(self.http)
            except BlockingIOError:
                connection.close()
                break
            crowd.append(connection)
        for _ in range(10):
            self.info()  # who was there before is served
        for connection in crowd:
            connection.close()
        self.expect_others_gone()
        self.finish("too many connections")


if __name__ == "__main__":
    main()
