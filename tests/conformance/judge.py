# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""PROTOCOL.md's verdict on one frame, as far as it can be told without a session.

A frame can have several faults, and the page does not say which of them is reported; so faults() is a set, and a
reader is right if it names any of them.
"""

import wire

U32 = 1 << 32
MAX_TOPIC = 255
WHITE_SPACE = {0x20, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, *range(0x2000, 0x200B)}
CONTROL = {*range(0x20), *range(0x7F, 0xA0)}


def text_of(data):
    """The text that these bytes are in UTF-8, or None."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_topic(data):
    """T1."""
    text = text_of(data)
    return (text is not None and 1 <= len(data) <= MAX_TOPIC and all(text.split(".")) and "*" not in text and
            not any(ord(c) in WHITE_SPACE or ord(c) in CONTROL for c in text))


def is_filter(data):
    """T2."""
    tokens = data.split(b".")
    if tokens[-1] == b"**":
        tokens[-1] = b"x"
    plain = b".".join(b"x" if token == b"*" else token for token in tokens)
    return len(data) <= MAX_TOPIC and is_topic(plain)


def matches(filter, topic):
    """T3 and T4, on str."""
    if topic.startswith("$") and filter.split(".")[0] in ("*", "**"):
        return False
    return _tokens_match(filter.split("."), topic.split("."))


def _tokens_match(pattern, tokens):
    if not pattern or not tokens:
        return not pattern and not tokens
    if pattern[0] == "**":
        return True
    return pattern[0] in ("*", tokens[0]) and _tokens_match(pattern[1:], tokens[1:])


# --- what an element must be: each takes a Node -------------------------------------------------------------------


def anything(_):
    return True


def uint(node):
    return node.kind == "int" and node.value >= 0


def u32(node):
    return uint(node) and node.value < U32


def request(node):
    return u32(node) and node.value > 0


def token(node):
    return uint(node) and node.value < 1 << 53


def string(node):
    return node.kind == "str"


def string_or_nil(node):
    return node.kind in ("str", "nil")


def boolean(node):
    return node.kind == "bool"


def binary(node):
    return node.kind == "bin"


def mapping(node):
    return node.kind == "map"


def name(node):
    text = text_of(node.value) if string(node) else None
    return text is not None and len(node.value) <= 64 and not any(ord(c) in CONTROL for c in text)


def options(**known):
    def check(node):
        return mapping(node) and all(key.kind == "str" and known.get(key.value.decode("latin-1"), anything)(value)
                                     for key, value in node.value)
    return check


def headers(node):
    if node.kind == "nil":
        return True
    scalars = ("nil", "bool", "int", "float", "str", "bin")
    return mapping(node) and all(key.kind == "str" and value.kind in scalars for key, value in node.value)


HELLO_OPTIONS = options(overflow=string, will=binary)
SUBSCRIBE_OPTIONS = options(monitor=boolean, group=string, retained=boolean)

TO_BROKER = {
    wire.HELLO: (u32, name, HELLO_OPTIONS),
    wire.SUBSCRIBE: (request, u32, string, SUBSCRIBE_OPTIONS),
    wire.UNSUBSCRIBE: (request, u32),
    wire.PING: (token,),
    wire.PONG: (uint,),
    wire.GOAWAY: (string, u32),
}
TO_CLIENT = {
    wire.WELCOME: (u32, u32, u32, mapping),
    wire.GAP: (uint, uint, string),
    wire.OK: (u32,),
    wire.ERROR: (uint, string, u32, boolean, string_or_nil),
    wire.PING: (token,),
    wire.PONG: (uint, uint, uint, uint),
    wire.GOAWAY: (string, u32),
    wire.HOLD: (boolean, u32, string, string),
}


def faults(data, way, max_frame=wire.MAX_FRAME):
    """The names of what is wrong with a frame, by PROTOCOL.md's table of errors; an empty set means nothing is."""
    if data[0] != 0xCE:
        return {"bad_magic"}
    length = int.from_bytes(data[1:5], "big")
    if length > max_frame + (wire.BROKER_EXTRA if way == "to_client" else 0):
        return {"frame_too_big"}
    assert length == len(data) - 5, "the frame is not whole"
    try:
        root = wire.parse(data[5:], wire.MAX_DEPTH + (way == "to_client" and wire.type_of(data[5:]) == wire.DELIVER))
    except wire.Malformed:
        return {"bad_frame"}
    if root.kind != "array" or not root.value or not uint(root.value[0]):
        return {"bad_frame"}

    kind = root.value[0].value
    if kind >= 0x80:
        return set()
    if not 1 <= kind <= len(wire.TYPES):
        return {"unknown_type"}
    if kind == wire.PUBLISH:
        return publish_faults(data[5:], root)
    if kind == wire.DELIVER and way == "to_client":
        return deliver_faults(data[5:], root)
    shapes = TO_CLIENT if way == "to_client" else TO_BROKER
    if kind not in shapes:
        return {"out_of_turn"}
    shape = shapes[kind]
    elements = root.value[1:]
    fits = len(elements) >= len(shape) and all(check(node) for check, node in zip(shape, elements))
    return set() if fits else {"bad_frame"}


def deliver_faults(body, root):
    elements = root.value[1:]
    if len(elements) < 3 or not u32(elements[0]) or elements[1].kind not in ("nil", "map"):
        return {"bad_frame"}
    publish = elements[2]
    if publish.kind != "array" or not publish.value or publish.value[0].value != wire.PUBLISH:
        return {"bad_frame"}
    return publish_faults(body, publish)


def publish_faults(body, root):
    found = set()
    elements = root.value[1:]
    if len(elements) < 6:
        return {"bad_frame"}
    flags, stamp, topic, reply, fields, payload = elements[:6]
    if body[flags.start] > 0x7F or body[stamp.start:stamp.end][:2] != b"\xc4\x08":
        found.add("bad_frame")
    if not (string(topic) and string_or_nil(reply) and headers(fields) and binary(payload)):
        found.add("bad_frame")
    for node in root.walk():
        if node.kind == "ext" or (node.kind == "map" and any(key.kind != "str" for key, _ in node.value)):
            found.add("bad_frame")
        if node.kind == "str" and text_of(node.value) is None:
            found.add("bad_frame")
    if string(topic) and text_of(topic.value) is not None and not is_topic(topic.value):
        found.add("bad_topic")
    if string(reply) and text_of(reply.value) is not None and not is_topic(reply.value):
        found.add("bad_reply")
    return found
