#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Started as systemd does it: sockets are handed over and not removed, and it is told how umbeld is; the units are hardened."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from harness import DEADLINE, LINUX, Case, binary

UNITS = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"]) / "broker" / "systemd"
EXPOSURE_MAX = 20  # tenths
# what systemd does between fork and exec
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), WATCHDOG_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@unittest.skipUnless(LINUX, "systemd is Linux's")
class Systemd(Case):
    def setUp(self):
        super().setUp()
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.bind(str(self.directory / "notify"))
        self.told.settimeout(DEADLINE)

    def start(self, *flags, **environment):
        """umbeld on a socket that is there before it."""
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.listening.close)
        self.listening.bind(self.path)
        os.chmod(self.path, 0o640)
        self.listening.listen()
        fd = self.listening.fileno()
        broker = self.process(sys.executable, "-c", START, str(fd), binary("umbeld"), "--socket", self.path, "--settle-ms", "0",
                              *flags, pass_fds=[fd], name="umbeld",
                              env={**os.environ, "NOTIFY_SOCKET": self.told.getsockname(), **environment})
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.client.close)
        self.client.connect(self.path)  # it waits for the broker in the socket's backlog
        broker.expect("listening |built without")
        if "built without" in broker.text():
            raise unittest.SkipTest("umbeld was built without libsystemd")
        return broker

    def expect_told(self, words):
        while True:
            said = self.told.recv(4096).decode("ascii")
            if words in said.split("\n"):
                return said

    def test_a_socket_that_is_handed_over_is_served_and_left(self):
        broker = self.start("--mode", "0600")
        self.expect_told("READY=1")
        self.assertIn(f"listening socket={self.path} mode=0640 ", broker.text())
        self.expect_service()
        broker.signal(signal.SIGTERM)
        self.expect_told("STOPPING=1")
        self.assertEqual(broker.wait(), 0)
        self.assertTrue(os.path.exists(self.path), "a socket of systemd's was removed")
        self.session_waits()

    def session_waits(self):
        """Whoever comes now waits for the next broker."""
        late = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        late.connect(self.path)
        late.close()

    def test_a_socket_that_nobody_serves_is_warned_of(self):
        broker = self.start("--socket", str(self.directory / "another.sock"))
        self.expect_told("READY=1")
        broker.expect(r"warn: sockets=1 were handed over, served=0: ")

    def test_a_reload_is_told(self):
        config = self.directory / "umbeld.yaml"
        config.write_text("log-level: info\n", encoding="ascii")
        broker = self.start("--config", str(config))
        self.expect_told("READY=1")
        broker.signal(signal.SIGHUP)
        self.assertIn("MONOTONIC_USEC=", self.expect_told("RELOADING=1"))
        self.expect_told("READY=1")

    def test_the_watchdog_is_told_by_the_loop(self):
        broker = self.start(WATCHDOG_USEC="200000")
        self.expect_told("READY=1")
        for _ in range(3):
            self.expect_told("WATCHDOG=1")
        broker.stop()  # a loop that is stuck
        self.told.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                self.told.recv(4096)
        self.told.settimeout(1)
        with self.assertRaises(TimeoutError):
            self.told.recv(4096)
        broker.go_on()
        self.told.settimeout(DEADLINE)
        self.expect_told("WATCHDOG=1")

    def test_the_service_is_hardened(self):
        if not shutil.which("systemd-analyze"):
            raise unittest.SkipTest("there is no systemd-analyze")
        unit = self.directory / "umbeld.service"
        unit.write_text((UNITS / "umbeld.service.in").read_text(encoding="ascii").replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin"),
                        encoding="ascii")
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)


if __name__ == "__main__":
    unittest.main()
