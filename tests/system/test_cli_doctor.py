#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel doctor: each thing that can be wrong is found, and the line that mends it mends it."""

import json
import os
import resource
import signal
import socket
import subprocess
import unittest

from cli import BIN, PATIENCE, UMBEL, CliTest

NOBODY = 65534


class DoctorTest(CliTest):
    def setUp(self):
        super().setUp()
        self.env.pop("XDG_RUNTIME_DIR", None)
        os.chmod(self.folder, 0o755)

    def doctor(self, *args, **options):
        """Its findings by subject, and its status."""
        done = self.umbel("doctor", "--json", *args, **options)
        self.assertEqual(done.stderr, b"")
        found = {}
        for one in map(json.loads, done.stdout.splitlines()):
            found.setdefault(one["subject"], one)
        wrong = [one for one in found.values() if one["state"] == "wrong"]
        self.assertEqual(done.returncode, 1 if wrong else 0, found)
        return found

    def expect_wrong(self, found, subject, text, mend):
        self.assertEqual(found[subject]["state"], "wrong", found)
        self.assertIn(text, found[subject]["text"])
        self.assertIn(mend, found[subject].get("mend", ""))


class Doctor(DoctorTest):
    def test_all_is_well(self):
        broker = self.start_broker()
        found = self.doctor()
        self.assertIn("UMBEL_SOCKET", found["path"]["text"])
        self.assertIn(f"pid {broker.pid},", found["broker"]["text"])
        self.assertIn("mode 0600", found["permissions"]["text"])
        self.assertLessEqual({"socket", "answer", "versions", "memory", "descriptors"}, set(found))
        self.assertTrue(all(one["state"] == "ok" and "mend" not in one for one in found.values()), found)
        self.assertIn("--socket", self.doctor("-s", self.socket)["path"]["text"])
        readable = self.umbel("doctor")
        self.assertEqual((readable.returncode, readable.stdout.splitlines()[-1]), (0, b"all is well"))

    def test_nothing_there(self):
        self.expect_wrong(self.doctor(), "socket", "no such file", f"umbeld --socket {self.socket} &")
        del self.env["UMBEL_SOCKET"]
        if not os.path.exists("/run/umbel"):
            self.expect_wrong(self.doctor(), "socket", "/run/umbel/umbel.sock", "umbeld &")

    def test_a_broker_that_was_killed(self):
        broker = self.start_broker()
        self.crash(broker)
        found = self.doctor()
        self.expect_wrong(found, "socket", f"pid {broker.pid}) is gone", f"umbeld --socket {self.socket} &")
        self.start_broker()
        self.doctor()

    def test_with_wait_it_looks_when_there_is_one(self):
        waiting = self.spawn(UMBEL, "doctor", "--wait", PATIENCE, stdout=-1, stderr=-1)
        self.wait_for_line(waiting.stderr, b"waiting for a broker at " + self.socket.encode())
        self.start_broker()
        self.assertTrue(self.finish(waiting).endswith(b"all is well\n"))
        self.assertEqual(self.umbel("doctor", "-s", f"{self.folder}/none", "--wait", 0.1).returncode, 1)

    def test_a_broker_that_is_stopped(self):
        broker = self.start_broker()
        broker.send_signal(signal.SIGSTOP)
        told = self.told_on_a_terminal("doctor", status=1)
        self.assertRegex(told, rb"^no answer for 1 s \.\.\.\x1b\[K\r")
        self.assertTrue(told.endswith(b"\x1b[K"), told)
        found = self.doctor()
        self.expect_wrong(found, "answer", "does not speak", "")
        if os.path.exists("/proc/self/stat"):
            subprocess.run(found["answer"]["mend"], shell=True, check=True)
            self.doctor()

    def test_something_else_than_a_broker(self):
        open(self.socket, "w", encoding="ascii").close()
        self.expect_wrong(self.doctor(), "socket", "is not a socket", "unset UMBEL_SOCKET")
        os.unlink(self.socket)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(self.socket)
            self.expect_wrong(self.doctor(), "socket", "another kind", "unset UMBEL_SOCKET")

    def test_the_datagram_socket_if_told(self):
        datagram = f"{self.folder}/datagram"
        broker = self.start_broker("--datagram", datagram)
        self.assertEqual(self.doctor("--datagram", datagram)["datagram"]["state"], "ok")
        self.expect_wrong(self.doctor("--datagram", self.socket), "datagram", "another kind", "")
        self.expect_wrong(self.doctor("--http", f"{self.folder}/none"), "http", "no such file",
                          f"restart umbeld (pid {broker.pid}) with: --http {self.folder}/none")

    def test_a_socket_that_leads_to_another_broker(self):
        http = f"{self.folder}/http"
        self.expect_wrong(self.doctor("--http", http), "http", "no such file", f"umbeld --socket {self.socket} --http {http} &")
        first = self.start_broker()
        first_socket, self.socket = self.socket, f"{self.folder}/other"
        second = self.start_broker("--http", http)
        found = [json.loads(line) for line in self.umbel("doctor", "--json", "--http", http).stdout.splitlines()]
        wrong = [one for one in found if one["state"] == "wrong"]
        self.assertEqual([(one["subject"], f"another umbeld (pid {second.pid})" in one["text"]) for one in wrong],
                         [("http", True)], found)
        self.assertIn(f"{first_socket} (pid {first.pid})", wrong[0]["text"])
        self.assertEqual(self.doctor("-s", self.socket, "--http", http)["http"]["state"], "ok")

    def test_limits_that_are_near(self):
        def few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        ready, ready_for_umbeld = os.pipe()
        self.spawn(BIN / "umbeld", "--socket", self.socket, "--ready-fd", ready_for_umbeld, "--settle-ms", 0,
                   "--retained-max", 2, pass_fds=[ready_for_umbeld], stderr=-3, preexec_fn=few_files)
        os.close(ready_for_umbeld)
        with open(ready, "rb") as listening:
            self.assertTrue(listening.read(1))
        self.pub("a", "1", "--retain")
        found = self.doctor()
        self.assertEqual((found["retained"]["state"], found["retained"]["mend"]), ("note", "umbeld --retained-max 4"))
        self.pub("b", "1", "--retain")
        self.expect_wrong(self.doctor(), "retained", "2 of 2 last values (100 %)", "--retained-max 4")
        self.assertIn("of 64 ", self.doctor()["descriptors"]["text"])

    def test_rules_that_do_not_let_us_ask(self):
        with open(f"{self.folder}/umbeld.yaml", "w", encoding="ascii") as config:
            config.write("acl:\n  - allow: [publish]\n    who: [everyone]\n    topics: [a]\n")
        self.start_broker("--config", f"{self.folder}/umbeld.yaml")
        done = self.umbel("doctor")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"introspect", done.stdout)

    def test_units_that_failed(self):
        os.mkdir(f"{self.folder}/bin")
        with open(f"{self.folder}/bin/systemctl", "w", encoding="ascii") as fake:
            fake.write("#!/bin/sh\ncat <<END\nId=umbeld.socket\nLoadState=loaded\nActiveState=inactive\nSubState=dead\n\n"
                       "Id=umbeld.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nEND\n")
        os.chmod(f"{self.folder}/bin/systemctl", 0o755)
        self.env["PATH"] = f"{self.folder}/bin:{self.env['PATH']}"
        self.start_broker()
        done = self.umbel("doctor")  # it is not the unit's socket
        self.assertIn(b"note   systemd      umbeld.service is failed (failed): exit-code", done.stdout)
        del self.env["UMBEL_SOCKET"]
        if not os.path.exists("/run/umbel"):
            self.expect_wrong(self.doctor(), "socket", "", "sudo systemctl start umbeld.socket")
            self.assertIn(b"WRONG  systemd      umbeld.service is failed", self.umbel("doctor").stdout)

    def test_two_brokers(self):
        """In a mount namespace of its own, where /run is empty."""
        umbeld, system, user = f"{BIN}/umbeld --settle-ms 0", "/run/umbel/umbel.sock", "/run/me/umbel/umbel.sock"
        script = f"""mount -t tmpfs none /run && mkdir /run/umbel /run/me || exit
            export XDG_RUNTIME_DIR=/run/me
            {umbeld} --socket {system} & system=$!
            {umbeld} --socket {user} & user=$!
            for socket in {system} {user}; do {UMBEL} -s $socket ping -c 1 --wait {PATIENCE} >&2; done
            {UMBEL} doctor
            {UMBEL} -s /run/none doctor
            kill $system $user; wait"""
        del self.env["UMBEL_SOCKET"]
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=self.env, timeout=PATIENCE)
        if not done.stdout:
            self.skipTest(f"no namespaces here: {done.stderr[-200:]}")
        self.assertIn(b"note   brokers      two are running: the user's (/run/me/umbel/umbel.sock) and the system's", done.stdout)
        self.assertEqual(done.stdout.count(b"export UMBEL_SOCKET=/run/umbel/umbel.sock\n"), 2, done.stdout)

    def test_what_is_no_option_is_refused(self):
        self.assertEqual(self.umbel("doctor", "extra").returncode, 2)
        self.assertEqual(self.umbel("doctor", "--colour").returncode, 2)


@unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
class Others(DoctorTest):
    """As somebody who is not root."""

    def as_nobody(self, groups=()):
        return self.doctor(user=NOBODY, group=NOBODY, extra_groups=list(groups))

    def test_permissions(self):
        self.start_broker()
        os.chown(self.socket, 0, 4242)
        for mode, groups, text, mend in ((0o600, (), "who alone", "sudo usermod -aG 4242 nobody  (and umbeld --mode 0660"),
                                         (0o660, (), "not in its group", "sudo usermod -aG 4242 nobody"),
                                         (0o606, (4242,), "does not let that", "sudo chmod g+rw")):
            os.chmod(self.socket, mode)
            self.expect_wrong(self.as_nobody(groups), "permissions", text, mend)
        os.chmod(self.socket, 0o660)
        self.assertEqual(self.as_nobody([4242])["permissions"]["state"], "ok")
        os.chmod(self.folder, 0o700)
        found = self.as_nobody()
        self.expect_wrong(found, "permissions", f"the folder {self.folder} is", f"sudo chmod a+x {self.folder}")

    def test_a_lock_that_another_user_left(self):
        self.crash(self.start_broker())
        os.chmod(self.socket, 0o666)
        self.expect_wrong(self.as_nobody(), "lock", "left by root", f"sudo rm -f {self.socket} {self.socket}.lock")


if __name__ == "__main__":
    unittest.main()
