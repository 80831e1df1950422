# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the tests of the command share: a broker, umbel, and their end."""

import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ.get("UMBEL_BIN_DIR", "build/bin")).absolute()
UMBEL = str(BIN / "umbel")

# Seconds after which something that was waited for has failed: plenty, for
# builds with sanitizers on machines that are busy.
PATIENCE = 100


class CliTest(unittest.TestCase):
    """Each test has a folder, a socket path in it, and UMBEL_SOCKET."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="umbel-test.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = f"{self.folder}/umbel.sock"
        self.env = dict(os.environ, UMBEL_SOCKET=self.socket)

    def spawn(self, *argv, **options):
        """A process that is gone when the test is over, at the latest."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("env", self.env)
        process = subprocess.Popen([str(arg) for arg in argv], **options)
        self.addCleanup(end, process)
        return process

    def start_broker(self, *options):
        """One that listens, and does not wait for clients to come back."""
        ready, ready_for_umbeld = os.pipe()
        broker = self.spawn(BIN / "umbeld", "--socket", self.socket,
                            "--ready-fd", ready_for_umbeld,
                            "--settle-ms", 0, *options,
                            pass_fds=[ready_for_umbeld],
                            stderr=subprocess.DEVNULL)
        os.close(ready_for_umbeld)
        with open(ready, "rb") as listening:
            self.assertTrue(listening.read(1), "umbeld did not start")
        return broker

    def crash(self, broker):
        """SIGKILL; when this returns, it is gone and the path is free."""
        broker.kill()
        broker.wait()

    def umbel(self, *args, **options):
        """Run to the end; stdout, stderr and returncode of the result."""
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("env", self.env)
        options.setdefault("timeout", PATIENCE)
        return subprocess.run([UMBEL, *map(str, args)],
                              stdout=options.pop("stdout", subprocess.PIPE),
                              stderr=subprocess.PIPE, **options)

    def told_on_a_terminal(self, *args, status=0):
        """What is written to stderr, a terminal."""
        ours, its = pty.openpty()
        self.env["TERM"] = "xterm"
        process = self.spawn(UMBEL, *args, stdout=subprocess.DEVNULL, stderr=its)
        os.close(its)
        told = b""
        with open(ours, "rb", buffering=0) as terminal:
            try:
                while more := terminal.read(4096):
                    told += more
            except OSError:  # its end is closed
                pass
        self.assertEqual(process.wait(PATIENCE), status)
        return told

    def pub(self, *args, **options):
        result = self.umbel("pub", *args, **options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def subscribe(self, *args, **options):
        """`umbel sub` in the background, its subscriptions active."""
        ready, ready_for_umbel = os.pipe()
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        sub = self.spawn(UMBEL, "sub", "--on-ready",
                         f"echo >/dev/fd/{ready_for_umbel}", *args,
                         pass_fds=[ready_for_umbel], **options)
        os.close(ready_for_umbel)
        with open(ready, "rb") as active:
            self.assertTrue(active.read(1), "umbel sub did not get ready")
        return sub

    def finish(self, process):
        """Its stdout, once it has ended with status 0."""
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err or b""), (0, b""))
        return out

    def wait_for_line(self, stream, word):
        """Read lines up to one with `word` in it, and return that."""
        for line in stream:
            if word in line:
                return line
        return self.fail(f"the stream ended without {word}")


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            try:
                stream.close()
            except BrokenPipeError:
                pass
