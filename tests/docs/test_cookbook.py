#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""docs/COOKBOOK.md is true: each recipe's blocks run, in their order, against an installed copy, and print what it says.

What is behind ``` on the page decides:

    ```sh            commands; all of a recipe are one shell, which ends with the first that fails
    ```sh root tool  the same, where the test is root and has these tools; else neither they nor what they print
    ```              what the commands before it print, stderr included, but for the broker's log; "..." is anything
    ```text          shown, and not used
    ```c (or other)  the file whose name is the last word in `quotes` before it
"""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["UMBEL_BIN_DIR"]).parent
PAGE = (SOURCE / "docs/COOKBOOK.md").read_text()
PATIENCE = 20.0

# What a shell or a broker says of itself, on the stderr that they share with the commands.
NOISE = re.compile(r"umbeld: (info|warn): .*|umbel: waiting for a broker at .*|/dev/fd/\d+: line \d+: +\d+ Killed .*")

# Folders of the machine, for which a recipe gets some in its own.
PLACES = re.compile(r"(?<![\w.])/(run|etc)\b(?=/umbel)")

# A broker of another kind, which those who come from there have running.
PEERS = {
    "redis-server": """
        redis-server --port 0 --unixsocket "$PWD/redis" --save "" >/dev/null &
        redis-cli() { command redis-cli -s "$PWD/redis" "$@"; }
        until redis-cli ping >/dev/null 2>&1; do :; done
        """,
    "mosquitto": """
        printf 'listener 0 %s\\nallow_anonymous true\\nuser %s\\n' "$PWD/mosquitto" "$(id -un)" >mosquitto.conf
        mosquitto -c mosquitto.conf 2>/dev/null &
        mosquitto_pub() { command mosquitto_pub --unix "$PWD/mosquitto" "$@"; }
        mosquitto_sub() { command mosquitto_sub --unix "$PWD/mosquitto" "$@"; }
        until mosquitto_pub -t a -n 2>/dev/null; do :; done
        """,
    "dbus-send": """
        export DBUS_SESSION_BUS_ADDRESS=unix:path=$PWD/dbus
        dbus-daemon --session --nofork --address="$DBUS_SESSION_BUS_ADDRESS" 2>/dev/null &
        until dbus-send --type=signal / a.b.C 2>/dev/null; do :; done
        """,
}


def recipes():
    """Title and blocks of each; a block is (kind, words behind it, text, file name or None)."""
    for section in re.split(r"^## ", PAGE, flags=re.M):
        title, _, body = section.partition("\n")
        blocks, end = [], 0
        for block in re.finditer(r"^```(\w*)([^\n]*)\n(.*?)^```$", body, re.M | re.S):
            name = re.search(r"`([\w./-]+)`:\s*\Z", body[end:block.start()])
            blocks.append((block[1], block[2].split(), block[3], name and name[1]))
            end = block.end()
        yield title.strip(), blocks


def is_there(what):
    return os.getuid() == 0 if what == "root" else shutil.which(what) is not None


def as_pattern(line):
    return ".*".join(re.escape(part) for part in line.split("..."))


class Shell:
    """bash, which is given one block after the other, and what it has printed."""

    def __init__(self, folder, environment):
        script, self.script = os.pipe()
        self.output, output = os.pipe()
        self.process = subprocess.Popen(["bash", "-eu", f"/dev/fd/{script}"], cwd=folder, env=environment,
                                        pass_fds=[script], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                        start_new_session=True)
        os.close(script)
        os.close(output)
        self.lines, self.rest = [], b""

    def run(self, commands):
        os.write(self.script, commands.encode())

    def read(self, until):
        """Until this holds, or there is nothing more, or it takes too long."""
        limit = time.monotonic() + PATIENCE
        while not until():
            ready, _, _ = select.select([self.output], [], [], max(0, limit - time.monotonic()))
            data = os.read(self.output, 1 << 16) if ready else b""
            if not data:
                return
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.lines += [line.decode() for line in lines if not NOISE.fullmatch(line.decode())]

    def end(self):
        """Its exit status, when it is through with the script."""
        os.close(self.script)
        self.script = -1
        return self.process.wait(PATIENCE)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for fd in self.script, self.output:
            if fd >= 0:
                os.close(fd)


class Cookbook(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="umbel-cookbook-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        cls.scratch.chmod(0o755)  # some commands are other users'
        prefix = cls.scratch / "installed"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.PIPE)
        lib = next(prefix.rglob("libumbel.a")).parent
        cls.environment = dict(os.environ, PATH=f"{prefix}/bin:{os.environ['PATH']}", LD_LIBRARY_PATH=str(lib),
                               PKG_CONFIG_PATH=str(lib / "pkgconfig"))
        cls.environment.pop("XDG_RUNTIME_DIR", None)

    def cook(self, title, blocks):
        folder = self.scratch / re.sub(r"\W+", "-", title.lower())
        folder.mkdir()
        socket = str(folder / "umbel.sock")
        broker = subprocess.Popen(["umbeld", "--socket", socket], env=self.environment, stderr=subprocess.DEVNULL)
        self.addCleanup(broker.wait)
        self.addCleanup(broker.kill)
        shell = Shell(folder, dict(self.environment, UMBEL_SOCKET=socket))
        self.addCleanup(shell.close)
        shell.run("umbel ping --wait 5 -c 1 >/dev/null 2>&1\n")

        wanted, skipping, peers, absent = [], False, dict(PEERS), set()
        for kind, words, text, name in blocks:
            if kind == "sh" and not name:
                absent.update(word for word in words if not is_there(word))
                skipping = not absent.isdisjoint(words)
                for peer in set(words) & peers.keys():
                    shell.run("" if skipping else peers.pop(peer))
            text = PLACES.sub(rf"{folder}\g<0>", text)
            if name:
                (folder / name).write_text(text)
            elif kind == "sh" and not skipping:
                shell.run(text)
            elif kind == "" and not skipping:
                wanted += text.splitlines()
                shell.read(lambda: len(shell.lines) >= len(wanted))
                self.compare(wanted, shell.lines)
        self.assertEqual(shell.end(), 0, shell.lines[-20:])
        if absent:
            self.skipTest(f"all but what needs {', '.join(sorted(absent))}")

    def compare(self, wanted, printed):
        if len(wanted) != len(printed) or not all(map(re.fullmatch, map(as_pattern, wanted), printed)):
            self.assertEqual("\n".join(printed), "\n".join(wanted), "on the left what was printed")

    def test_what_they_need_is_installed_by_dev_test_or_is_a_service_of_its_own(self):
        """Whoever has those has them anyway; to install them would start them."""
        table = re.search(r"^needs_test=(.*?)^'$", (SOURCE / "dev").read_text(), re.M | re.S)[1]
        wanted = {word for _, blocks in recipes() for kind, words, _, _ in blocks if kind == "sh" for word in words}
        services = {"redis-server", "redis-cli", "mosquitto", "mosquitto_pub", "mosquitto_sub", "systemd-socket-activate"}
        for word in wanted - services - {"root", "setpriv", "unshare"}:  # those two every system has
            self.assertRegex(table, rf"command -v {word}\b")

    def test_the_page_is_80_columns_wide(self):
        self.assertEqual([line for line in PAGE.splitlines() if len(line.expandtabs(8)) > 80], [])

    def test_each_recipe_says_what_it_promises_and_what_not(self):
        for section in re.split(r"^## ", PAGE, flags=re.M)[1:]:
            title = section.splitlines()[0]
            self.assertIn("**Promised:**", section, title)
            self.assertIn("**Not promised:**", section, title)
            anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            self.assertIn(f"[{title}](#{anchor})", PAGE)

    def test_every_file_that_it_names_exists(self):
        for path in re.findall(r"`((?:docs|proto|client|tests|broker)/[\w./-]+|[A-Z]+\.md)`", PAGE):
            self.assertTrue((SOURCE / path).exists(), path)


def add_test(title, blocks):
    name = re.sub(r"\W+", "_", title.lower()).strip("_")
    setattr(Cookbook, f"test_{name}", lambda self: self.cook(title, blocks))


for heading, content in recipes():
    add_test(heading, content)


if __name__ == "__main__":
    unittest.main()
