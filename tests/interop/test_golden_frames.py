#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Each client decodes the golden frames of proto/vectors that a broker may send, and refuses what it can see is wrong.

(Those of C are tests/unit/test_client_*.c's.)
"""

import json
import os
import pathlib
import subprocess
import unittest

from interop import HERE, prepare

VECTORS = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"]) / "proto/vectors"

# What a decoder does not show, or the broker has looked at already.
UNSEEN = {
    "bad_deliver_publish_topic": "topics are not looked at: the broker has",
    "bad_publish_flags_int8": "encoding", "bad_publish_flags_uint64": "encoding", "bad_publish_flags_uint8": "encoding",
    "bad_publish_stamp_bin16": "encoding", "bad_publish_stamp_bin32": "encoding",
}
# In JavaScript 1.0 is 1, and what is beyond 2^53 is rounded.
UNSEEN_BY_NODE = {"bad_ping_token_float", "bad_type_float"}


def join(pieces):
    pieces = [pieces] if isinstance(pieces, str) else pieces
    return b"".join(bytes.fromhex(piece) if isinstance(piece, str) else bytes.fromhex(piece["repeat"]) * piece["times"]
                    for piece in pieces)


def canonical(value, rounded):
    """The tree, in which the pairs of maps have no order, bins one notation, and integers the precision of the language."""
    if isinstance(value, dict) and "bin" in value:
        return {"bin": join(value["bin"]).hex()}
    if isinstance(value, dict) and "map" in value:
        return {"map": sorted(([canonical(item, rounded) for item in pair] for pair in value["map"]), key=str)}
    if isinstance(value, list):
        return [canonical(item, rounded) for item in value]
    return float(value) if rounded and type(value) is int else value


class GoldenFrames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands, cls.missing = prepare()
        cls.vectors = {}
        for path in sorted(VECTORS.glob("*.json")):
            vector = json.loads(path.read_text())
            if vector["way"] != "to_broker":
                cls.vectors[path.stem] = vector

    def expect_verdicts(self, language):
        if language in self.missing:
            self.skipTest(self.missing[language])
        frames = "".join(join(vector["frame"]).hex() + "\n" for vector in self.vectors.values())
        agent = subprocess.run([*self.commands[language], "--decode"], input=frames, text=True, stdout=subprocess.PIPE,
                               check=True, timeout=60)
        answers = agent.stdout.splitlines()
        self.assertEqual(len(answers), len(self.vectors))
        for (name, vector), answer in zip(self.vectors.items(), answers):
            with self.subTest(name, why=vector["why"]):
                if name.startswith("ok_"):
                    self.expect_taken(vector, answer, rounded=language == "node")
                elif name not in UNSEEN and not (language == "node" and name in UNSEEN_BY_NODE):
                    self.expect_refused(answer)

    def expect_taken(self, vector, answer, rounded):
        self.assertFalse(answer.startswith("refused"), answer)
        wanted = vector["decoded"]
        if wanted[0] >= 0x80:
            wanted = wanted[:1]  # an extension: skipped
        self.assertEqual(canonical(json.loads(answer), rounded), canonical(wanted, rounded))

    def expect_refused(self, answer):
        """Or it is an extension, into which a client does not look."""
        self.assertTrue(answer.startswith("refused") or json.loads(answer)[0] >= 0x80, answer)

    def test_node_knows_them(self):
        self.expect_verdicts("node")

    def test_go_knows_them(self):
        self.expect_verdicts("go")

    def test_python_knows_them(self):
        self.expect_verdicts("python")


class Size(unittest.TestCase):
    def test_no_file_of_a_client_is_long(self):
        for name in "python/umbel.py", "node/umbel.js", "go/umbel.go", "go/session.go", "go/frames.go":
            self.assertLess(len((HERE / name).read_text().splitlines()), 250, name)


if __name__ == "__main__":
    unittest.main()
