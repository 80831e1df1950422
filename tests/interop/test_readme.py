#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The examples of README.md run, and do what their comments say."""

import os
import re
import unittest

from interop import GO_ENVIRONMENT, HERE, WORK, InteropCase, run


class Readme(InteropCase):
    def setUp(self):
        super().setUp()
        self.broker()
        self.blocks = dict(re.findall(r"^```(python|js|go)\n(.*?)^```$", (HERE / "README.md").read_text(), re.M | re.S))
        self.environment = {**os.environ, "UMBEL_SOCKET": self.path}

    def expect_door(self, language, *command):
        if language in self.missing:
            self.fail(self.missing[language])
        example = self.process(*command, env=self.environment)
        self.assertEqual(example.wait(), 0, example.text())
        self.assertRegex(example.text(), r"door\.front \S*open")
        self.assertRegex(example.text(), r"\b1\b.*\b0\b.*\b0\b")
        self.assertIn("37", example.text())

    def test_python(self):
        self.environment["PYTHONPATH"] = str(HERE / "python")
        interpreter = self.commands.get("python", [""])[0]
        self.expect_door("python", interpreter, "-c", self.blocks["python"])

    def test_node(self):
        example = WORK / "node/example.js"
        example.write_text(self.blocks["js"])
        self.expect_door("node", "node", str(example))

    def test_go(self):
        if "go" not in self.missing:
            source, program = WORK / "go/src/example/main.go", str(WORK / "go/example")
            source.parent.mkdir(exist_ok=True)
            source.write_text(self.blocks["go"])
            run("go build", "go", "build", "-o", program, "example", env=GO_ENVIRONMENT)
        self.expect_door("go", str(WORK / "go/example"))


if __name__ == "__main__":
    unittest.main()
