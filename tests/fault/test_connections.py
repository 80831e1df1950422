#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=150
"""Connections that die at once, that are bound to strange names, that bring descriptors, or that are too many."""

import array
import itertools
import os
import signal
import socket
import time

from fault import CANARY, LINUX, SANITIZED, FaultCase, main, need_descriptors, publish, sized, wire

CONNECTS = sized(5000, 100_000, 2000)
LIMIT = 64
TOO_MANY = 200
FULL_FOR = sized(1.0, 30.0)
CPU_MAX = 0.1
LINES = 12  # a second; without descriptors it tries again every 100 ms, and says so
RIGHTS_ROUNDS = sized(100, 1000, 50)
RIGHTS_AT_ONCE = 253  # SCM_MAX_FD
CROWD = sized(2000, 9500, 500)  # the rest of 10,000 is below the descriptors that a system commonly allows
IDLE_BYTES = 16384
HELLO = wire.frame([wire.HELLO, 1, "brief", {}])


class Connections(FaultCase):
    """Red when an error of one connection (getpeername of a client that has gone) ends the broker or is a leak, when it reads
    with recvmsg() and room for descriptors, when it accepts on at EMFILE, or accepts all there are in one turn (doors.c without
    ACCEPT_BATCH: p99 676 ms, and 8 MiB more resident); when a reload that cannot read its file leaves no rules, or says nothing."""

    def test_connect_and_die(self):
        self.begin()
        ways = itertools.cycle((b"", b"\xce", HELLO[:7], HELLO, HELLO + wire.frame(publish("brief", b"?"))))
        begun = time.monotonic()
        for _, data in zip(range(CONNECTS), ways):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(self.path)
            try:
                connection.sendall(data)
            except BrokenPipeError:
                pass
            connection.close()
        self.say(f"{CONNECTS / (time.monotonic() - begun):.0f} connections a second")
        self.finish(f"{CONNECTS} connections")

    def test_clients_bound_to_strange_names(self):
        """CVE-2026-63388: a name longer than 26 bytes was once the end of a daemon that used evhttp."""
        self.begin()
        longest = str(self.directory / "x")
        longest += "x" * (107 - len(longest))
        names = [longest, b"\0" + os.urandom(8), b"\0" + os.urandom(107), b"\0\0\0\0\n\x1b[31m%n%s\xff\xfe" + os.urandom(4), b""]
        for round in range(sized(10, 1000)):
            for name in names:
                client = wire.Connection.__new__(wire.Connection)
                client.__dict__.update(name=repr(name), frames=wire.collections.deque(), ended=False, refuses_writes=False,
                                       paused=False, received=bytearray(), queued=wire.collections.deque())
                client.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                if name or LINUX:
                    client.socket.bind(name)  # an empty one: the kernel chooses an abstract name
                client.socket.connect(self.path)
                client.socket.setblocking(False)
                client.send([wire.HELLO, 1, "bound", {}], [wire.PING, 3])
                self.assertEqual([client.receive().type, client.receive().type], [wire.WELCOME, wire.PONG])
                client.close()
                if name == longest:
                    os.unlink(longest)
        self.finish("bound clients")

    def test_descriptors_that_nobody_asked_for(self):
        self.begin()
        null = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, null)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * RIGHTS_AT_ONCE))]
        generous = self.session("generous")
        most = 0
        for number in range(RIGHTS_ROUNDS):
            generous.socket.setblocking(True)
            generous.socket.sendmsg([wire.frame(publish("gift", bytes(100)))], rights)
            generous.socket.setblocking(False)
            if number % 10 == 0:
                generous.barrier()
                most = max(most, self.descriptors())
        self.say(f"{RIGHTS_ROUNDS * RIGHTS_AT_ONCE} descriptors sent, the broker had at most {most}")
        self.assertLessEqual(most, self.descriptors_before + CANARY + 1)
        generous.close()
        self.finish("SCM_RIGHTS")

    def test_without_descriptors(self):
        """It waits without spinning, serves those who are in, and newcomers as soon as there is room."""
        rules = self.directory / "umbeld.yaml"
        self.write_rules(rules, "old")
        self.begin("--config", str(rules), "--descriptor-reserve", "0", files=LIMIT)
        witness = self.session("witness")
        clients = []
        for number in range(TOO_MANY):
            client = self.connection(f"client{number}")
            client.queue(wire.frame([wire.HELLO, 1, client.name, {}]))
            clients.append(client)
        wire.pump(clients, lambda: not any(client.queued for client in clients), "all to write their HELLO")
        self.umbeld.expect("cannot accept|too many connections|descriptors")
        before = self.umbeld.cpu_seconds() if LINUX else 0
        self.watch(clients, FULL_FOR)
        used = (self.umbeld.cpu_seconds() if LINUX else 0) - before
        self.umbeld.read_some()
        self.assertLess(len(self.umbeld.lines), LINES * (FULL_FOR + 2), "it says too much")
        self.say(f"processor time in {FULL_FOR:.0f} s: {used * 1000:.0f} ms, the canary's included")
        if not SANITIZED:
            self.assertLess(used, CPU_MAX * FULL_FOR)
        self.write_rules(rules, "new")
        self.umbeld.signal(signal.SIGHUP)
        self.umbeld.expect("reload failed, all stays as it was")
        self.assertEqual((self.refused(witness, "old"), self.refused(witness, "new")), (1, 0))
        served = [client for client in clients if client.frames]
        begun = time.monotonic()
        for client in served:
            client.close()
        rest = [client for client in clients if client not in served]
        wire.pump(rest, lambda: any(client.frames for client in rest), "the next one to be welcomed")
        took = time.monotonic() - begun
        self.say(f"{len(served)} served; the next one {took * 1000:.0f} ms after there was room")
        if not SANITIZED:
            self.assertLess(took, 1.0)
        for client in rest:
            client.close()
        limit = time.monotonic() + wire.DEADLINE
        while not self.refused(witness, "new"):  # it may not have closed enough of them yet
            self.assertLess(time.monotonic(), limit, "the new rules are not in force")
            self.umbeld.signal(signal.SIGHUP)
        witness.close()
        self.umbeld.read_some()
        self.finish(f"{TOO_MANY} clients and {LIMIT} descriptors")

    def write_rules(self, file, denied):
        file.write_text("acl:\n  - {allow: [publish, subscribe], who: [everyone], topics: ['**']}\n"
                        "  - {allow: [introspect, reply], who: [everyone]}\n"
                        f"  - {{deny: [publish], who: [everyone], topics: [{denied}]}}\n", encoding="ascii")

    def refused(self, witness, topic):
        """How many of one message there."""
        witness.publish(topic)
        _, pong = witness.barrier()
        return pong.refused

    def test_a_crowd(self):
        need_descriptors(self, CROWD + 300)
        self.begin()
        before = self.umbeld.memory() if LINUX else 0
        crowd = []
        for number in range(CROWD):
            client = self.connection(f"c{number}")
            client.queue(wire.frame([wire.HELLO, 1, client.name, {}]), wire.frame([wire.SUBSCRIBE, 1, 1, "crowd", {}]))
            client.turn()
            crowd.append(client)
        wire.pump(crowd, lambda: all(len(client.frames) == 2 for client in crowd), "all to be welcomed")
        each = ((self.umbeld.memory() if LINUX else 0) - before) / CROWD
        self.say(f"{CROWD} connections, {each:.0f} bytes resident for each")
        if not SANITIZED:
            self.assertLess(each, IDLE_BYTES)
        begun = time.monotonic()
        self.observer.send(publish("crowd", b"all of you"))
        wire.pump(crowd, lambda: all(len(client.frames) == 3 for client in crowd), "all to hear it")
        self.say(f"a message to all of them: {(time.monotonic() - begun) * 1000:.0f} ms")
        for client in crowd:
            client.close()
        self.finish(f"{CROWD} connections", connections=CROWD)


if __name__ == "__main__":
    main()
