#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Lengths and counts that are lies cost their sender the connection, and the broker neither memory nor time."""

from fault import FaultCase, main, sized, wire

TOGETHER = 100
LIES = (0, wire.MAX_FRAME + 1, 1 << 31, (1 << 32) - 1)
N_LIARS = sized(200, 1000, 100)
N_BOMBS = sized(1000, 10000, 200)
BEFORE_WELCOME = 32768
MOST_MEMORY = 1 << 20  # bytes more, for all who claim 4 GiB together
FULL_FRAME = 4 << 20
COUNTS = {"array16": b"\xdc\xff\xff", "array32": b"\xdd\xff\xff\xff\xff", "map16": b"\xde\xff\xff", "map32": b"\xdf\xff\xff\xff\xff",
          "map32 that overflows": b"\xdf\x80\x00\x00\x00", "str8": b"\xd9\xff", "str16": b"\xda\xff\xff",
          "str32": b"\xdb\xff\xff\xff\xff", "bin8": b"\xc4\xff", "bin16": b"\xc5\xff\xff", "bin32": b"\xc6\xff\xff\xff\xff",
          "ext8": b"\xc7\xff\x01", "ext32": b"\xc9\xff\xff\xff\xff\x01", "fixext16": b"\xd8\x01"}


def prefix(length):
    return b"\xce" + length.to_bytes(4, "big")


def bombs():
    """(name, body): what claims more than it has, at each place of a PUBLISH."""
    for name, claim in COUNTS.items():
        yield f"{name} as the frame", claim
        yield f"{name} as the headers", wire.pack([3, 0, wire.ZEROS, "a", None, wire.Raw(claim), b""])
        yield f"{name} as the payload", wire.pack([3, 0, wire.ZEROS, "a", None, None, wire.Raw(claim)])
        yield f"{name} as options", wire.pack([4, 1, 1, "a", wire.Raw(claim)])
        yield f"{name}, 30 deep", b"\x92\x04" + claim * 30


class HostileFrames(FaultCase):
    """Red when frame_peek() compares the length only once the body is there, or cursor.c trusts a count."""

    def attack(self, bodies, welcomed, *codes):
        """Frames, or what begins like one, each on a connection of its own."""
        for at in range(0, len(bodies), TOGETHER):
            batch = []
            for data in bodies[at:at + TOGETHER]:
                hello = wire.frame([wire.HELLO, 1, "liar", {}]) if welcomed else b""
                batch.append(self.raw(hello + data, f"{data[:24].hex()}"))
            self.drive(batch, lambda: all(one.ended for one in batch), "all to be closed")
            for one in batch:
                with self.subTest(begins=one.name):
                    self.expect_fatal(one, *codes)
                one.close()

    def finish_within(self, what, most):
        """And it never took more than this, not even for a moment."""
        grown = self.most_grown()
        self.say(f"the most that was ever resident grew by {grown / 1024:.0f} KiB")
        self.assertLess(grown, most)
        self.finish(what)

    def test_lengths_that_are_lies(self):
        self.begin()
        for length in LIES:
            code = "frame_too_big" if length else "bad_frame"
            for welcomed in (False, True):
                self.attack([prefix(length) + b"\x97\x03"] * (N_LIARS // len(LIES) // 2), welcomed, code, "out_of_turn")
        self.attack([prefix(BEFORE_WELCOME + 1)] * 10, False, "frame_too_big")
        self.finish_within(f"{N_LIARS} connections", MOST_MEMORY)

    def test_counts_that_are_lies(self):
        self.begin()
        bodies = [wire.frame(body) for _, body in bombs()]
        bodies *= N_BOMBS // len(bodies) + 1
        self.attack(bodies, True, "bad_frame")
        self.finish_within(f"{len(bodies)} frames", MOST_MEMORY)

    def test_nesting(self):
        """Eight deep is fine, and then as deep as a frame can be: who reads them has a stack that does not grow."""
        def nested(level, depth):
            return wire.frame(b"\x92\xcc\x80" + level * (depth - 1) + b"\xc0")
        levels = (b"\x91", b"\xdd\x00\x00\x00\x01", b"\x81\xa0", b"\xdf\x00\x00\x00\x01\xa0")
        self.begin()
        polite = self.session("polite")
        polite.send(*(nested(level, wire.MAX_DEPTH) for level in levels))
        self.assertEqual(polite.barrier()[0], [])
        polite.close()
        bodies = [nested(level, depth) for level in levels for depth in (9, 10, 32, 33, 1000, 100000)]
        self.attack(bodies * sized(1, 10), True, "bad_frame")
        self.finish_within(f"{len(bodies)} frames, to a depth of 100000", 2 * FULL_FRAME)

    def test_a_mebibyte_of_nils(self):
        """24 bytes for each in msgpack-c; here they cost what they are long."""
        n = 1 << 20
        self.begin()
        nils = wire.frame(wire.pack([3, 0, wire.ZEROS, "a", None, None, b""])[:-2] + b"\xdd" + n.to_bytes(4, "big") + b"\xc0" * n)
        count = sized(10, TOGETHER, 5)
        self.attack([nils] * count, True, "bad_frame")
        self.finish_within(f"{count} frames of 1 MiB of nils at once", 2 * count * n + 2 * FULL_FRAME)


if __name__ == "__main__":
    main()
