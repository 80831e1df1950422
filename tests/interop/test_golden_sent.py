#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Each client, asked for what a golden frame of proto/vectors says, sends those bytes; what none may send it does not.

The test is the broker, so that all four are asked in the same way, and each frame is one that the client's own functions made. What
of the vectors is not compared byte for byte follows from rules, and the last lines of a passing test count them.
"""

import collections
import queue
import socketserver
import threading
import unittest
import urllib.parse

from interop import DEADLINE, InteropCase, vectors, wire

N_ELEMENTS = {wire.HELLO: 4, wire.PUBLISH: 7, wire.SUBSCRIBE: 5, wire.UNSUBSCRIBE: 3, wire.PING: 2, wire.PONG: 2, wire.GOAWAY: 3}
OPTIONS = {wire.HELLO: {"overflow", "will"}, wire.SUBSCRIBE: {"group", "monitor", "retained"}}
POLICIES = "block", "drop-oldest", "disconnect"
# The elements that are for the client to choose: the numbers of its requests, subscriptions and PINGs, and its words of farewell.
OWN = {wire.SUBSCRIBE: (1, 2), wire.UNSUBSCRIBE: (1, 2), wire.PING: (1,), wire.GOAWAY: (1,)}


class PlayedBroker(socketserver.StreamRequestHandler):
    """It grants everything, and keeps what it has heard."""

    def handle(self):
        n_published = 0
        while prefix := self.rfile.read(5):
            frame = wire.Frame(prefix + self.rfile.read(int.from_bytes(prefix[1:], "big")))
            kind, number = frame.tree[:2]
            self.server.heard[kind].put(frame)
            n_published += kind == wire.PUBLISH
            if kind == wire.HELLO:
                self.server.talks.append(self)
                self.say([wire.WELCOME, 1, 7, 5, {"max_frame": 4194304, "overflow": "block", "inbox": "$inbox.x.7"}])
            elif kind in (wire.SUBSCRIBE, wire.UNSUBSCRIBE):
                self.say([wire.OK, number])
            elif kind == wire.PING:
                self.say([wire.PONG, number, n_published, 0, 0])
                n_published = 0
            elif kind == wire.GOAWAY:
                return

    def say(self, *frames):
        self.wfile.write(b"".join(map(wire.frame, frames)))


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        super().__init__(path, PlayedBroker)
        self.heard = collections.defaultdict(queue.SimpleQueue)  # frames, by type
        self.talks = []  # in their order


# --- what cannot be asked for -------------------------------------------------------------------------------------


def meant(vector):
    """What the vector says, or would if it broke no rule; None when it is not even of the types that a client sends."""
    if vector.good:
        return vector.decoded
    try:
        frame = wire.parse(vector.frame[5:]).plain()
    except wire.Malformed:
        return None
    types = [type(value) for value in frame] if isinstance(frame, list) else None
    is_hello = types == [int, int, str, dict] and frame[0] == wire.HELLO and frame[3] == {} and is_utf8(frame[2])
    is_publish = vector.error in ("bad_topic", "bad_reply") and frame[0] == wire.PUBLISH
    return frame if is_publish or is_hello else None


def is_utf8(text):
    return not any("\ud800" <= char <= "\udfff" for char in text)


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    return [value] if type(value) is int else []


def texts_in(value):
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


def options_of(frame):
    """Of those frames that have options, which are the last element."""
    return frame[N_ELEMENTS[frame[0]] - 1] if frame[0] in OPTIONS else {}


def why_not(language, vector, frame):
    """The first rule by which this client has no way to send this, or None."""
    kind = frame[0] if frame else None
    rules = (
        ("it is malformed, or has a value of another type", frame is None),
        ("libumbel refuses by itself what S9 does not grant", language == "c" and kind == wire.SUBSCRIBE and
         "group" in options_of(frame) and options_of(frame).get("monitor", False)),
        ("only libumbel looks at names", not vector.good and kind == wire.HELLO and language != "c"),
        ("it is an extension, and these clients know none", frame and kind >= 0x80),
        ("it has elements of a later version", frame and len(frame) > N_ELEMENTS.get(kind, 0)),
        ("it is of a later version", kind == wire.HELLO and frame[1] != 1),
        ("it has options that this version does not name", frame and not options_of(frame).keys() <= OPTIONS.get(kind, set())),
        ("its policy has no name", frame and options_of(frame).get("overflow", "block") not in POLICIES),
        ("its flags mean nothing yet", kind == wire.PUBLISH and frame[1] > 1),
        ("its stamp is for the broker to write", kind == wire.PUBLISH and frame[2] != wire.ZEROS),
        ("a client that leaves asks for no delay", kind == wire.GOAWAY and frame[2] > 0),
        ("an integer beyond 2^53 is none in JavaScript", language == "node" and any(abs(n) >= 1 << 53 for n in numbers_in(frame))),
        ("a NUL is the end of a text in C", language == "c" and any("\0" in text for text in texts_in(frame))),
        ("an empty reply is none in Go", language == "go" and kind == wire.PUBLISH and frame[4] == ""),
    )
    return next((why for why, is_so in rules if is_so), None)


# --- asking for it ------------------------------------------------------------------------------------------------


def header_word(value):
    if isinstance(value, float):
        return f"%{value:.17g}"
    if isinstance(value, bytes):
        return "@" + value.hex()
    if isinstance(value, str):
        return "$" + value.encode().hex()
    return f"#{value}" if type(value) is int else {None: "~", False: "!0", True: "!1"}[value]


def quoted(text):
    return urllib.parse.quote(text, safe="")


def option_words(options):
    for name, value in options.items():
        if name == "will":
            _, flags, _, topic, _, _, payload = wire.parse(value).plain()
            value = ",".join([topic, payload.hex(), *["retain"] * flags])
        if value is not False:
            yield name if value is True else f"{name}={quoted(value)}"


def ask_for(agent, frame):
    """Have the agent do that of which this frame is a part."""
    kind = frame[0]
    if kind == wire.HELLO:
        return agent.ask("hello", quoted(frame[2]), *option_words(frame[3]))
    if kind == wire.PUBLISH:
        _, flags, _, topic, reply, headers, payload = frame
        header_words = ",".join(f"{quoted(key)}={header_word(value)}" for key, value in (headers or {}).items())
        reply_words = [] if reply is None else [f"reply={quoted(reply)}"]
        return agent.ask("pub", quoted(topic), payload.hex() or "-", header_words or "-", *["retain"] * flags, *reply_words)
    if kind == wire.SUBSCRIBE:
        return agent.ask("sub", quoted(frame[3]), *option_words(frame[4]))
    if kind == wire.UNSUBSCRIBE:
        which = agent.ask("sub", "a")
        agent.done(which)
        return agent.ask("unsub", which)
    if kind == wire.PING:
        return agent.ask("pub", "a", "-", "-")
    return agent.ask("hello", "x")  # and GOAWAY


# --- comparing ----------------------------------------------------------------------------------------------------


def meaning(frame):
    """The bytes of a tree that says the same: maps in one order, and nothing that may as well be absent."""
    tree = [dict(sorted(value.items())) if isinstance(value, dict) else value for value in frame[:N_ELEMENTS[frame[0]]]]
    if tree[0] in OPTIONS:
        tree[-1] = {key: value for key, value in tree[-1].items() if value is not False and (key, value) != ("overflow", "block")}
        if "will" in tree[-1]:
            tree[-1]["will"] = meaning(wire.parse(tree[-1]["will"]).plain())
    if tree[0] == wire.PUBLISH:
        tree[5] = tree[5] or None
    return wire.frame(tree)


def why_other_bytes(language, vector, frame):
    """The first rule by which the client says the same in other bytes, or None."""
    rules = (
        ("F12: its encoding is not the shortest, or a float of 32 bits", vector.frame != wire.frame(frame)),
        ("F12: that of the will is not the shortest", "will" in options_of(frame) and
         options_of(frame)["will"] != wire.pack(wire.parse(options_of(frame)["will"]).plain())),
        ("an option that is false is not given", False in options_of(frame).values()),
        ("libumbel does not say `block`, which is the default", language == "c" and options_of(frame).get("overflow") == "block"),
        ("no headers are nil, not an empty map", frame[0] == wire.PUBLISH and frame[5] == {}),
        ("the maps of Go have no order", language == "go" and any(isinstance(value, dict) and len(value) > 1 for value in frame)),
    )
    return next((why for why, is_so in rules if is_so), None)


class GoldenSent(InteropCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vectors = [vector for vector in vectors.load() if vector.goes("to_broker")]

    def start(self, language):
        self.server = Server(self.path)
        self.addCleanup(self.server.server_close)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)
        agent = self.agent(language)
        agent.expect_found(1, "up")
        return agent

    def expect_all(self, language):
        agent = self.start(language)
        counts = collections.Counter()
        for vector in self.vectors:
            with self.subTest(vector.name, why=vector.why):
                counts[self.verdict(agent, vector)] += 1
        agent.leave()
        n_alone = sum(vector.way == "to_broker" for vector in self.vectors)
        print(f"{language}: {len(self.vectors)} vectors, {n_alone} of them for brokers alone\n" +
              "\n".join(f"{n:5} {verdict}" for verdict, n in sorted(counts.items())), flush=True)
        self.assertEqual(sum(counts.values()), len(self.vectors))
        self.assertGreater(counts["compared byte for byte"], 25)
        self.assertGreater(counts["refused by the client"], 35)

    def verdict(self, agent, vector):
        frame = meant(vector)
        why = why_not(agent.language, vector, frame)
        if why:
            return f"not compared: {why}"
        heard = self.server.heard[frame[0]] = queue.SimpleQueue()
        if frame[0] == wire.PONG:
            self.server.talks[0].say([wire.PING, frame[1]])
        else:
            answer = agent.done(ask_for(agent, frame))
            self.assertEqual(answer[0], "ok" if vector.good else "failed", answer)
        if not vector.good:
            self.assertTrue(heard.empty())
            return "refused by the client"
        return self.compared(agent.language, vector, frame, heard.get(timeout=DEADLINE))

    def compared(self, language, vector, frame, heard):
        why = why_other_bytes(language, vector, frame)
        own = list(frame)
        for at in OWN.get(frame[0], ()):
            own[at] = heard.tree[at]
        if why:
            self.assertEqual(meaning(heard.tree), meaning(own))
            return f"compared by meaning: {why}"
        self.assertEqual(heard.raw, wire.frame(own))
        return "compared byte for byte" + (", but for what is the client's to choose" if own != frame else "")

    def test_node_sends_them(self):
        self.expect_all("node")

    def test_go_sends_them(self):
        self.expect_all("go")

    def test_python_sends_them(self):
        self.expect_all("python")

    def test_libumbel_sends_them(self):
        self.expect_all("c")


if __name__ == "__main__":
    unittest.main()
