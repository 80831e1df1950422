#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Whoever begins with anything but HELLO is told so and closed at once; no byte behind the fault is looked at."""

import time

from fault import ALONE, FULL, SANITIZED, FaultCase, main, sized, wire

ROUNDS = sized(1, 10)
TOGETHER = 200  # connections at once
CLOSED_WITHIN = 1.0 if ALONE else 0.1 * TOGETHER  # seconds, for all of them; measured: 0.1
LATE = 1.0 if ALONE else 60.0 if SANITIZED else 10.0
MOST_MEMORY = 2 << 20  # bytes of the broker's memory, for all of them and the canary: a slab at a time; measured: 0.3 MiB
SLAB = 256 << 10  # ... for each that has begun something
RESIDENT = 8192  # bytes for each; measured: 0.9 KiB, and 4.5 when something has begun
ELSEWHERE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP post": b"POST /publish HTTP/1.1\r\nContent-Length: 4294967295\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + bytes(500),
    "NATS": b'CONNECT {"verbose":false}\r\nPING\r\n',
    "MQTT": bytes.fromhex("101000044d5154540402003c000474657374"),
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "D-Bus": b"\0AUTH EXTERNAL 30\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}
PROBE = wire.frame([wire.PUBLISH, 0, wire.ZEROS, "leaked", None, None, b"behind the fault"])
FRAMES = {
    "WELCOME": [wire.WELCOME, 1, 1, 0, {}],
    "PUBLISH": [wire.PUBLISH, 0, wire.ZEROS, "leaked", None, None, b""],
    "SUBSCRIBE": [wire.SUBSCRIBE, 1, 1, "**", {}],
    "UNSUBSCRIBE": [wire.UNSUBSCRIBE, 1, 1],
    "DELIVER": [wire.DELIVER, 1, None, [wire.PUBLISH, 0, wire.ZEROS, "leaked", None, None, b""]],
    "GAP": [wire.GAP, 1, 1, ""],
    "OK": [wire.OK, 1],
    "ERROR": [wire.ERROR, 1, "", 0, True, None],
    "PING": [wire.PING, 1],
    "PONG": [wire.PONG, 1],
    "GOAWAY": [wire.GOAWAY, "", 0],
    "HOLD": [wire.HOLD, True, 1, "", ""],
    "an extension": [0x80, 1],
    "an unknown type": [0x7F, 1],
}


class HostileOpenings(FaultCase):
    """Red when command_execute() lets PING through without a HELLO, or frame_peek() skips a bad first byte; when what has failed keeps
    its slab, or waits for --linger-ms; when the time for HELLO is 5 ms, or 4000 (alone), or a slab is touched as a whole."""

    def attack(self, openings):
        """(name, bytes, codes), TOGETHER at a time. Each is answered by one fatal ERROR."""
        spy = self.subscriber("leaked", name="spy")
        longest = 0.0
        for at in range(0, len(openings), TOGETHER):
            begun = time.monotonic()
            batch = [(self.raw(data + PROBE, name), codes) for name, data, codes in openings[at:at + TOGETHER]]
            self.drive([one for one, _ in batch], lambda: all(one.ended for one, _ in batch), "all to be closed")
            took = time.monotonic() - begun
            for connection, codes in batch:
                with self.subTest(opening=connection.name):
                    frames = self.expect_fatal(connection, *codes)
                    self.assertEqual(len(frames), 1)
                connection.close()
            longest = max(longest, took)
            if not SANITIZED:
                self.assertLess(took, CLOSED_WITHIN)
        self.assertEqual(spy.barrier()[0], [], "a byte behind the fault was looked at")
        spy.close()
        self.expect_cheap(min(TOGETHER, len(openings)), MOST_MEMORY, f"{longest:.2f} s for all")

    def expect_cheap(self, n, most, how_long):
        """So many at a time took no more than this of the broker's memory, and little of it was touched."""
        peak = self.info()["memory_peak"]
        used = peak - self.used_before
        self.say(f"{n} at a time: {how_long}; at most {used >> 10} KiB of the broker's memory, "
                 f"{self.most_grown() / n:.0f} bytes resident for each")
        if peak > self.peak_before:  # else that was when it was warmed up
            self.assertLessEqual(used, most)
        self.assertLess(self.most_grown() / n, RESIDENT)

    def test_every_frame_but_hello(self):
        openings = [(name, wire.frame(tree), ("out_of_turn", "unknown_type", "bad_frame")) for name, tree in FRAMES.items()]
        self.begin()
        self.attack(openings * (10 * ROUNDS))
        self.finish(f"{10 * ROUNDS * len(openings)} connections")

    def test_every_first_byte(self):
        openings = [(f"{byte:#04x}", bytes([byte]), ("bad_magic",)) for byte in range(256) if byte != 0xCE]
        self.begin()
        self.attack(openings * ROUNDS)
        self.finish(f"{ROUNDS * len(openings)} connections")

    def test_those_who_want_another_service(self):
        openings = [(name, data, ("bad_magic",)) for name, data in ELSEWHERE.items()]
        self.begin()
        self.attack(openings * (10 * ROUNDS))
        self.finish(f"{10 * ROUNDS * len(openings)} connections")

    def test_those_who_say_nothing_or_half_of_it(self):
        """Closed when the time for HELLO is over, and not by the first of them only."""
        n = sized(200, 2000, 50)
        allowed = 10000 if FULL else 1000
        self.begin("--handshake-ms", str(allowed))
        hello = wire.frame([wire.HELLO, 1, "half", {}])
        begun, halves = [], []
        for number in range(n):
            begun.append(time.monotonic())
            halves.append(self.raw(hello[:number % len(hello)], f"half{number}"))
        self.drive(halves, lambda: all(one.ended for one in halves), "all to be closed")
        shortest, longest = self.expect_lives(halves, begun, allowed / 1000, LATE)
        self.expect_cheap(n, n * SLAB + MOST_MEMORY, f"closed after {shortest:.2f} to {longest:.2f} s")
        for one in halves:
            self.expect_fatal(one, "timeout")
            one.close()
        self.finish(f"{n} connections", connections=n)


if __name__ == "__main__":
    main()
