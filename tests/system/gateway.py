# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the tests of the HTTP gateway share: a broker that speaks HTTP, and a client that says exactly what it is told to."""

import http.client
import json
import socket

from harness import Case, wire


class Raw:
    """A connection to the gateway: bytes out, answers in."""

    def __init__(self, path, bind=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(wire.DEADLINE)
        if bind is not None:
            self.socket.bind(bind)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, head_only=False):
        """(status, headers, body) of the next one; None at the end of the stream."""
        line = self.file.readline()
        if not line:
            return None
        status = int(line.split()[1])
        headers = dict(http.client.parse_headers(self.file).items())
        if head_only or status == 100:
            return status, headers, b""
        if headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.file.readline(), 16)
                body += self.file.read(size)
                assert self.file.readline() == b"\r\n"
                if size == 0:
                    return status, headers, body
        if "Content-Length" in headers:
            return status, headers, self.file.read(int(headers["Content-Length"]))
        return status, headers, self.file.read()

    def ask(self, method, path, body=None, **headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: umbel", *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items())]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b""))
        return self.answer(method == "HEAD")

    def events(self, path):
        """Subscribe; the status has to be 200. What comes is had from event()."""
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        status = int(self.file.readline().split()[1])
        http.client.parse_headers(self.file)
        assert status == 200, (status, self.file.read1(1000))

    def event(self):
        """(name, data) of the next that has data; None at the end. Each is a chunk of its own."""
        while True:
            size = int(self.file.readline() or b"0", 16)
            chunk = self.file.read(size + 2).decode()
            if size == 0:
                return None
            fields = dict(line.split(": ", 1) for line in chunk.splitlines() if ": " in line)
            if "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"])


class GatewayCase(Case):
    def setUp(self):
        super().setUp()
        self.http = str(self.directory / "http")

    def start(self, *flags, **options):
        return self.broker("--settle-ms", "0", "--http", self.http, *flags, **options)

    def raw(self, bind=None):
        raw = Raw(self.http, bind)
        self.addCleanup(raw.close)
        return raw

    def ask(self, method, path, body=None, **headers):
        """On a connection of its own."""
        raw = Raw(self.http)
        try:
            return raw.ask(method, path, body, **headers)
        finally:
            raw.close()

    def listed(self, what):
        status, _, body = self.ask("GET", f"/{what}")
        self.assertEqual(status, 200, body)
        return json.loads(body)[what.partition("?")[0]]

    def expect_http_service(self):
        """One publishes, another one receives."""
        reader = Raw(self.http)
        try:
            reader.events("/subscribe?filter=http.service")
            status, _, body = self.ask("POST", "/topics/http.service", b"works")
            self.assertEqual((status, json.loads(body)), (200, {"topic": "http.service", "subscribers": 1}))
            self.assertEqual(reader.event()[1]["payload"], "works")
        finally:
            reader.close()
