# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the system tests share: a private umbeld, programs whose lines are read, and deadlines.

    UMBEL_BIN_DIR=build/bin UMBEL_SOURCE_DIR=. python3 tests/system/test_x.py

Nothing here sleeps: wait_until() is where a test waits for processes, wire.pump() where it waits for sockets.
"""

import ctypes
import json
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import wire  # noqa: E402

SANITIZED = bool(os.environ.get("UMBEL_SANITIZE"))
FULL = bool(os.environ.get("UMBEL_FULL"))  # in full size
DEADLINE = 30.0 * (6 if SANITIZED else 1)  # seconds; only a test that fails waits for it
wire.DEADLINE = DEADLINE

PIPE_SIZE = 1 << 20  # a process that is not watched for a while can still write its lines
F_SETPIPE_SZ = 1031  # Linux: linux/fcntl.h
PR_SET_PDEATHSIG = 1  # Linux: linux/prctl.h
LIBC = ctypes.CDLL(None)
LINUX = sys.platform == "linux"


def binary(name):
    folder = os.environ.get("UMBEL_BIN_DIR")
    assert folder, "set UMBEL_BIN_DIR to the folder that umbeld is in"
    return str(pathlib.Path(folder).resolve() / name)


def wait_until(until, what, *processes, seconds=None):
    """Read the lines of `processes` until `until()` holds."""
    limit = wire.time.monotonic() + (DEADLINE if seconds is None else seconds)
    while not until():
        poll = select.poll()
        by_fd = {process.fd: process for process in processes if not process.ended}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        left = limit - wire.time.monotonic()
        if left <= 0 or not by_fd:
            tails = "\n".join(f"--- {process.name}\n{process.text()[-3000:]}" for process in processes[:4])
            raise wire.Late(f"waited for {what}: {'nothing more can come' if not by_fd else 'too long'}\n{tails}")
        for fd, _ in poll.poll(left * 1000):
            by_fd[fd].read_some()


class Process:
    """A process, and the lines that it has written to stdout and stderr. It dies with the test."""

    def __init__(self, command, name=None, files=None, pass_fds=(), stdin=subprocess.DEVNULL, **popen):
        def prepare():
            if LINUX:
                LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        self.name = name or pathlib.Path(command[0]).name
        self.lines = []
        self.n_taken = 0  # of lines, by expect()
        self.rest = b""
        self.ended = False  # all it wrote has been read
        self.fd, end = os.pipe()
        if LINUX:
            wire.fcntl.fcntl(self.fd, F_SETPIPE_SZ, PIPE_SIZE)
        try:
            self.process = subprocess.Popen(command, stdin=stdin, stdout=end, stderr=end, pass_fds=pass_fds,
                                            preexec_fn=prepare, **popen)
        finally:
            os.close(end)
        os.set_blocking(self.fd, False)
        self.pid = self.process.pid

    def read_some(self):
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data:
            self.ended = True
            lines += [self.rest] if self.rest else []
        self.lines += [line.decode("utf-8", "replace") for line in lines]

    def text(self):
        return "\n".join(self.lines)

    def expect(self, pattern, seconds=None):
        """Wait for a line like this, after the one that was expected before. Returns the match."""
        found = []

        def search():
            while self.n_taken < len(self.lines):
                self.n_taken += 1
                match = re.search(pattern, self.lines[self.n_taken - 1])
                if match:
                    found.append(match)
                    return True
            return False
        wait_until(search, f"{self.name} to say {pattern!r}", self, seconds=seconds)
        return found[0]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGSTOP, and it has stopped when this returns."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def wait(self, seconds=None):
        """Its exit status."""
        wait_until(lambda: self.ended, f"{self.name} to end", self, seconds=seconds)
        return self.process.wait(DEADLINE if seconds is None else seconds)

    def report(self, seconds=None):
        """Wait for its end. Returns the object that is its last line."""
        status = self.wait(seconds)
        assert status == 0, f"{self.name} ended with status {status}:\n{self.text()[-3000:]}"
        return json.loads(self.lines[-1])

    def kill(self):
        """End it, however it is, and leave nothing of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.fd >= 0:
            os.close(self.fd)
        self.fd, self.ended = -1, True

    # what the kernel knows about it

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, key="VmRSS"):
        """Bytes that are resident, or with "VmHWM" the most that ever were."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{key}:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024


class Broker(Process):
    """umbeld on `path` (its --config may say so instead of us), started by the command `under`, which becomes it; returns when it says
    that it is ready."""

    def __init__(self, path, *flags, say_path=True, under=(), **process):
        self.path = str(path)
        ready, tell = os.pipe()
        command = [*under, binary("umbeld"), *(("--socket", self.path) if say_path else ()), "--ready-fd", str(tell), *flags]
        try:
            super().__init__(command, pass_fds=[tell], **process)
        finally:
            os.close(tell)
        try:
            poll = select.poll()
            poll.register(ready, select.POLLIN)
            assert poll.poll(DEADLINE * 1000), f"umbeld does not say that it is ready:\n{self.text()}"
            if not os.read(ready, 1):
                status = self.wait()
                raise AssertionError(f"umbeld ended with {status} before it was ready:\n{self.text()}")
        finally:
            os.close(ready)

    def terminate(self, seconds=None):
        """SIGTERM, and its orderly end."""
        self.signal(signal.SIGTERM)
        self.expect_end(seconds)

    def expect_end(self, seconds=None):
        status = self.wait(seconds)
        assert status == 0, f"umbeld ended with status {status}:\n{self.text()[-6000:]}"
        assert not os.path.lexists(self.path), "umbeld left its socket behind"

    def crash(self):
        """SIGKILL: what no broker can prepare for."""
        self.signal(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL


class Case(unittest.TestCase):
    """A directory, a broker path in it, and processes and sockets that are gone when the test is over."""

    maxDiff = 4000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="umbel-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = str(self.directory / "sock")

    def process(self, *command, **options):
        process = Process(list(command), **options)
        self.addCleanup(process.kill)
        return process

    def broker(self, *flags, path=None, **options):
        """An umbeld that has to be alive or to have ended well when the test is over."""
        broker = Broker(path or self.path, *flags, **options)
        self.addCleanup(self.end_broker, broker)
        return broker

    def end_broker(self, broker):
        try:
            if broker.process.poll() is None:
                broker.signal(signal.SIGCONT)
                broker.terminate()
            self.assertIn(broker.process.returncode, (0, -signal.SIGKILL), broker.text()[-6000:])
        finally:
            broker.kill()

    def program(self, name, /, *arguments, **options):
        """One of the C programs beside this file; it finds the broker of the test."""
        environment = {**os.environ, "UMBEL_SOCKET": self.path}
        return self.process(binary(f"system/{name}"), *map(str, arguments), env=environment, **options)

    def connection(self, name="connection", path=None):
        connection = wire.Connection(path or self.path, name)
        self.addCleanup(connection.close)
        return connection

    def session(self, name="session", path=None, **options):
        session = wire.Session(path or self.path, name, options)
        self.addCleanup(session.close)
        return session

    def subscriber(self, *filters, name="subscriber", path=None):
        session = self.session(name, path)
        for filter in filters:
            session.subscribe(filter)
        return session

    def expect_message(self, session, topic, payload, seconds=None):
        frame = session.receive(seconds)
        self.assertIsNotNone(frame, "the end of the stream instead of a message")
        self.assertEqual((frame.type, frame.tree[3], frame.tree[6]), (wire.PUBLISH, topic, payload), frame)

    def mark(self, name, text="end"):
        """Tell the subscriber program of this name, or "all". What was routed before has reached it when it says so."""
        session = self.session("marker")
        session.publish(f"mark.{name}", text.encode())
        session.barrier()
        session.close()

    def report_of(self, subscriber):
        """What a subscriber program saw of all that has been routed until now."""
        self.mark(subscriber.name)
        subscriber.expect("^mark end$")
        subscriber.signal(signal.SIGTERM)
        return subscriber.report()

    def expect_service(self, path=None):
        """Two new clients, and a message from one to the other."""
        subscriber = wire.Session(path or self.path, "receiver")
        publisher = wire.Session(path or self.path, "sender")
        try:
            subscriber.subscribe("service")
            publisher.publish("service", b"works")
            self.expect_message(subscriber, "service", b"works")
        finally:
            subscriber.close()
            publisher.close()


def publish(topic, payload=b""):
    return [wire.PUBLISH, 0, wire.ZEROS, topic, None, None, payload]


def raise_descriptor_limit(wanted):
    """For many sockets in this process. False when there cannot be that many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True
