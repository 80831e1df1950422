#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the shells complete is what umbel takes, and what the broker knows."""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import threading
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

    def test_what_would_be_refused_is_not_offered(self):
        self.start_broker()
        self.subscribe("door.*", "door.front", "umbel.bench.1.t")
        self.assertEqual(sorted(self.complete("umbel", "reply", "")), ["door.*", "door.front"])
        self.assertEqual(sorted(self.complete("umbel", "match", "")), ["door.*", "door.front"])
        for words in ["pub"], ["req"], ["why"], ["match", "door.*"]:
            self.assertEqual(self.complete("umbel", *words, ""), ["door.front"])
        self.assertEqual(self.complete("umbel", "help", "p"), ["pub", "ping"])


# In a terminal: what Tab has made of the line goes to a pipe. It puts in all that matches, and not only what is certain.
TERMINAL = """
fpath=($folder $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert true
zstyle ':completion:*' insert-tab false
zle-line-init() { print -u $out ready }
tell() { zle complete-word; print -r -u $out -- "$BUFFER"; BUFFER= }
zle -N zle-line-init; zle -N tell; bindkey '^I' tell
"""


def read_to_its_end(terminal):
    with open(terminal, "rb", buffering=0) as stream:
        try:
            while stream.read(4096):
                pass
        except OSError:  # its end is closed
            pass


@unittest.skipUnless(shutil.which("zsh"), "no zsh here")
class ZshTerminal(CliTest):
    def start_shell(self):
        (pathlib.Path(self.folder) / "rc").write_text(TERMINAL)
        told, out = os.pipe()
        self.terminal, its = pty.openpty()
        reader = threading.Thread(target=read_to_its_end, args=(self.terminal,))
        self.addCleanup(reader.join)
        self.env.update(PATH=f"{BIN}:{self.env['PATH']}", TERM="dumb", folder=str(ZSH.parent), out=str(out))
        self.spawn("zsh", "-f", "-i", stdin=its, stdout=its, stderr=its, pass_fds=[out], start_new_session=True)
        reader.start()
        os.close(its)
        os.close(out)
        self.told = os.fdopen(told)
        self.addCleanup(self.told.close)
        self.enter(f"source {self.folder}/rc")

    def enter(self, line):
        os.write(self.terminal, f"{line}\n".encode())
        self.assertEqual(self.told.readline(), "ready\n")

    def complete(self, line):
        os.write(self.terminal, f"{line}\t".encode())
        return self.told.readline().rstrip()

    def test_topics_filters_sessions_and_groups_are_the_brokers(self):
        self.start_broker()
        self.pub("room.temperature", "21", "--retain")
        self.subscribe("door.*", "--group", "bells")
        self.start_shell()
        self.assertEqual(self.complete("umbel pub ro"), "umbel pub room.temperature")
        self.assertEqual(self.complete("umbel sub do"), r"umbel sub door.\*")
        self.assertEqual(self.complete("umbel pub do"), "umbel pub do")  # a filter is refused there
        self.assertEqual(self.complete("umbel get "), r"umbel get room.temperature")
        self.assertEqual(self.complete("umbel acl test publish ro"), "umbel acl test publish room.temperature")
        self.assertIn("2", self.complete("umbel why --session ").split())  # beside the one that asks for them
        self.assertEqual(self.complete("umbel sub --group "), "umbel sub --group bells")
        # that of another broker, named ahead of the verb or behind it
        none = f"{self.folder}/none"
        for words in f"get -s {none}", f"--socket={none} get":
            self.assertEqual(self.complete(f"umbel {words} ro"), f"umbel {words} ro")
        self.enter(f"UMBEL_SOCKET={none}")
        self.assertEqual(self.complete(f"umbel -s {self.socket} get ro"), f"umbel -s {self.socket} get room.temperature")

    def test_words(self):
        self.start_shell()
        self.assertEqual(self.complete("umbel ls "), "umbel ls broker clients subs topics")
        self.assertEqual(self.complete("umbel acl test intro"), "umbel acl test introspect")
        self.assertEqual(self.complete("umbel sub --overflow dr"), "umbel sub --overflow drop-oldest")
        self.assertEqual(self.complete("umbel doc"), "umbel doctor")
        self.assertEqual(self.complete("umbel help doc"), "umbel help doctor")
        self.assertEqual(self.complete("umbel -s /none doc"), "umbel -s /none doctor")
        self.assertEqual(self.complete("umbel sub --over"), "umbel sub --overflow")


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
