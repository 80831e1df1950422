#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Each client takes the golden frames of proto/vectors that a broker may send, and refuses what it can see is wrong.

Those in Node, Go and Python are asked what they decode. To libumbel, which has no function for that, the test is the broker.
"""

import json
import os
import pathlib
import socket
import subprocess
import unittest

from interop import HERE, Case, prepare, wait_until, wire

VECTORS = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"]) / "proto/vectors"

# What a decoder does not show, or the broker has looked at already.
UNSEEN = {
    "bad_deliver_publish_topic": "topics are not looked at: the broker has",
    "bad_publish_flags_int8": "encoding", "bad_publish_flags_uint64": "encoding", "bad_publish_flags_uint8": "encoding",
    "bad_publish_stamp_bin16": "encoding", "bad_publish_stamp_bin32": "encoding",
}
# In JavaScript 1.0 is 1, and what is beyond 2^53 is rounded.
UNSEEN_BY_NODE = {"bad_ping_token_float", "bad_type_float"}
UNSEEN_BY_C = {
    "bad_deliver_publish_topic": "topics are not looked at: the broker has",
    "bad_pong_count_nil": "one decoder for both ways: a client's PONG has no counts",
    "bad_pong_no_counts": "one decoder for both ways: a client's PONG has no counts",
}


def load():
    """The vectors that a client may meet, by name."""
    vectors = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}
    return {name: vector for name, vector in vectors.items() if vector["way"] != "to_broker"}


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
        cls.vectors = load()

    def expect_verdicts(self, language):
        if language in self.missing:
            self.fail(self.missing[language])
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

    def test_go_follows_no_frame_into_any_depth(self):
        body = bytes([0x93, wire.PING, 1]) + (4 << 20) * b"\x91" + b"\xc0"
        agent = subprocess.run([*self.commands["go"], "--decode"], input=wire.frame(body).hex(), text=True, stdout=subprocess.PIPE,
                               check=True, timeout=60)
        self.assertEqual(agent.stdout, "refused a frame is cut off, or nested too deep\n")

    def test_python_knows_them(self):
        self.expect_verdicts("python")


WELCOME = wire.frame([wire.WELCOME, 1, 7, 5, {"max_frame": 4194304, "overflow": "block", "inbox": "$inbox.x.7"}])
MALFORMED = "down -10003 "  # UMBEL_E_PROTOCOL
ENDED_BY_BROKER = "down -10009 "
LAST_PING = 4000000000


class PlayedBroker:
    """One connection of the agent, and what a broker says to it."""

    def __init__(self, listener):
        self.socket, _ = listener.accept()
        self.socket.settimeout(wire.DEADLINE)
        self.reader = self.socket.makefile("rb")
        _, self.plain, self.group = self.read(), self.read(), self.read()  # HELLO and two SUBSCRIBEs

    def read(self):
        """The next frame, or None at the end."""
        try:
            prefix = self.reader.read(5)
            return wire.parse(self.reader.read(int.from_bytes(prefix[1:], "big"))).plain() if prefix else None
        except ConnectionResetError:
            return None

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the client had read enough

    def say(self, vector):
        """The vector, in its place among what a broker says at first. Does the client read on behind it?"""
        data, decoded = self.renumbered(join(vector["frame"])), vector.get("decoded", [0])
        plain, group = (wire.frame([wire.OK, subscribe[1]]) for subscribe in (self.plain, self.group))
        if decoded[0] == wire.WELCOME:
            said = data, plain, group
        elif decoded[0] == wire.OK or decoded[0] == wire.ERROR and decoded[3]:
            said = WELCOME, plain, data
        else:
            said = WELCOME, plain, group, data
        self.send(b"".join(said) + wire.frame([wire.PING, LAST_PING]))
        while (frame := self.read()) is not None:
            if frame[:2] == [wire.PONG, LAST_PING]:
                return True
        return False

    def renumbered(self, data):
        """An answer to the subscription, or a message for it, has the client's own number, not the vector's."""
        kind = wire.type_of(data[5:])
        try:
            number = wire.Frame(data).node.value[{wire.OK: 1, wire.ERROR: 3, wire.DELIVER: 1}[kind]]
        except (wire.Malformed, KeyError, IndexError):
            return data  # it has none
        if number.kind != "int" or not 0 < number.value < 1 << 32:
            return data
        own = wire.pack(self.group[2 if kind == wire.DELIVER else 1])
        body = data[5:]
        body = body[:number.start] + own + body[number.end:]
        return data[:1] + len(body).to_bytes(4, "big") + body

    def close(self):
        self.reader.close()
        self.socket.close()


def header_word(value):
    if isinstance(value, dict) and "float" in value:
        return f"%{value['float']:.17g}"
    if isinstance(value, dict):
        return "@" + join(value["bin"]).hex()
    if isinstance(value, str):
        return "$" + value.encode().hex()
    return {None: "~", False: "!0", True: "!1"}[value] if not type(value) is int else f"#{value}"


def heard(info, flags, stamp, topic, reply, headers, payload):
    """The agent's line for a message."""
    stamp, info = join(stamp["bin"]), dict((info or {"map": []})["map"])
    words = ["heard", topic, reply or "-", int.from_bytes(stamp[:4], "big"), int.from_bytes(stamp[4:], "big"), flags & 1,
             int(info.get("retained", False)), info.get("age_ms", 0), join(payload["bin"]).hex() or "-",
             ",".join(f"{key}={header_word(value)}" for key, value in (headers or {"map": []})["map"]) or "-"]
    return " ".join(map(str, words))


def line_of(frame):
    """What the agent says when it has heard this; None for what the library keeps to itself."""
    kind, *rest = frame
    if kind == wire.PUBLISH:
        return heard(None, *rest[:6])
    if kind == wire.DELIVER:
        return heard(rest[1], *rest[2][1:7])
    if kind == wire.HOLD:
        return f"hold {rest[0]:d} {rest[2]} {rest[3]}"
    if kind == wire.ERROR and rest[3]:
        return ENDED_BY_BROKER
    if kind == wire.ERROR and not rest[2]:
        return f"error {rest[0]} {rest[4] or ''}"
    return {wire.GAP: f"gap {rest[0] if rest else 0}", wire.GOAWAY: "down -10011 "}.get(kind, "up")


class GoldenFramesOfLibumbel(Case):
    def start_agent(self):
        """One that knows nothing yet, and a socket that none before it has called."""
        listener = self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.settimeout(wire.DEADLINE)
        path = str(self.directory / f"sock{listener.fileno()}")
        listener.bind(path)
        listener.listen()
        self.agent = self.process(*prepare([])[0]["c"], "--golden", stdin=subprocess.PIPE, env={**os.environ, "UMBEL_SOCKET": path})
        self.addCleanup(self.agent.process.stdin.close)

    def reaction(self, vector):
        """Has the client read on, and the lines that the agent wrote?"""
        self.agent.lines.clear()
        broker = PlayedBroker(self.listener)
        reads_on = broker.say(vector)
        broker.close()
        wait_until(lambda: any(line.startswith("down") for line in self.agent.lines), "the agent to see the end", self.agent)
        lines = list(self.agent.lines)
        if vector.get("decoded", [0])[0] in (wire.GOAWAY, wire.ERROR):
            self.agent.kill()  # it may have to stay away for weeks, or asks no more for what was refused
            self.start_agent()
        return reads_on, lines

    def test_libumbel_knows_them(self):
        self.start_agent()
        for name, vector in load().items():
            with self.subTest(name, why=vector["why"]):
                reads_on, lines = self.reaction(vector)
                if name.startswith("ok_"):
                    wanted = line_of(vector["decoded"])
                    self.assertTrue(any(line.startswith(wanted) for line in lines), f"{wanted!r} in {lines}")
                    self.assertEqual(reads_on, wanted != ENDED_BY_BROKER)
                elif name not in UNSEEN_BY_C:
                    self.assertTrue(lines[-1].startswith(MALFORMED), lines)
                    self.assertFalse(reads_on)


class Size(unittest.TestCase):
    def test_no_file_of_a_client_is_long(self):
        for name in "python/umbel.py", "node/umbel.js", "go/umbel.go", "go/link.go", "go/wire.go":
            self.assertLess(len((HERE / name).read_text().splitlines()), 250, name)


if __name__ == "__main__":
    unittest.main()
