#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What umbel says when it cannot: what was tried, what is wrong, what to do."""

import grp
import os
import signal
import socket
import stat
import subprocess
import unittest

from cli import BIN, PATIENCE, UMBEL, CliTest


class NoBroker(CliTest):
    def refused(self, *args, status=4, **options):
        result = self.umbel(*args, **options)
        self.assertEqual((result.returncode, result.stdout), (status, b""))
        return result.stderr.decode()

    def test_no_broker_names_the_path_and_the_ways_out(self):
        for args in (["pub", "t", "x"], ["sub", "t"], ["ping"]):
            said = self.refused(*args)
            self.assertIn(f"no broker at {self.socket} (from UMBEL_SOCKET)",
                          said)
            self.assertIn("umbeld --socket", said)
            self.assertIn("--wait", said)

    def test_it_says_where_the_path_came_from(self):
        said = self.refused("-s", "/no/where", "ping")
        self.assertIn("/no/where (from -s)", said)
        said = self.refused("ping", env={"XDG_RUNTIME_DIR": self.folder})
        self.assertIn("(the default)", said)

    def test_a_socket_that_its_broker_left_behind(self):
        broker = self.start_broker()
        self.crash(broker)
        self.assertIn("nobody listens", self.refused("ping"))

    def test_a_path_that_is_no_socket(self):
        self.assertIn("is not a socket", self.refused("-s", __file__, "ping"))

    def test_something_that_listens_and_is_silent(self):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(self.socket)
            silent.listen()
            self.assertIn("does not speak", self.refused("ping"))

    def test_something_that_speaks_another_language(self):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(self.socket)
            stranger.listen()
            ping = self.spawn(UMBEL, "ping", stderr=subprocess.PIPE)
            peer, _ = stranger.accept()
            with peer:
                peer.sendall(b"220 smtp.example ESMTP\r\n")
                self.assertEqual(ping.wait(PATIENCE), 4)
            self.assertIn(b"no connection", ping.stderr.read())

    def test_the_socket_for_http_is_not_the_one(self):
        http = f"{self.folder}/http"
        self.start_broker("--http", http)
        self.assertIn(f"  if it is umbeld's socket for HTTP: curl --unix-socket {http} http://umbel/\n",
                      self.refused("-s", http, "ping", "--timeout", "0.1", status=5))

    def test_a_socket_that_one_may_not_open(self):
        options = {}
        if os.getuid() == 0:
            options.update(user=65534, group=65534, extra_groups=[])
            if not may_execute(UMBEL):
                self.skipTest(f"nobody may run {UMBEL}")
            os.chmod(self.folder, 0o755)
        self.start_broker()
        os.chmod(self.socket, 0)
        said = self.refused("ping", **options)
        self.assertIn("permission denied", said)
        self.assertIn("mode 0000; this is ", said)
        self.assertIn("  sudo usermod -aG umbel nobody  (and umbeld --mode 0660" if options else f"  chmod u+rw {self.socket}", said)
        if os.getuid() == 0:
            group = next(group for group in grp.getgrall() if group.gr_gid not in (0, *os.getgroups()))
            os.chown(self.socket, -1, group.gr_gid)
            os.chmod(self.socket, 0o660)
            said = self.refused("ping", **options)
            self.assertIn(f"sudo usermod -aG {group.gr_name} nobody  (then log in again)", said)

    def test_a_folder_that_one_may_not_enter(self):
        options = {}
        if os.getuid() == 0:
            options.update(user=65534, group=65534, extra_groups=[])
            if not may_execute(UMBEL):
                self.skipTest(f"nobody may run {UMBEL}")
        os.chmod(self.folder, 0)
        said = self.refused("ping", **options)
        os.chmod(self.folder, 0o700)
        self.assertIn("permission denied", said)
        self.assertIn(f"the folder {self.folder} is ", said)
        self.assertIn("mode 0000", said)
        self.assertIn(f"  sudo chmod a+x {self.folder}", said)

    def test_a_path_too_long_for_a_socket(self):
        said = self.refused("-s", "/" + "x" * 200, "ping", status=2)
        self.assertIn("too long", said)


def may_execute(path):
    """May somebody who is nobody? All folders above must let him through."""
    path = os.path.realpath(path)
    while path != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        path = os.path.dirname(path)
    return True


class Usage(CliTest):
    def misused(self, *args, **options):
        result = self.umbel(*args, **options)
        self.assertEqual((result.returncode, result.stdout), (2, b""), args)
        return result.stderr.decode()

    def test_help_has_all_verbs_and_the_table_of_statuses(self):
        shown = self.umbel("--help").stdout.decode()
        for word in ("pub", "sub", "ping", "run", "exit status", "nobody listened"):
            self.assertIn(word, shown)

    def test_every_verb_has_a_help_that_fits_a_terminal(self):
        for verb in ((), ("pub",), ("sub",), ("ping",), ("run",)):
            result = self.umbel(*verb, "--help")
            self.assertEqual(result.returncode, 0)
            for line in result.stdout.decode().splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_help_may_be_asked_for_as_a_verb(self):
        for verb in ((), ("pub",), ("acl",)):
            result = self.umbel("help", *verb)
            self.assertEqual(result.returncode, 0)
            self.assertEqual(result.stdout, self.umbel(*verb, "--help").stdout)
        self.assertIn("umbel pub", self.misused("help", "publish"))

    def test_version_is_a_name_and_a_number(self):
        self.assertRegex(self.umbel("--version").stdout.decode(),
                         r"^umbel \d+\.\d+\.\d+\n$")

    def test_help_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            self.assertEqual(self.umbel("--help", stdout=full).returncode, 1)

    def test_no_verb_shows_help(self):
        self.assertIn("usage: umbel", self.misused())

    def test_an_unknown_verb_gets_the_nearest(self):
        for wrong, right in (("publish", "pub"), ("subscribe", "sub"),
                             ("bup", "pub"), ("pign", "ping"), ("rnu", "run")):
            self.assertIn(f"umbel {right}", self.misused(wrong))
        self.assertIn("pub, sub, ", self.misused("frobnicate"))

    def test_unknown_options_are_named(self):
        self.assertIn("--colour", self.misused("sub", "--colour", "t"))
        self.assertIn("-x", self.misused("ping", "-x"))
        self.assertIn("--frob", self.misused("--frob"))
        self.assertIn("umbel: no option --cuont; do you mean --count?\n",
                      self.misused("sub", "--cuont", "3", "a"))
        self.assertIn("umbel: no option --verbose\n",
                      self.misused("sub", "--verbose=2", "a"))

    def test_an_option_that_takes_no_value_is_not_called_unknown(self):
        self.assertIn("umbel: --retain takes no value\n",
                      self.misused("pub", "--retain=yes", "a", "b"))

    def test_an_empty_path_is_said_to_be_that(self):
        for option in "-s", "--socket":
            self.assertIn("-s: the path is empty",
                          self.misused(option, "", "ping"))

    def test_help_is_what_those_who_ask_for_it_get(self):
        self.assertEqual(self.umbel("help").stdout, self.umbel("--help").stdout)
        for verb in "pub", "acl":
            result = self.umbel("help", verb)
            self.assertEqual((result.returncode, result.stdout), (0, self.umbel(verb, "--help").stdout))
        self.assertIn("do you mean: umbel pub", self.misused("help", "publish"))

    def test_the_verbs_there_are_fit_a_line(self):
        self.assertEqual([line for line in self.misused("frobnicate").splitlines() if len(line) > 80], [])

    def test_an_option_without_its_value_is_named(self):
        self.assertIn("--count", self.misused("sub", "t", "--count"))
        self.assertIn("-s", self.misused("ping", "-s"))

    def test_rules_that_are_elsewhere_have_an_option(self):
        if not os.path.exists("/etc/umbel/umbeld.yaml"):
            self.assertIn("  name the broker's file: --config FILE\n",
                          self.misused("acl", "test", "publish", "a"))

    def test_values_that_are_no_numbers_are_named(self):
        self.assertIn("--count: many", self.misused("sub", "--count", "many", "t"))
        self.assertIn("--count", self.misused("sub", "--count", "0", "t"))
        self.assertIn("--timeout", self.misused("sub", "--timeout", "1h", "t"))
        self.assertIn("--wait", self.misused("ping", "--wait", "-1"))

    def test_arguments_that_are_missing_are_asked_for(self):
        self.assertIn("which topic", self.misused("pub"))
        self.assertIn("which filter", self.misused("sub"))

    def test_the_socket_may_be_named_before_and_after_the_verb(self):
        self.start_broker()
        for args in (["-s", self.socket, "ping", "-c1"],
                     ["ping", "-c1", "--socket", self.socket]):
            result = self.umbel(*args, env={})
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_faults_of_topics_are_explained(self):
        for topic, why in (("a..b", "missing"), ("a b", "white space"),
                           ("a.*", "for filters"), ("", "empty"),
                           ("x" * 256, "255")):
            self.assertIn(why, self.misused("pub", topic, "x"))

    def test_faults_of_filters_are_explained(self):
        for name, why in (("a.b*", "whole word"), ("**.a", "last"),
                          ("a.", "ends in a dot")):
            self.assertIn(why, self.misused("sub", name))

    def test_wildcards_of_other_systems_are_noticed(self):
        for strange in ("a.#", "a.>", "a/b/+"):
            result = self.umbel("sub", strange)
            self.assertIn(b"note: ", result.stderr)

    def test_a_wildcard_that_the_shell_ate_is_noticed_by_sub(self):
        for name in ("one", "two", "with space"):
            open(f"{self.folder}/{name}", "w", encoding="ascii").close()
        shell = ["sh", "-c", f"{UMBEL} sub *"]
        result = subprocess.run(shell, cwd=self.folder, env=self.env,
                                stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"quote", result.stderr)
        os.unlink(f"{self.folder}/with space")
        result = subprocess.run(shell, cwd=self.folder, env=self.env,
                                stderr=subprocess.PIPE, check=False)
        self.assertIn(b"name of a file", result.stderr)
        self.assertIn(b"quote", result.stderr)

    def test_a_filter_that_happens_to_be_a_file_too_needs_no_note(self):
        for name in ("door", "window"):
            open(f"{self.folder}/{name}", "w", encoding="ascii").close()
        result = subprocess.run([UMBEL, "sub", "door"], cwd=self.folder, env=self.env, stderr=subprocess.PIPE, check=False)
        self.assertNotIn(b"name of a file", result.stderr)
        os.unlink(f"{self.folder}/window")
        result = subprocess.run([UMBEL, "sub", "door"], cwd=self.folder, env=self.env, stderr=subprocess.PIPE, check=False)
        self.assertIn(b"name of a file", result.stderr)

    def test_a_wildcard_that_the_shell_ate_is_noticed_by_pub(self):
        for name in ("one", "two", "three"):
            open(f"{self.folder}/{name}", "w", encoding="ascii").close()
        result = subprocess.run(["sh", "-c", f"{UMBEL} pub * hello"],
                                cwd=self.folder, env=self.env,
                                stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"wildcard", result.stderr)

    def test_what_it_says_cannot_upset_a_terminal(self):
        result = self.umbel("pub", "evil\x1b[2J", "x")
        self.assertNotIn(b"\x1b", result.stderr)


class Unwritten(CliTest):
    """Status 0 says that the output is where it was to go."""

    def failed(self, *argv):
        with open("/dev/full", "wb") as full:
            process = self.spawn(*argv, stdout=full, stderr=subprocess.PIPE)
            said = process.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual((argv, process.returncode), (argv, 1))
        self.assertIn("cannot write to stdout: No space left on device", said)

    def test_without_a_broker(self):
        config = f"{self.folder}/umbeld.yaml"
        with open(config, "w", encoding="ascii") as file:
            file.write("acl: [{allow: [publish], who: [everyone], topics: [a]}]\n")
        for argv in (["--version"], ["help"], ["match", "a", "a"], ["doctor"],
                     ["acl", "test", "--config", config, "publish", "a"],
                     ["acl", "test", "--config", config, "publish", "b"]):
            self.failed(UMBEL, *argv)
        for argv in (["--help"], ["--version"], ["--print-config"],
                     ["--check"]):
            self.failed(BIN / "umbeld", "--socket", self.socket, *argv)

    def test_with_a_broker(self):
        self.start_broker()
        self.pub("--retain", "t", "x")
        self.subscribe("t")
        for argv in (["sub", "--retained", "--count", 1, "t"],
                     ["sub", "--json", "--retained", "--count", 1, "t"],
                     ["sub", "--raw", "--retained", "--count", 1, "t"],
                     ["req", "$SYS.broker.info"], ["get", "t"], ["why", "t"],
                     ["ls", "clients"], ["ls", "subs"], ["ls", "topics"],
                     ["ls", "broker"], ["metrics"], ["ping", "--count", 1],
                     ["top", "--once", "--interval", "0.1"],
                     ["top", "--once", "--json", "--interval", "0.1"],
                     ["bench", "--seconds", "0.1", "latency"], ["doctor"]):
            self.failed(UMBEL, *argv)


class Ping(CliTest):
    def test_ping_tells_how_far_the_broker_is(self):
        self.start_broker()
        result = self.umbel("ping", "-c", 3, "-i", "0.01")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        lines = result.stdout.decode().splitlines()
        self.assertIn(self.socket, lines[0])
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[4], "3 of 3 answered, min/avg/max [0-9./]+ ms")

    def test_a_broker_that_does_not_answer_exits_5(self):
        broker = self.start_broker()
        ping = self.spawn(UMBEL, "ping", "-c", 0, "--timeout", "1",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for_line(ping.stdout, b"1: ")
        broker.send_signal(signal.SIGSTOP)
        self.assertEqual(ping.wait(PATIENCE), 5)
        self.assertIn(b"no answer", ping.stderr.read())

    def test_one_that_never_says_hello_exits_5_in_the_time_for_an_answer_and_4_in_that_for_a_broker(self):
        self.start_broker().send_signal(signal.SIGSTOP)
        for verb in (["ping"], ["req", "q"], ["get", "q"]):
            for option, status in ("--timeout", 5), ("--wait", 4):
                done = self.umbel(*verb, option, "0.1")
                self.assertEqual(done.returncode, status, (verb, option))
                self.assertEqual(done.stderr.count(b"no answer"), 1, done.stderr)

    def test_no_time_is_refused(self):
        for verb in (["ping"], ["req", "q"], ["get", "q"], ["sub", "q"], ["pub", "q", "x"]):
            done = self.umbel(*verb, "--timeout", "0")
            self.assertEqual(done.returncode, 2, verb)
            self.assertIn(b"--timeout: 0", done.stderr)


if __name__ == "__main__":
    unittest.main()
