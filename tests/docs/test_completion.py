#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the shells complete is what umbel takes, and what the broker knows."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from cli import BIN, CliTest  # noqa: E402
from test_manuals import CLI, flags_of_source  # noqa: E402

BASH = CLI / "completion/umbel.bash"
ZSH = CLI / "completion/_umbel"
VERBS = re.findall(r'{ "(\w+)", \w+_main }', (CLI / "main.c").read_text())


def flags_of(verb):
    """As getopt_long() knows them: --name and -letter."""
    flags = flags_of_source(CLI / f"{verb}.c")
    return sorted([f"--{name}" for name in flags] + [f"-{letter}" for letter, _ in flags.values() if letter])


class Bash(CliTest):
    def complete(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _umbel; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", BASH, *words], env=self.env, text=True, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def setUp(self):
        super().setUp()
        self.env["PATH"] = f"{BIN}:{self.env['PATH']}"

    def test_verbs(self):
        self.assertEqual(self.complete("umbel", ""), VERBS)
        self.assertEqual(self.complete("umbel", "-s", "/tmp/x", "--wait", "3", "doc"), ["doctor"])
        self.assertEqual(self.complete("umbel", "--v"), ["--version"])

    def test_each_verb_has_all_its_flags(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                if verb == "run":  # all but its own are umbeld's
                    continue
                told = self.complete("umbel", verb, "-")
                if verb == "acl":  # asks no broker
                    told += ["-s", "--socket", "--wait", "--name"]
                self.assertEqual(sorted(told), flags_of(verb))

    def test_words_that_a_flag_or_an_argument_takes(self):
        self.assertEqual(self.complete("umbel", "sub", "--overflow", "d"), ["drop-oldest", "disconnect"])
        self.assertEqual(self.complete("umbel", "ls", "t"), ["topics"])
        self.assertEqual(self.complete("umbel", "acl", "test", "intro"), ["introspect"])
        self.assertEqual(self.complete("umbel", "pub", "--file", f"{CLI}/main."), [f"{CLI}/main.c"])
        self.assertEqual(self.complete("umbel", "sub", "--count", ""), [])

    def test_topics_filters_and_sessions_are_the_brokers(self):
        self.assertEqual(self.complete("umbel", "sub", ""), [])
        self.start_broker()
        self.pub("room.temperature", "21", "--retain")
        self.subscribe("door.*")
        self.assertEqual(self.complete("umbel", "sub", ""), ["room.temperature", "door.*"])
        self.assertEqual(self.complete("umbel", "pub", "room"), ["room.temperature"])
        self.assertIn("2", self.complete("umbel", "why", "--session", ""))
        self.pub("door.front", "open")
        self.assertIn("door.front", self.complete("umbel", "pub", ""))
        self.assertEqual(self.complete("umbel", "get", ""), ["room.temperature"])
        self.assertEqual(self.complete("umbel", "-s", f"{self.folder}/none", "sub", ""), [])


@unittest.skipUnless(shutil.which("zsh"), "no zsh here")
class Zsh(unittest.TestCase):
    def test_it_is_zsh(self):
        subprocess.run(["zsh", "-n", ZSH], check=True)

    def test_each_verb_has_its_words(self):
        definitions = ZSH.read_text().rpartition('\n_umbel "$@"')[0]
        script = f"{definitions}\n_describe() {{ print -rl -- $verbs }}; words=({BIN}/umbel); _umbel_verbs"
        done = subprocess.run(["zsh", "-f", "-c", script], check=True, text=True, stdout=subprocess.PIPE)
        told = dict(line.split(":", 1) for line in done.stdout.splitlines())
        self.assertEqual(list(told), VERBS)
        self.assertEqual(told["reply"], "answer requests with what CMD prints")
        self.assertEqual(told["ping"], "is there a broker, and how far away?")

    def test_each_verb_has_all_its_flags(self):
        definitions = ZSH.read_text().rpartition('\n_umbel "$@"')[0]
        for verb in VERBS:
            if verb == "run":
                continue
            with self.subTest(verb=verb):
                script = f"{definitions}\nwords=({BIN}/umbel); _umbel_flags {verb}; print -rl -- $reply"
                done = subprocess.run(["zsh", "-f", "-c", script], check=True, text=True, stdout=subprocess.PIPE)
                told = {re.split(r"[\[:]", line)[0] for line in done.stdout.splitlines()}
                self.assertEqual([line for line in done.stdout.splitlines() if "[" not in line and "--exec" not in line], [])
                if verb == "acl":
                    told |= {"-s", "--socket", "--wait", "--name"}
                self.assertEqual(sorted(told), flags_of(verb))


if __name__ == "__main__":
    unittest.main()
