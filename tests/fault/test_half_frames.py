#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Clients that begin frames and bodies until no memory is left, and leave it at that: others go on in a moment."""

import socket
import time

from fault import ALONE, SANITIZED, FaultCase, main, need_descriptors, publish, sized, wire

N = sized(40, 1100)
MEMORY = sized(8 << 20, 256 << 20)  # less than N times the 256 KiB that each has of it
SIZE = 4_000_000  # of a frame or body, of which at most SENT bytes come; how many is for the socket to say
SENT = 60_000
STALL_MS = sized(800, 2000)  # nothing may come for a quarter of it
BOUND = 1.0 if ALONE else 20.0 if SANITIZED else 4.0
BEGUN = {
    "frames": wire.frame([wire.HELLO, 1, "half", {}]) +
    wire.frame([wire.PUBLISH, 0, wire.ZEROS, "never.whole", None, None, bytes(SIZE)])[:SENT],
    "bodies": b"POST /topics/never HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE + bytes(SENT),
}
# An HTTP connection is as large as two others, and so is what four times 1,100 of them leave behind as well as one time.
EACH_LEAVES = {"frames": 1, "bodies": 2}


class HalfFrames(FaultCase):
    """Red: bodies that stay without unfinished_look(), frames whose clients have gone without conn_is_cut_off()."""

    def begin(self, *flags):
        need_descriptors(self, N + 200)
        http = str(self.directory / "http")
        super().begin("--http", http, "--memory-max", str(MEMORY), "--hold-notice-ms", "20", "--frame-ms", "600000", *flags,
                      canary=False)
        self.paths = {"frames": self.path, "bodies": http}
        self.victim = self.subscriber("victim", name="victim")

    def crowd(self, kind):
        """They have taken what memory there is, and some wait for more."""
        crowd = []
        for _ in range(N):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(one.close)
            one.connect(self.paths[kind])
            one.setblocking(False)
            one.send(BEGUN[kind])
            crowd.append(one)
        self.umbeld.expect("held session=.* of=memory-max")
        return crowd

    def expect_victim(self, kind):
        """More than passes when there is no memory."""
        begun = time.monotonic()
        self.victim.send(publish("victim", bytes(60_000)))
        got, _ = self.victim.barrier()
        took = time.monotonic() - begun
        self.assertEqual([len(frame.tree[6]) for frame in got], [60_000])
        self.say(f"{kind}: a message of another was back after {took:.3f} s")
        self.assertLess(took, BOUND)

    def expect_way(self, kind):
        """As many go as it takes."""
        self.begin("--stall-ms", str(STALL_MS))
        crowd = self.crowd(kind)
        self.expect_victim(kind)
        self.umbeld.expect("no_memory: .*half of memory-max")
        self.expect_nothing_left(kind, crowd)

    def expect_nobody_there(self, kind):
        """Nobody has to be broken off for that."""
        self.begin("--stall-ms", "600000")
        crowd = self.crowd(kind)
        for one in crowd:
            one.close()
        self.expect_victim(kind)
        self.assertNotIn("no_memory", self.umbeld.text())
        self.expect_nothing_left(kind, crowd)

    def expect_nothing_left(self, kind, crowd):
        for one in [*crowd, self.victim]:
            one.close()
        self.finish(f"{N} of them", connections=N * EACH_LEAVES[kind])

    def test_frames_that_stay(self):
        self.expect_way("frames")

    def test_bodies_that_stay(self):
        self.expect_way("bodies")

    def test_frames_whose_clients_have_gone(self):
        self.expect_nobody_there("frames")

    def test_bodies_whose_clients_have_gone(self):
        self.expect_nobody_there("bodies")


if __name__ == "__main__":
    main()
