#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md, 14. A conversation, byte by byte: the dumps say what they mean, and the real broker says the same."""

import json
import os
import re
import unittest

import judge
import vectors
import wire
from case import BrokerCase

HEX_LINE = re.compile(r"^((?:[0-9a-f]{2} ?)+)(?:\s+(\S.*))?$")
VARIABLE = {wire.WELCOME: ("session", "uid", "limits"), wire.PUBLISH: ("stamp",), wire.ERROR: ("text",)}


class Dump:
    """One block: who speaks, the bytes, and what is written beside them."""

    def __init__(self, block):
        first, *lines = block.strip("\n").split("\n")
        self.speaker = first.split(":")[0]
        self.title = first
        self.bytes = b""
        self.elements = []  # [what is written, its bytes]; a line that names nothing goes on with the element before
        for line in lines:
            match = HEX_LINE.match(line)
            assert match, f"neither hex nor a word on it: {line!r}"
            data, text = bytes.fromhex(match[1]), match[2] or ""
            if re.match(r"\w+: ", text):
                self.elements.append([text, data])
            else:
                self.elements[-1][0] += " " + text
                self.elements[-1][1] += data
            self.bytes += data
        self.frame = wire.Frame(self.bytes)

    def told(self):
        """The element names in their order, and what is said of each."""
        for text, data in self.elements:
            name, value = text.split(": ", 1)
            yield name, value, data


def dumps():
    page = vectors.PROTOCOL.read_text(encoding="utf-8")
    section = page.split("\n## 14. A conversation, byte by byte\n")[1].split("\n## ")[0]
    return [Dump(block) for block in re.findall(r"```\n(.*?)```", section, re.DOTALL)]


def names_in_the_table():
    """From the table of section 1: the names of each frame's elements."""
    page = vectors.PROTOCOL.read_text(encoding="utf-8")
    rows = re.findall(r"^\| [0-9]+ \| ([A-Z]+) \| .* \| (.*) \|$", page, re.MULTILINE)
    return {name: re.findall(r"`\[[0-9]+, (.*?)\]`", arrays) for name, arrays in rows}


class TheDumps(unittest.TestCase):
    def test_each_line_says_what_its_bytes_are(self):
        self.assertGreater(len(dumps()), 10)
        for dump in dumps():
            with self.subTest(dump.title):
                (_, length, prefix), (_, n_elements, head), (_, kind, _), *rest = dump.told()
                self.assertEqual(prefix, b"\xce" + (len(dump.bytes) - 5).to_bytes(4, "big"))
                self.assertEqual(int(length), len(dump.bytes) - 5)
                tree = dump.frame.tree
                self.assertEqual((int(n_elements), head), (len(tree), bytes([0x90 + len(tree)])))
                self.assertEqual(kind, f"{tree[0]}, {wire.TYPES[tree[0] - 1]}")
                for (name, said, data), value in zip(rest, tree[1:], strict=True):
                    said_value = (bytes.fromhex(said[2:-1]) if said.startswith('x"') else json.loads(said))
                    self.assertEqual(repr(said_value), repr(value), name)
                    self.assertEqual(wire.parse(data).plain(), value, name)

    def test_the_elements_have_the_names_of_section_1(self):
        table = names_in_the_table()
        for dump in dumps():
            names = ", ".join(name for name, _, _ in list(dump.told())[3:])
            self.assertIn(names, table[wire.TYPES[dump.frame.type - 1]], dump.title)

    def test_every_frame_is_one_that_its_speaker_may_send(self):
        for dump in dumps():
            way = {"client": "to_broker", "broker": "to_client"}[dump.speaker]
            self.assertEqual(judge.faults(dump.bytes, way), set(), dump.title)

    def test_the_frames_that_every_client_needs_are_there(self):
        shown = {wire.TYPES[dump.frame.type - 1] for dump in dumps()}
        self.assertEqual(shown, {"HELLO", "WELCOME", "SUBSCRIBE", "OK", "PUBLISH", "PING", "PONG", "ERROR", "GOAWAY"})


class ThePlay(BrokerCase):
    def test_the_broker_answers_the_clients_side_with_its_own(self):
        client = self.connect()
        session = None
        for dump in dumps():
            if dump.speaker == "client":
                client.send(dump.bytes)
                continue
            with self.subTest(dump.title):
                got, shown = client.receive(), dump.frame
                self.assertIsNotNone(got)
                self.assertEqual(got.type, shown.type)
                names = ["type"] + [name for name, _, _ in list(dump.told())[3:]]
                variable = VARIABLE.get(shown.type, ())
                same = [(name, value) for name, value in zip(names, got.tree, strict=True) if name not in variable]
                self.assertEqual(same, [(name, value) for name, value in zip(names, shown.tree) if name not in variable])
                if got.type == wire.WELCOME:
                    _, _, session, uid, limits = got.tree
                    self.assertEqual(uid, os.getuid())
                    self.assertEqual(set(shown.tree[4]) - set(limits), set())
                    self.assertRegex(limits["inbox"], rf"^\$inbox\.[^.]+\.{session}$")
                    self.assertRegex(shown.tree[4]["inbox"], rf"^\$inbox\.[^.]+\.{shown.tree[2]}$")
                if got.type == wire.PUBLISH:
                    self.assertEqual(got.tree[2], session.to_bytes(4, "big") + os.getuid().to_bytes(4, "big"))
                    self.assertEqual(got.without_stamp(), shown.without_stamp())
        self.assertEqual(client.receive_rest(), [])


if __name__ == "__main__":
    unittest.main()
