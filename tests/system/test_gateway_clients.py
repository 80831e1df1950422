#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The HTTP gateway with the clients that people have: curl, Node and Go, each with each and with umbel's own."""

import json
import os
import shutil
import tempfile
import unittest

from gateway import GatewayCase
from harness import Process, binary, pathlib, subprocess, wait_until

HERE = pathlib.Path(__file__).resolve().parent


class Clients(GatewayCase):
    @classmethod
    def setUpClass(cls):
        cls.built = tempfile.mkdtemp(prefix="umbel-go-")
        cls.addClassCleanup(shutil.rmtree, cls.built)
        environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": f"{cls.built}/cache"}
        subprocess.run(["go", "build", "-o", f"{cls.built}/client", HERE / "gateway_client.go"], env=environment, check=True)

    def setUp(self):
        super().setUp()
        self.commands = {
            "curl": self.curl,
            "node": lambda *words: ["node", str(HERE / "gateway_client.js"), self.http, *words],
            "go": lambda *words: [f"{self.built}/client", self.http, *words],
        }
        self.start()

    def curl(self, verb, name, text=None):
        curl = ["curl", "-sS", "--unix-socket", self.http]
        if verb == "subscribe":
            # the status is only known in the end, the first line is there as soon as it is subscribed
            return [*curl, "-N", "-G", "http://umbel/subscribe", "--data-urlencode", f"filter={name}"]
        path = "topics" if verb == "publish" else "requests"
        return [*curl, "-w", " %{http_code}", "--data-binary", text, f"http://umbel/{path}/{name}"]

    def client(self, name, *words):
        return self.process(*self.commands[name](*words), name=f"{name} {words[0]}")

    def test_what_one_publishes_every_other_receives(self):
        native = self.subscriber("from.*")
        readers = {name: self.client(name, "subscribe", "from.*") for name in self.commands}
        for name, reader in readers.items():
            reader.expect("^retry: " if name == "curl" else "^200 ready$")
        for name in self.commands:
            publisher = self.client(name, "publish", f"from.{name}", "zwölf & <3>")
            self.assertEqual(publisher.wait(), 0, publisher.text())
            self.assertIn(f'"subscribers":{len(readers) + 1}', publisher.text())
            self.expect_message(native, f"from.{name}", "zwölf & <3>".encode())
        native.publish("from.umbel", b"\x00\xff")
        for name, reader in readers.items():
            def messages(reader=reader):
                lines = [line.removeprefix("data: ") for line in reader.lines]
                return [json.loads(line) for line in lines if line.startswith("{")]
            wait_until(lambda messages=messages: len(messages()) == len(readers) + 1, f"{name} to have all", reader)
            self.assertEqual([(m["topic"], m["payload"], m["encoding"]) for m in messages()],
                             [(f"from.{other}", "zwölf & <3>", "text") for other in self.commands] + [("from.umbel", "AP8=", "base64")])

    def test_what_one_asks_a_responder_of_umbels_own_answers(self):
        responder = Process([binary("umbel"), "-s", self.path, "reply", "shout", "--exec", "tr a-z A-Z"])
        self.addCleanup(responder.kill)
        asker = self.raw()
        while asker.ask("POST", "/requests/shout", b"?")[0] == 404:
            pass
        for name in self.commands:
            process = self.client(name, "request", "shout", "hello")
            self.assertEqual(process.wait(), 0, process.text())
            self.assertIn("HELLO", process.text())
            self.assertIn("200", process.text())

    def test_that_nobody_listens_is_told(self):
        for name in self.commands:
            process = self.client(name, "request", "nobody", "hello")
            process.wait()
            self.assertIn("404", process.text())


if __name__ == "__main__":
    unittest.main()
