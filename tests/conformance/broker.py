# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""A private umbeld: in a directory of its own, watched from its first byte to its exit status."""

import ctypes
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile

import wire


PR_SET_PDEATHSIG = 1  # Linux: linux/prctl.h


def die_with_parent():
    """A test that is killed leaves no broker behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker:
    """Starts $UMBEL_BIN_DIR/umbeld with `flags`, and returns when it says that it is ready."""

    def __init__(self, *flags, datagram=False):
        folder = os.environ.get("UMBEL_BIN_DIR")
        assert folder, "set UMBEL_BIN_DIR to the folder that umbeld is in"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="umbel-conformance-"))
        self.path = str(self.directory / "sock")
        self.datagram_path = str(self.directory / "datagram")
        self.log_path = self.directory / "log"
        if datagram:
            flags += ("--datagram", self.datagram_path)
        ready, tell = os.pipe()
        try:
            command = [str(pathlib.Path(folder) / "umbeld"), "--socket", self.path, "--ready-fd", str(tell), *flags]
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(command, pass_fds=[tell], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                preexec_fn=die_with_parent)
        finally:
            os.close(tell)
        try:
            waiting = select.poll()
            waiting.register(ready, select.POLLIN)
            waiting.poll(wire.DEADLINE * 1000)
            os.set_blocking(ready, False)
            if not os.read(ready, 1):
                self.fail("it ended before it was ready")
        except BlockingIOError:
            self.fail("it does not say that it is ready")
        finally:
            os.close(ready)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def fail(self, what):
        """End it, and raise with the end of its log."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        raise AssertionError(f"umbeld (status {status}): {what}; the end of its log:\n{log[-6000:]}")

    def assert_alive(self):
        if self.process.poll() is not None:
            self.fail("it is gone")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def expect_exit(self):
        """It ends by itself, with status 0, and takes its socket with it."""
        try:
            status = self.process.wait(wire.DEADLINE)
        except subprocess.TimeoutExpired:
            self.fail("it does not end")
        if status != 0:
            self.fail("it should have ended with status 0")
        if os.path.exists(self.path):
            self.fail("it left its socket behind")
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self):
        self.assert_alive()
        self.terminate()
        self.expect_exit()
