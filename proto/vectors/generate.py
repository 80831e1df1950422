#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The golden frames of umbel's protocol: this script is their source.

    generate.py           writes ok_*.json and bad_*.json beside itself, and removes those it no longer knows
    generate.py --check   changes nothing, and fails when a file differs from what it would write

A vector is written as the tree that a reader should see. `As(7, "cd 00 07")` is the value 7 in an encoding of the
author's choice; without it values are encoded as short as msgpack allows. What can't be written as a tree at all
(a count that lies, a reserved byte) is `Hex("...")`.
"""

import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
RUN_WORTH_FOLDING = 64  # so many equal bytes and more are written as one {"repeat": ..., "times": ...}


# --- a tiny msgpack encoder ---------------------------------------------------------------------------------------


class As:
    """A value together with the bytes that stand for it."""

    def __init__(self, value, encoding):
        self.value = value
        self.encoding = bytes.fromhex(encoding) if isinstance(encoding, str) else encoding


class Hex(As):
    """Bytes that stand for nothing; only bad vectors have them."""

    def __init__(self, encoding):
        super().__init__(None, encoding)


class Ext:
    def __init__(self, kind, data):
        self.kind = kind
        self.data = data


class Pairs:
    """A map whose keys a Python dict can't hold."""

    def __init__(self, *pairs):
        self.pairs = pairs


def pack(value):
    if isinstance(value, As):
        return value.encoding
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return pack_int(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8")
        return head(len(data), (0xA0, 32), 0xD9, 0xDA, 0xDB) + data
    if isinstance(value, bytes):
        return head(len(value), None, 0xC4, 0xC5, 0xC6) + value
    if isinstance(value, list):
        return head(len(value), (0x90, 16), None, 0xDC, 0xDD) + b"".join(pack(v) for v in value)
    if isinstance(value, dict):
        return pack(Pairs(*value.items()))
    if isinstance(value, Pairs):
        packed = b"".join(pack(k) + pack(v) for k, v in value.pairs)
        return head(len(value.pairs), (0x80, 16), None, 0xDE, 0xDF) + packed
    if isinstance(value, Ext):
        return pack_ext(value)
    raise TypeError(f"no msgpack for {value!r}")


def pack_int(n):
    if 0 <= n < 0x80:
        return bytes([n])
    if -32 <= n < 0:
        return struct.pack(">b", n)
    unsigned = ((0xCC, ">B", 1 << 8), (0xCD, ">H", 1 << 16), (0xCE, ">I", 1 << 32), (0xCF, ">Q", 1 << 64))
    signed = ((0xD0, ">b", 1 << 7), (0xD1, ">h", 1 << 15), (0xD2, ">i", 1 << 31), (0xD3, ">q", 1 << 63))
    for code, layout, limit in unsigned if n >= 0 else signed:
        if -limit <= n < limit:
            return bytes([code]) + struct.pack(layout, n)
    raise OverflowError(n)


def head(n, fix, code8, code16, code32):
    if fix and n < fix[1]:
        return bytes([fix[0] | n])
    if code8 is not None and n < 1 << 8:
        return struct.pack(">BB", code8, n)
    if n < 1 << 16:
        return struct.pack(">BH", code16, n)
    return struct.pack(">BI", code32, n)


def pack_ext(ext):
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
    n = len(ext.data)
    first = bytes([fixed[n]]) if n in fixed else struct.pack(">BB", 0xC7, n)
    return first + struct.pack(">b", ext.kind) + ext.data


def frame(body):
    """The prefix and the body: a tree, or bytes that are the body as they are."""
    data = body if isinstance(body, bytes) else pack(body)
    return b"\xce" + struct.pack(">I", len(data)) + data


# --- how a vector is written down ---------------------------------------------------------------------------------


def hex_of(data):
    """A hex string; or, when there are long runs in it, a list of strings and of {"repeat": hex, "times": n}."""
    parts = []
    plain = bytearray()
    at = 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] == data[at]:
            end += 1
        if end - at >= RUN_WORTH_FOLDING:
            parts += [plain.hex()] if plain else []
            parts.append({"repeat": f"{data[at]:02x}", "times": end - at})
            plain = bytearray()
        else:
            plain += data[at:end]
        at = end
    if not parts:
        return data.hex()
    return parts + ([plain.hex()] if plain else [])


def tree_of(value):
    """The JSON tree of a value: every JSON object in it is a tag with what it tags."""
    if isinstance(value, As):
        return tree_of(value.value)
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, bytes):
        return {"bin": hex_of(value)}
    if isinstance(value, list):
        return [tree_of(v) for v in value]
    if isinstance(value, dict):
        return tree_of(Pairs(*value.items()))
    if isinstance(value, Pairs):
        return {"map": [[tree_of(k), tree_of(v)] for k, v in value.pairs]}
    if isinstance(value, Ext):
        return {"ext": [value.kind, hex_of(value.data)]}
    return value


VECTORS = {}


def add(name, vector):
    assert name not in VECTORS, name
    assert vector["way"] in ("to_broker", "to_client", "both"), name
    fields = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in vector.items())
    VECTORS[name] = "{\n" + ",\n".join(fields) + "\n}\n"


def ok(name, way, why, tree):
    add("ok_" + name, {"why": why, "way": way, "frame": hex_of(frame(tree)), "decoded": tree_of(tree)})


def bad(name, way, error, why, body=None, raw=None):
    whole = bytes.fromhex(raw) if raw is not None else frame(body)
    add("bad_" + name, {"why": why, "way": way, "frame": hex_of(whole), "error": error})


# --- the frames, with a good value for every element --------------------------------------------------------------

ZEROS = bytes(8)
STAMPED = struct.pack(">II", 7, 1000)
FLAGS, STAMP, TOPIC, REPLY, HEADERS, PAYLOAD = range(1, 7)


def hello(version=1, name="tester", options=None, *more):
    return [1, version, name, options if options is not None else {}, *more]


def welcome(version=1, session=7, uid=1000, limits=None):
    if limits is None:
        limits = {"max_frame": 4194304, "overflow": "block", "inbox": "$inbox.k3v9.7"}
    return [2, version, session, uid, limits]


def publish(**elements):
    """PUBLISH with some elements replaced; `more` are those after the seventh, `without` cuts at that position."""
    tree = [3, 0, ZEROS, "host.alpha.load", None, None, b"hi"]
    names = ("type", "flags", "stamp", "topic", "reply", "headers", "payload")
    more = elements.pop("more", [])
    cut = elements.pop("without", len(tree))
    for name, value in elements.items():
        tree[names.index(name)] = value
    return tree[:cut] + more


def subscribe(request=1, sub=1, filter="host.**", options=None, *more):
    return [4, request, sub, filter, options if options is not None else {}, *more]


def deliver(sub=7, info=None, publish=publish(stamp=STAMPED)):
    return [6, sub, info, publish]


def nested(depth, innermost=7):
    """`depth` arrays, one in the other."""
    for _ in range(depth):
        innermost = [innermost]
    return innermost


def str8(text):
    """A text as str 8, however short."""
    return As(text, b"\xd9" + bytes([len(text.encode())]) + text.encode())


def raw_str(data):
    """A str of bytes that need not be UTF-8."""
    return Hex(head(len(data), (0xA0, 32), 0xD9, 0xDA, 0xDB) + data)


# --- 1. frames ----------------------------------------------------------------------------------------------------

bad("magic_zero", "both", "bad_magic", "F3: the first byte is 0x00.", raw="00 00000002 910a")
bad("magic_uint16", "both", "bad_magic", "F3: 0xcd is a neighbour of 0xce, and is not it.", raw="cd 0002 910a")
bad("magic_uint64", "both", "bad_magic", "F3: 0xcf is the other neighbour of 0xce.", raw="cf 0000000000000002 910a")
bad("magic_http", "both", "bad_magic", "F3: somebody speaks HTTP.", raw=b"GET / HTTP/1.1\r\n\r\n".hex())
bad("magic_no_prefix", "both", "bad_magic", "F3: a body comes without its prefix.", raw="92 0a 01")

bad("length_max_frame_and_one", "to_broker", "frame_too_big",
    "F4: a length of 4,194,305 is refused as soon as the prefix is read; there is no body here.", raw="ce 00400001")
bad("length_u32_max", "both", "frame_too_big", "F4: a length of 4,294,967,295.", raw="ce ffffffff")
bad("length_sign_bit", "both", "frame_too_big", "F4: a length that is negative for who reads it as signed.", raw="ce 80000000")
bad("length_from_broker_too_big", "to_client", "frame_too_big",
    "F4: a broker's body is at most max_frame + 4096 bytes, and this is one more.", raw="ce 00401001")

bad("body_empty", "both", "bad_frame", "F7: a body of no bytes.", b"")
bad("body_nil", "both", "bad_frame", "F7: a body that is nil.", None)
bad("body_int", "both", "bad_frame", "F7: a body that is an integer.", 10)
bad("body_str", "both", "bad_frame", "F7: a body that is a str.", "ping")
bad("body_bin", "both", "bad_frame", "F7: a body that is a bin which holds a good array.", pack(pack([10, 1])))
bad("body_map", "both", "bad_frame", "F7: a body that is a map.", {"type": 10})
bad("array_empty", "both", "bad_frame", "F7: an array of no elements.", [])
bad("array_empty_32", "both", "bad_frame", "F7: an array of no elements, as array 32.", As([], "dd 00000000"))
bad("type_nil", "both", "bad_frame", "F7: the type is nil.", [None, 1])
bad("type_negative", "both", "bad_frame", "F7: the type is -1.", [-1, 1])
bad("type_int64_min", "both", "bad_frame", "F7: the type is the least int64.", [-(1 << 63), 1])
bad("type_float", "both", "bad_frame", "F7: the type is the float 10.0.", [10.0, 1])
bad("type_str", "both", "bad_frame", "F7: the type is a str.", ["10", 1])
bad("type_bool", "both", "bad_frame", "F7: the type is true.", [True, 1])
bad("type_array", "both", "bad_frame", "F7: the type is an array.", [[10], 1])

bad("trailing_nil", "both", "bad_frame", "F2: a nil after the array.", pack([10, 1]) + b"\xc0")
bad("trailing_array", "both", "bad_frame", "F2: two arrays in one body.", pack([10, 1]) + pack([10, 2]))
bad("trailing_byte_of_publish", "both", "bad_frame", "F2: a byte after the array of a PUBLISH.", pack(publish()) + b"\x00")
bad("trailing_in_extension", "both", "bad_frame", "F10, F2: extensions too are one array and nothing after.",
    pack([0x80]) + b"\x00")

bad("cut_after_array_head", "both", "bad_frame", "F8: the array claims two elements and the body ends.", bytes.fromhex("92"))
bad("cut_before_last_element", "both", "bad_frame", "F8: three elements claimed, two there.", bytes.fromhex("93 0a 01"))
bad("cut_in_array_head", "both", "bad_frame", "F8: array 16 with one byte of its count.", bytes.fromhex("dc 00"))
bad("cut_in_integer", "both", "bad_frame", "F8: a uint32 with three of its bytes.", bytes.fromhex("92 0a ce 000001"))
bad("cut_in_float", "both", "bad_frame", "F8: a float64 with seven of its bytes.", pack([0x80, 1.5])[:-1])
bad("cut_in_str", "both", "bad_frame", "F8: a str of five bytes with four.", bytes.fromhex("92 cc80 a5 61626364"))
bad("cut_in_str_head", "both", "bad_frame", "F8: str 16 with one byte of its length.", bytes.fromhex("92 cc80 da 00"))
bad("cut_in_payload", "both", "bad_frame", "F8: the payload of a PUBLISH is a byte short.", pack(publish())[:-1])
bad("cut_in_map", "both", "bad_frame", "F8: a map of one pair that has a key and no value.",
    bytes.fromhex("92 cc80 81 a161"))
bad("cut_in_ext", "both", "bad_frame", "F8: fixext 4 with two of its bytes.", bytes.fromhex("92 cc80 d6 01 0000"))

bad("bomb_array", "both", "bad_frame", "F8: an array 32 that claims 4,294,967,295 elements in 8 bytes.",
    bytes.fromhex("dd ffffffff 0a 01 02"))
bad("bomb_array_inside", "both", "bad_frame", "F8: the bomb is an element after those defined.",
    bytes.fromhex("93 0a 01 dd 7fffffff"))
bad("bomb_map", "both", "bad_frame", "F8: a map 32 of 2,147,483,648 pairs: twice that is 0 in 32 bits.",
    bytes.fromhex("93 cc80 01 df 80000000"))
bad("bomb_map_pairs", "both", "bad_frame", "F8: a map of two pairs with three of its four values.",
    bytes.fromhex("92 cc80 82 01 02 03"))
bad("bomb_str", "both", "bad_frame", "F8: a str 32 of 4,294,967,295 bytes.", bytes.fromhex("92 cc80 db ffffffff 61"))
bad("bomb_bin", "both", "bad_frame", "F8: a bin 32 of 4,294,967,295 bytes.", bytes.fromhex("92 cc80 c6 ffffffff 61"))
bad("bomb_ext", "both", "bad_frame", "F8: an ext 32 of 4,294,967,295 bytes.", bytes.fromhex("92 cc80 c9 ffffffff 01 61"))
bad("bomb_siblings", "both", "bad_frame", "F8: two arrays that share the bytes that each of them claims.",
    bytes.fromhex("93 cc80 94 01 02 93 03 04"))
bad("bomb_headers", "to_broker", "bad_frame", "F8: the headers of a PUBLISH claim 65,535 pairs.",
    publish(headers=Hex("de ffff")))
bad("reserved_byte", "both", "bad_frame", "F2: 0xc1 is never used in msgpack.", bytes.fromhex("92 cc80 c1"))
bad("reserved_byte_in_headers", "to_broker", "bad_frame", "F2: 0xc1 as the value of a header.",
    publish(headers={"a": Hex("c1")}))

bad("depth_9_arrays", "both", "bad_frame", "F8: nine arrays, the frame's own among them.", [0x80, nested(8)])
bad("depth_9_empty", "both", "bad_frame", "F8: the ninth array is empty, and is a ninth array.", [0x80, nested(7, [])])
bad("depth_9_empty_map", "both", "bad_frame", "F8: a map is as deep as an array.", [0x80, nested(7, {})])
bad("depth_9_in_publish", "to_broker", "bad_frame", "F8: in an element after the seventh of a PUBLISH.",
    publish(more=[nested(8)]))
bad("depth_9_in_options", "to_broker", "bad_frame", "F8: in an option that nobody knows.", hello(1, "", {"x": nested(7)}))
bad("depth_1000", "both", "bad_frame", "F8: a thousand arrays.", b"\x92\xcc\x80" + b"\x91" * 1000 + b"\x07")

bad("type_0", "both", "unknown_type", "F9: there is no type 0.", [0, 1])
bad("type_14", "both", "unknown_type", "F9: the first type after those named.", [14, 1])
bad("type_127", "both", "unknown_type", "F9: the last type that is not an extension.", [127])
bad("type_127_as_uint16", "both", "unknown_type", "F9, F12: 127 stays 127 in three bytes.", [As(127, "cd 007f")])

ok("extension_128", "both", "F10: the first extension type: skipped.", [128])
ok("extension_255", "both", "F10: an extension with elements of every kind but ext: skipped.",
   [255, None, True, -1, 1.5, "text", b"\x00\xff", [1, [2]], {"key": "value"}])
ok("extension_u64_max", "both", "F10: the greatest type.", [(1 << 64) - 1, 1])
ok("extension_128_as_int16", "both", "F10, F12: 128 in a signed encoding is 128.", [As(128, "d1 0080")])
ok("extension_with_ext", "both", "F10: P5 is about PUBLISH; an extension may hold ext, keys of any type and any str.",
   [128, Ext(5, b"\x01\x02\x03"), Ext(-1, bytes(4)), Pairs((1, "one"), (None, "nil"))])
ok("extension_depth_8", "both", "F8: eight arrays, the frame's own among them, are not too deep.", [128, nested(7)])
ok("extension_depth_8_empty", "both", "F8: the eighth is an empty map.", [128, nested(6, {})])
ok("extension_wide", "both", "F8: depth is not width: 20 arrays beside each other.", [128] + [[]] * 20)
ok("extension_array_16", "both", "F12: an array 16 of one element.", As([200], "dc 0001 ccc8"))
ok("extension_array_32", "both", "F12: an array 32 of one element.", As([200], "dd 00000001 ccc8"))

# --- 2. hello -----------------------------------------------------------------------------------------------------

ok("hello_plain", "to_broker", "The first frame of a client.", hello())
ok("hello_empty_name", "to_broker", "A name may be empty.", hello(1, ""))
ok("hello_name_64", "to_broker", "H6: a name of exactly 64 bytes.", hello(1, "n" * 64))
ok("hello_name_64_utf8", "to_broker", "H6: 64 bytes of 32 characters.", hello(1, "\u00e9" * 32))
ok("hello_name_spaces", "to_broker", "H6: white space is not a control character.", hello(1, "my program [4711] \u3000 \u00a0"))
ok("hello_version_max", "to_broker", "H5: the highest version that a client can speak.", hello((1 << 32) - 1))
ok("hello_version_uint64", "to_broker", "F12: version 1 in nine bytes.", hello(As(1, "cf 0000000000000001")))
ok("hello_version_int8", "to_broker", "F12: version 1 in a signed encoding.", hello(As(1, "d0 01")))
ok("hello_name_str8", "to_broker", "F12: a short name as str 8.", hello(1, str8("tester")))
ok("hello_name_str32", "to_broker", "F12: a short name as str 32.", hello(1, As("ab", "db 00000002 6162")))
ok("hello_options_map_32", "to_broker", "F12: an empty map as map 32.", hello(1, "", As({}, "df 00000000")))
ok("hello_overflow_block", "to_broker", "H8: overflow block.", hello(1, "", {"overflow": "block"}))
ok("hello_overflow_drop_oldest", "to_broker", "H8: overflow drop-oldest.", hello(1, "", {"overflow": "drop-oldest"}))
ok("hello_overflow_unknown", "to_broker", "H8: a policy that is not known means block.", hello(1, "", {"overflow": "drop-newest"}))
ok("hello_overflow_disconnect", "to_broker", "H8: overflow disconnect.", hello(1, "", {"overflow": "disconnect"}))
ok("hello_unknown_options", "to_broker", "F11: options that are not known are ignored, whatever they hold.",
   hello(1, "", {"colour": "green", "overflow": "block", "sizes": [1, 2, {"a": None}], "": b"\x00"}))
ok("hello_more_elements", "to_broker", "F11: elements after the options are ignored.", hello(1, "x", {}, "more", [1], None))
ok("hello_will", "to_broker", "H9: a will: the body of a PUBLISH.", hello(1, "", {"will": pack(publish())}))
WILL = pack(publish(flags=1, topic=str8("a")))
ok("hello_will_retained", "to_broker", "H9, F12: one that is to be retained, as bin 32.",
   hello(1, "", {"will": As(WILL, b"\xc6" + struct.pack(">I", len(WILL)) + WILL)}))

bad("hello_will_str", "to_broker", "bad_frame", "H10: the will is a str.", hello(1, "", {"will": "host.alpha is gone"}))
bad("hello_will_nil", "to_broker", "bad_frame", "H10: the will is nil.", hello(1, "", {"will": None}))
bad("hello_will_array", "to_broker", "bad_frame", "H10: the will is an array, not a bin that holds one.",
    hello(1, "", {"will": publish()}))
bad("hello_no_version", "to_broker", "bad_frame", "F11: version, name and options are missing.", [1])
bad("hello_no_name", "to_broker", "bad_frame", "F11: name and options are missing.", [1, 1])
bad("hello_no_options", "to_broker", "bad_frame", "F11: the options are missing.", [1, 1, "x"])
bad("hello_version_str", "to_broker", "bad_frame", "F11: the version is a str.", hello("1"))
bad("hello_version_float", "to_broker", "bad_frame", "F11: the version is a float.", hello(1.0))
bad("hello_version_negative", "to_broker", "bad_frame", "F11: the version is -1.", hello(-1))
bad("hello_version_2_32", "to_broker", "bad_frame", "F11: the version does not fit a u32.", hello(1 << 32))
bad("hello_name_nil", "to_broker", "bad_frame", "F11: the name is nil.", hello(1, As(None, "c0")))
bad("hello_name_bin", "to_broker", "bad_frame", "F11: the name is a bin.", hello(1, b"tester"))
bad("hello_name_65", "to_broker", "bad_frame", "H6: a name of 65 bytes.", hello(1, "n" * 65))
bad("hello_name_65_utf8", "to_broker", "bad_frame", "H6: 33 characters, 65 bytes.", hello(1, "\u00e9" * 32 + "n"))
bad("hello_name_nul", "to_broker", "bad_frame", "H6: U+0000 in the name.", hello(1, "a\0b"))
bad("hello_name_newline", "to_broker", "bad_frame", "H6: a line break in the name would forge log lines.", hello(1, "a\nb"))
bad("hello_name_escape", "to_broker", "bad_frame", "H6: U+001B in the name.", hello(1, "\x1b[2J"))
bad("hello_name_delete", "to_broker", "bad_frame", "H6: U+007F in the name.", hello(1, "a\x7f"))
bad("hello_name_c1", "to_broker", "bad_frame", "H6: U+0085 is a control character of two bytes.", hello(1, "a\u0085"))
bad("hello_name_not_utf8", "to_broker", "bad_frame", "H6: a lone 0xff in the name.", hello(1, raw_str(b"a\xff")))
bad("hello_name_surrogate", "to_broker", "bad_frame", "H6: a surrogate in the name.", hello(1, raw_str(b"\xed\xa0\x80")))
bad("hello_options_nil", "to_broker", "bad_frame", "F11: the options are nil.", hello(1, "", As(None, "c0")))
bad("hello_options_array", "to_broker", "bad_frame", "F11: the options are an array.", hello(1, "", ["overflow", "block"]))
bad("hello_option_key_int", "to_broker", "bad_frame", "H10: a key of the options is an integer.", hello(1, "", {1: 2}))
bad("hello_option_key_bin", "to_broker", "bad_frame", "H10: a key of the options is a bin.", hello(1, "", {b"overflow": "block"}))
bad("hello_option_key_nil", "to_broker", "bad_frame", "H10: a key of the options is nil, after a good one.",
    hello(1, "", {"overflow": "block", None: 1}))
bad("hello_overflow_int", "to_broker", "bad_frame", "H10: overflow is an integer.", hello(1, "", {"overflow": 1}))
bad("hello_overflow_nil", "to_broker", "bad_frame", "H10: overflow is nil.", hello(1, "", {"overflow": None}))
bad("hello_overflow_bin", "to_broker", "bad_frame", "H10: overflow is a bin.", hello(1, "", {"overflow": b"block"}))

ok("welcome_plain", "to_client", "The broker's first frame.", welcome())
ok("welcome_u32_max", "to_client", "Session and uid are u32.", welcome(1, (1 << 32) - 1, (1 << 32) - 2))
for policy in "drop-oldest", "disconnect":
    ok("welcome_" + policy.replace("-", "_"), "to_client", f"H8: {policy} is in force.",
       welcome(limits={"max_frame": 4194304, "overflow": policy, "inbox": "$inbox.k3v9.7"}))
ok("welcome_more_limits", "to_client", "H7: limits has at least its keys; others are ignored.",
   welcome(limits={"max_frame": 65536, "rate": 1.5, "overflow": "drop-oldest", "inbox": "$inbox.x.7", "list": [1]}))
ok("welcome_more_elements", "to_client", "F11: elements after the limits are ignored.", welcome() + ["more", {"a": 1}])
ok("welcome_wide_integers", "to_client", "F12: every integer in its widest encoding.",
   [As(2, "cf 0000000000000002"), As(1, "d3 0000000000000001"), As(7, "ce 00000007"), As(1000, "d2 000003e8"),
    {"max_frame": As(4194304, "cf 0000000000400000"), "overflow": "block", "inbox": "$inbox.k3v9.7"}])

bad("welcome_no_limits", "to_client", "bad_frame", "F11: the limits are missing.", welcome()[:4])
bad("welcome_limits_nil", "to_client", "bad_frame", "F11: the limits are nil.", [2, 1, 7, 1000, None])
bad("welcome_session_str", "to_client", "bad_frame", "F11: the session is a str.", welcome(1, "7"))
bad("welcome_session_2_32", "to_client", "bad_frame", "F11: the session does not fit a u32.", welcome(1, 1 << 32))
bad("welcome_uid_negative", "to_client", "bad_frame", "F11: the uid is -1.", welcome(1, 7, -1))

# --- 3. topics ----------------------------------------------------------------------------------------------------


def good_topic(name, topic, why):
    ok("publish_topic_" + name, "both", why, publish(topic=topic))


def bad_topic(name, topic, why):
    bad("publish_topic_" + name, "to_broker", "bad_topic", why, publish(topic=topic))


good_topic("one_byte", "a", "T1: a topic of one byte.")
good_topic("255", "t" * 255, "T1: a topic of exactly 255 bytes.")
good_topic("255_utf8", "\u20ac" * 85, "T1: 85 characters, 255 bytes.")
good_topic("128_tokens", ".".join("a" * 128), "T1: as many tokens as 255 bytes hold.")
good_topic("unicode", "b\u00fcro.\u6e29\u5ea6.\U0001f321", "T1: characters of two, three and four bytes.")
good_topic("printable_ascii", "!\"#$%&'()+,-/0:;<=>?@A[\\]^_`a{|}~", "T1: all of printable ASCII but space, `*` and `.`.")
good_topic("dollar_inside", "a.$b.c$", "T4: a `$` belongs to the broker only at the front.")
good_topic("next_to_space", "\u00a1.\u1681.\u1fff.\u200b.\u202e.\u2030.\u205e.\u2060.\u3001.\ufeff.\u180e",
           "T1: the neighbours of every range that is forbidden, and what only looks like white space.")
good_topic("utf8_edges", "\u00a1.\u07ff.\u0800.\ud7ff.\ue000.\uffff.\U00010000.\U0010ffff",
           "T1: the edges of every length of UTF-8, noncharacters included.")

bad_topic("empty", "", "T1: a topic of no bytes.")
bad_topic("256", "t" * 256, "T1: a topic of 256 bytes.")
bad_topic("257_utf8", "\u20ac" * 85 + "\u00e9", "T1: 86 characters, 257 bytes.")
bad_topic("dot", ".", "T1: two empty tokens.")
bad_topic("leading_dot", ".a", "T1: the first token is empty.")
bad_topic("trailing_dot", "a.", "T1: the last token is empty.")
bad_topic("empty_token", "a..b", "T1: a token between is empty.")
bad_topic("star", "*", "T1: a wildcard is no topic.")
bad_topic("star_token", "a.*.b", "T1: a wildcard among tokens.")
bad_topic("star_in_token", "a.b*c", "T1: `*` inside a token.")
bad_topic("double_star", "a.**", "T1: `**` at the end.")
for label, character in (
        ("nul", "\0"), ("tab", "\t"), ("newline", "\n"), ("carriage_return", "\r"), ("u001f", "\x1f"), ("space", " "),
        ("delete", "\x7f"), ("u0080", "\x80"), ("u0085", "\x85"), ("u009f", "\x9f"), ("u00a0", "\xa0"), ("u1680", "\u1680"),
        ("u2000", "\u2000"), ("u2005", "\u2005"), ("u200a", "\u200a"), ("u2028", "\u2028"), ("u2029", "\u2029"),
        ("u202f", "\u202f"), ("u205f", "\u205f"), ("u3000", "\u3000")):
    kind = "white space" if character.isspace() and ord(character) >= 0x20 and ord(character) != 0x85 else "a control character"
    bad_topic(label, f"a.b{character}c", f"T1: U+{ord(character):04X} is {kind}.")
bad_topic("space_last", "a.b ", "T1: white space at the end.")
bad_topic("newline_last", "a.b\n", "T1: what a shell's echo appends.")

NOT_UTF8 = (
    ("lone_continuation", b"a\x80", "a continuation byte that continues nothing"),
    ("lone_latin1", b"caf\xe9", "Latin-1, not UTF-8"),
    ("overlong_2", b"a\xc0\xaf", "an overlong form of two bytes"),
    ("overlong_2_c1", b"a\xc1\xbf", "an overlong form of two bytes, the last one"),
    ("overlong_3", b"a\xe0\x80\xaf", "an overlong form of three bytes"),
    ("overlong_3_last", b"a\xe0\x9f\xbf", "an overlong form of three bytes, the last one"),
    ("overlong_4", b"a\xf0\x80\x80\xaf", "an overlong form of four bytes"),
    ("overlong_4_last", b"a\xf0\x8f\xbf\xbf", "an overlong form of four bytes, the last one"),
    ("overlong_nul", b"a\xc0\x80", "U+0000 in two bytes, as some write it"),
    ("surrogate_first", b"a\xed\xa0\x80", "U+D800, the first surrogate"),
    ("surrogate_last", b"a\xed\xbf\xbf", "U+DFFF, the last surrogate"),
    ("above_10ffff", b"a\xf4\x90\x80\x80", "the number after U+10FFFF"),
    ("f5", b"a\xf5\x80\x80\x80", "0xf5 begins nothing"),
    ("fe", b"a\xfe", "0xfe begins nothing"),
    ("ff", b"a\xff", "0xff begins nothing"),
    ("cut_2", b"a\xc3", "one of two bytes at the end"),
    ("cut_3", b"a\xe2\x82", "two of three bytes at the end"),
    ("cut_4", b"a\xf0\x9f\x8c", "three of four bytes at the end"),
    ("cut_by_ascii", b"a\xe2\x82z", "two of three bytes, then ASCII"),
    ("cut_by_dot", b"a\xc3.b", "one of two bytes, then the end of the token"),
)
for label, data, what in NOT_UTF8:
    bad(f"publish_topic_{label}", "to_broker", "bad_frame", f"P5: the topic holds {what}.", publish(topic=raw_str(data)))

# --- 4. publish ---------------------------------------------------------------------------------------------------

ok("publish_plain", "both", "A message with nothing but a topic and a payload.", publish())
ok("publish_empty_payload", "both", "A payload may be empty.", publish(payload=b""))
ok("publish_stamped", "both", "The stamp as a subscriber gets it; a client that sends one has it overwritten (P1).",
   publish(stamp=STAMPED))
ok("publish_stamp_ff", "both", "P1: a stamp of ones is well-formed.", publish(stamp=b"\xff" * 8))
ok("publish_retain", "both", "Bit 0 of the flags.", publish(flags=1))
ok("publish_flags_127", "both", "P7: all bits that a positive fixint has.", publish(flags=127))
ok("publish_reply", "both", "A reply that is an ordinary topic.", publish(reply="answers.here"))
ok("publish_reply_255", "both", "T1: a reply of 255 bytes.", publish(reply="r" * 255))
ok("publish_headers_empty", "both", "Headers may be an empty map.", publish(headers={}))
ok("publish_headers_every_type", "both", "A header's value: nil, bool, int, float, str, bin.",
   publish(headers={"nil": None, "no": False, "yes": True, "int": -7, "uint": (1 << 64) - 1, "least": -(1 << 63),
                    "float": 0.5, "content-type": "text", "bin": b"\x00\xff", "": ""}))
ok("publish_header_float32", "both", "F12: a float of 32 bits.", publish(headers={"x": As(0.5, "ca 3f000000")}))
ok("publish_headers_map_16", "both", "F12: a map 16 of one pair.", publish(headers=As({"a": 1}, "de 0001 a161 01")))
ok("publish_headers_map_32", "both", "F12: a map 32 of one pair.", publish(headers=As({"a": 1}, "df 00000001 a161 01")))
ok("publish_headers_17", "both", "As many headers as need a map 16.", publish(headers={f"h{n}": n for n in range(17)}))
ok("publish_header_unicode", "both", "P5: a key and a value beyond ASCII.", publish(headers={"\u00fcber": "\U0001f600"}))
ok("publish_header_control", "both", "P5: a header is UTF-8, and may hold what a topic may not.",
   publish(headers={"a b\t": "line\nbreak\0"}))
ok("publish_wide_type", "both", "F12: the type in nine bytes.", publish(type=As(3, "cf 0000000000000003")))
ok("publish_array_16", "both", "F12: the frame as an array 16.",
   As(publish(), b"\xdc\x00\x07" + pack(publish())[1:]))
ok("publish_array_32", "both", "F12: the frame as an array 32.",
   As(publish(), b"\xdd\x00\x00\x00\x07" + pack(publish())[1:]))
ok("publish_topic_str8", "both", "F12: a short topic as str 8.", publish(topic=str8("a.b")))
ok("publish_topic_str16", "both", "F12: a short topic as str 16.", publish(topic=As("a.b", "da 0003 612e62")))
ok("publish_topic_str32", "both", "F12: a short topic as str 32.", publish(topic=As("a.b", "db 00000003 612e62")))
ok("publish_reply_str16", "both", "F12: a short reply as str 16.", publish(reply=As("a.b", "da 0003 612e62")))
ok("publish_payload_bin16", "both", "F12: a short payload as bin 16.", publish(payload=As(b"hi", "c5 0002 6869")))
ok("publish_payload_bin32", "both", "F12: a short payload as bin 32.", publish(payload=As(b"hi", "c6 00000002 6869")))
ok("publish_payload_256", "both", "A payload that needs bin 16.", publish(payload=b"x" * 256))
ok("publish_payload_65536", "both", "A payload that needs bin 32.", publish(payload=b"x" * 65536))
ok("publish_payload_opaque", "both", "The payload is never looked into: this one is a frame that would be refused.",
   publish(payload=b"\xce\xff\xff\xff\xff\xc1"))
ok("publish_more_elements", "both", "F11: elements after the seventh are ignored, and passed on (P2).",
   publish(more=[None, 1, "text", b"bin", [1, 2], {"a": [1.5]}]))
ok("publish_more_elements_deep", "both", "F8: an element after the seventh may be seven deep.", publish(more=[nested(7)]))
ok("publish_more_elements_16", "both", "F11: sixteen elements need an array 16.", publish(more=[0] * 9))

for cut, missing in enumerate(("flags", "stamp", "topic", "reply", "headers", "payload"), start=1):
    bad(f"publish_no_{missing}", "both", "bad_frame", f"F11: the frame ends before its {missing}.", publish(without=cut))
bad("publish_flags_uint8", "both", "bad_frame", "P7: flags 1 as uint8.", publish(flags=As(1, "cc 01")))
bad("publish_flags_int8", "both", "bad_frame", "P7: flags 1 as int8.", publish(flags=As(1, "d0 01")))
bad("publish_flags_uint64", "both", "bad_frame", "P7: flags 0 as uint64.", publish(flags=As(0, "cf 0000000000000000")))
bad("publish_flags_128", "both", "bad_frame", "P7: 128 is no positive fixint.", publish(flags=128))
bad("publish_flags_negative", "both", "bad_frame", "P7: a negative fixint.", publish(flags=-1))
bad("publish_flags_nil", "both", "bad_frame", "P7: flags are nil.", publish(flags=None))
bad("publish_flags_bool", "both", "bad_frame", "P7: flags are true.", publish(flags=True))
bad("publish_flags_map", "both", "bad_frame", "P7: 0x80 is an empty map.", publish(flags={}))
bad("publish_stamp_bin16", "both", "bad_frame", "P7: eight bytes as bin 16.", publish(stamp=As(ZEROS, "c5 0008" + "00" * 8)))
bad("publish_stamp_bin32", "both", "bad_frame", "P7: eight bytes as bin 32.", publish(stamp=As(ZEROS, "c6 00000008" + "00" * 8)))
bad("publish_stamp_7", "both", "bad_frame", "P7: a stamp of seven bytes.", publish(stamp=bytes(7)))
bad("publish_stamp_9", "both", "bad_frame", "P7: a stamp of nine bytes.", publish(stamp=bytes(9)))
bad("publish_stamp_empty", "both", "bad_frame", "P7: a stamp of no bytes.", publish(stamp=b""))
bad("publish_stamp_str", "both", "bad_frame", "P7: eight bytes of str.", publish(stamp="\0" * 8))
bad("publish_stamp_nil", "both", "bad_frame", "P7: the stamp is nil.", publish(stamp=None))
bad("publish_stamp_uint64", "both", "bad_frame", "P7: the stamp is an integer of eight bytes.",
    publish(stamp=As(0, "cf 0000000000000000")))
bad("publish_stamp_fixext8", "both", "bad_frame", "P7: the stamp is an ext of eight bytes.", publish(stamp=Ext(0, ZEROS)))
bad("publish_topic_nil", "both", "bad_frame", "F11: the topic is nil.", publish(topic=None))
bad("publish_topic_bin", "both", "bad_frame", "F11: the topic is a bin.", publish(topic=b"a.b"))
bad("publish_topic_int", "both", "bad_frame", "F11: the topic is an integer.", publish(topic=5))
bad("publish_topic_array", "both", "bad_frame", "F11: the topic is an array of tokens.", publish(topic=["a", "b"]))
bad("publish_reply_int", "both", "bad_frame", "F11: the reply is an integer.", publish(reply=0))
bad("publish_reply_bin", "both", "bad_frame", "F11: the reply is a bin.", publish(reply=b"a.b"))
bad("publish_reply_false", "both", "bad_frame", "F11: false is not nil.", publish(reply=False))
bad("publish_headers_array", "both", "bad_frame", "F11: the headers are an array.", publish(headers=["a", 1]))
bad("publish_headers_str", "both", "bad_frame", "F11: the headers are a str.", publish(headers="a: 1"))
bad("publish_headers_false", "both", "bad_frame", "F11: false is not nil.", publish(headers=False))
bad("publish_payload_nil", "both", "bad_frame", "F11: the payload is nil.", publish(payload=None))
bad("publish_payload_str", "both", "bad_frame", "F11: the payload is a str.", publish(payload="hi"))
bad("publish_payload_map", "both", "bad_frame", "F11: the payload is a map.", publish(payload={"a": 1}))

bad("publish_header_value_array", "to_broker", "bad_frame", "F11: a header's value is an array.", publish(headers={"a": [1]}))
bad("publish_header_value_map", "to_broker", "bad_frame", "F11: a header's value is a map.", publish(headers={"a": {}}))
bad("publish_header_value_ext", "to_broker", "bad_frame", "P5: a header's value is an ext.",
    publish(headers={"a": Ext(-1, bytes(4))}))
bad("publish_header_key_int", "to_broker", "bad_frame", "P5: a header's key is an integer.", publish(headers={1: "a"}))
bad("publish_header_key_bin", "to_broker", "bad_frame", "P5: a header's key is a bin.", publish(headers={b"a": 1}))
bad("publish_header_key_nil", "to_broker", "bad_frame", "P5: a header's key is nil.", publish(headers={None: 1}))
bad("publish_header_key_not_utf8", "to_broker", "bad_frame", "P5: a header's key is not UTF-8.",
    publish(headers=Pairs((raw_str(b"\xff"), 1))))
for label, data, what in NOT_UTF8:
    if label in ("overlong_2", "surrogate_first", "above_10ffff", "cut_3"):
        bad(f"publish_header_value_{label}", "to_broker", "bad_frame", f"P5: a header's value holds {what}.",
            publish(headers={"a": raw_str(data)}))
        bad(f"publish_reply_{label}", "to_broker", "bad_frame", f"P5: the reply holds {what}.", publish(reply=raw_str(data)))
bad("publish_more_not_utf8", "to_broker", "bad_frame", "P5: a str after the seventh element is not UTF-8.",
    publish(more=[raw_str(b"\xff")]))
bad("publish_more_not_utf8_inside", "to_broker", "bad_frame", "P5: a str deep in an element after the seventh is not UTF-8.",
    publish(more=[[{"a": [raw_str(b"\xc0\xaf")]}]]))
bad("publish_more_key_int", "to_broker", "bad_frame", "P5: a key that is not a str, in a map after the seventh element.",
    publish(more=[{"a": Pairs((1, 2))}]))
for size in (1, 2, 4, 8, 16):
    bad(f"publish_more_fixext{size}", "to_broker", "bad_frame", f"P5: fixext {size} after the seventh element.",
        publish(more=[Ext(1, bytes(size))]))
bad("publish_more_ext8", "to_broker", "bad_frame", "P5: ext 8 after the seventh element.", publish(more=[Ext(1, bytes(3))]))
bad("publish_more_ext16", "to_broker", "bad_frame", "P5: ext 16 after the seventh element.", publish(more=[Hex("c8 0001 01 00")]))
bad("publish_more_ext32", "to_broker", "bad_frame", "P5: ext 32 inside an array after the seventh element.",
    publish(more=[[Hex("c9 00000001 01 00")]]))

bad("publish_reply_empty", "to_broker", "bad_reply", "P6: a reply of no bytes is not nil.", publish(reply=""))
bad("publish_reply_256", "to_broker", "bad_reply", "P6: a reply of 256 bytes.", publish(reply="r" * 256))
bad("publish_reply_empty_token", "to_broker", "bad_reply", "P6: a reply with an empty token.", publish(reply="a..b"))
bad("publish_reply_star", "to_broker", "bad_reply", "P6: a reply with a wildcard.", publish(reply="a.*"))
bad("publish_reply_double_star", "to_broker", "bad_reply", "P6: a reply that is `**`.", publish(reply="**"))
bad("publish_reply_space", "to_broker", "bad_reply", "P6: a reply with white space.", publish(reply="a b"))
bad("publish_reply_newline", "to_broker", "bad_reply", "P6: a reply with a line break.", publish(reply="a\n"))

# --- 5. subscribe -------------------------------------------------------------------------------------------------

ok("subscribe_plain", "to_broker", "A subscription with no options.", subscribe())
ok("subscribe_numbers_max", "to_broker", "The greatest request and sub.", subscribe((1 << 32) - 1, (1 << 32) - 1))
ok("subscribe_sub_0", "to_broker", "A sub may be 0; a request may not.", subscribe(1, 0))
ok("subscribe_wide_integers", "to_broker", "F12: request and sub in nine bytes.",
   [As(4, "cd 0004"), As(1, "cf 0000000000000001"), As(2, "d3 0000000000000002"), "a", {}])
ok("subscribe_filter_str32", "to_broker", "F12: a short filter as str 32.", subscribe(filter=As("a.*", "db 00000003 612e2a")))
ok("subscribe_filter_255", "to_broker", "T2: a filter of 255 bytes.", subscribe(filter="f" * 255))
ok("subscribe_filter_unicode", "to_broker", "T2: characters of two, three and four bytes.",
   subscribe(filter="b\u00fcro.*.\u6e29\u5ea6.\U0001f321.**"))
ok("subscribe_filter_double_star", "to_broker", "T2: `**` alone.", subscribe(filter="**"))
ok("subscribe_filter_stars", "to_broker", "T2: `*` in every place.", subscribe(filter="*.a.*.*"))
ok("subscribe_monitor", "to_broker", "S8: a subscription that watches.", subscribe(options={"monitor": True}))
ok("subscribe_not_monitor", "to_broker", "S8: one that says it does not.", subscribe(options={"monitor": False}))
ok("subscribe_group", "to_broker", "Q1: a member of a group.", subscribe(options={"group": "workers"}))
ok("subscribe_group_64", "to_broker", "Q1: the longest name of a group.", subscribe(options={"group": "\u00e9" * 32}))
ok("subscribe_group_monitor", "to_broker", "S9: options that are well-formed, though not granted together.",
   subscribe(options={"monitor": True, "group": "w", "retained": False}))
ok("subscribe_unknown_options", "to_broker", "F11: options that are not known are ignored.",
   subscribe(options={"since": 5, "monitor": False, "deep": {"a": [1]}}))
ok("subscribe_more_elements", "to_broker", "F11: elements after the options are ignored.", subscribe() + ["more", 2, {}])

bad("subscribe_no_request", "to_broker", "bad_frame", "F11: everything is missing.", [4])
bad("subscribe_no_sub", "to_broker", "bad_frame", "F11: the sub is missing.", subscribe()[:2])
bad("subscribe_no_filter", "to_broker", "bad_frame", "F11: the filter is missing.", subscribe()[:3])
bad("subscribe_no_options", "to_broker", "bad_frame", "F11: the options are missing.", subscribe()[:4])
bad("subscribe_request_0", "to_broker", "bad_frame", "S10: a request of 0.", subscribe(0))
bad("subscribe_request_2_32", "to_broker", "bad_frame", "F11: the request does not fit a u32.", subscribe(1 << 32))
bad("subscribe_request_nil", "to_broker", "bad_frame", "F11: the request is nil.", subscribe(None))
bad("subscribe_sub_negative", "to_broker", "bad_frame", "F11: the sub is -1.", subscribe(1, -1))
bad("subscribe_sub_2_32", "to_broker", "bad_frame", "F11: the sub does not fit a u32.", subscribe(1, 1 << 32))
bad("subscribe_sub_str", "to_broker", "bad_frame", "F11: the sub is a str.", subscribe(1, "1"))
bad("subscribe_filter_nil", "to_broker", "bad_frame", "F11: the filter is nil.", subscribe(filter=None))
bad("subscribe_filter_bin", "to_broker", "bad_frame", "F11: the filter is a bin.", subscribe(filter=b"a"))
bad("subscribe_options_nil", "to_broker", "bad_frame", "F11: the options are nil.", [4, 1, 1, "a", None])
bad("subscribe_options_array", "to_broker", "bad_frame", "F11: the options are an array.", [4, 1, 1, "a", ["monitor"]])
bad("subscribe_monitor_int", "to_broker", "bad_frame", "H10: monitor is 1.", subscribe(options={"monitor": 1}))
bad("subscribe_monitor_nil", "to_broker", "bad_frame", "H10: monitor is nil.", subscribe(options={"monitor": None}))
bad("subscribe_option_key_int", "to_broker", "bad_frame", "H10: a key of the options is an integer.",
    subscribe(options={7: None}))
bad("subscribe_group_int", "to_broker", "bad_frame", "H10: group is an integer.", subscribe(options={"group": 1}))
bad("subscribe_retained_str", "to_broker", "bad_frame", "H10: retained is a str.", subscribe(options={"retained": "yes"}))

ok("subscribe_retained", "to_broker", "R4: the last values come first.", subscribe(1, 1, "kept.*", {"retained": True}))

ok("unsubscribe_plain", "to_broker", "The end of a subscription.", [5, 2, 1])
ok("unsubscribe_more_elements", "to_broker", "F11: elements after the sub are ignored.", [5, 2, 1, "why", [1]])
ok("unsubscribe_wide_integers", "to_broker", "F12: every integer wider than it need be.",
   [As(5, "cc 05"), As(2, "d1 0002"), As(1, "cf 0000000000000001")])
bad("unsubscribe_no_request", "to_broker", "bad_frame", "F11: request and sub are missing.", [5])
bad("unsubscribe_no_sub", "to_broker", "bad_frame", "F11: the sub is missing.", [5, 2])
bad("unsubscribe_request_0", "to_broker", "bad_frame", "S10: a request of 0.", [5, 0, 1])
bad("unsubscribe_sub_nil", "to_broker", "bad_frame", "F11: the sub is nil.", [5, 2, None])
bad("unsubscribe_sub_float", "to_broker", "bad_frame", "F11: the sub is a float.", [5, 2, 1.0])

ok("ok_plain", "to_client", "A request is granted.", [8, 1])
ok("ok_more_elements", "to_client", "F11: what a later OK may tell.", [8, (1 << 32) - 1, 17])
ok("ok_retained", "to_client", "R4: a subscription with retained is granted, and 300 values follow.", [8, 1, 300])
ok("ok_retained_none", "to_client", "R4: the same, and there are no values.", [8, 1, 0])
bad("ok_no_request", "to_client", "bad_frame", "F11: the request is missing.", [8])
bad("ok_request_str", "to_client", "bad_frame", "F11: the request is a str.", [8, "1"])

ok("deliver_retained", "to_client", "R5: a retained value for subscription 7, 1500 ms old.",
   deliver(info={"retained": True, "age_ms": 1500}, publish=publish(flags=1, stamp=STAMPED)))
ok("deliver_group", "to_client", "Q2: info is nil for a message that a queue group's member was chosen for.", deliver(info=None))
ok("deliver_more_info", "to_client", "F11: keys of info that are not known are ignored.",
   deliver(info={"colour": "green", "age_ms": (1 << 64) - 1, "retained": True, "": None}))
ok("deliver_wide_integers", "to_client", "F12: as a broker writes it that reads it back: fixed widths.",
   [6, As(7, "ce 00000007"), {"retained": True, "age_ms": As(0, "cf 0000000000000000")}, publish(stamp=STAMPED)])
ok("deliver_more_elements", "to_client", "F11, P2: elements after the seventh of the PUBLISH are passed on.",
   deliver(publish=publish(headers={"a": 1}, reply="r", more=[[1, {"k": 2.5}], None])))
bad("deliver_no_publish", "to_client", "bad_frame", "F11: the PUBLISH is missing.", deliver()[:3])
bad("deliver_sub_str", "to_client", "bad_frame", "F11: the sub is a str.", deliver(sub="7"))
bad("deliver_sub_2_32", "to_client", "bad_frame", "F11: the sub does not fit a u32.", deliver(sub=1 << 32))
bad("deliver_info_bool", "to_client", "bad_frame", "F11: info is true.", deliver(info=True))
bad("deliver_publish_nil", "to_client", "bad_frame", "F11: the PUBLISH is nil.", deliver(publish=None))
bad("deliver_publish_bin", "to_client", "bad_frame", "R5: the PUBLISH is nested as it is, not in a bin.",
    deliver(publish=pack(publish())))
bad("deliver_publish_stamp_7", "to_client", "bad_frame", "P7: the stamp of the PUBLISH has seven bytes.",
    deliver(publish=publish(stamp=bytes(7))))
bad("deliver_publish_topic", "to_client", "bad_topic", "P6: the topic of the PUBLISH is a filter.", deliver(publish=publish(topic="a.*")))
ok("deliver_sub_max", "to_client", "Q2: the greatest sub.", deliver(sub=(1 << 32) - 1, info=None))
ok("deliver_deepest", "to_client", "F8: the PUBLISH is as deep as it may be, and stands one level deeper here.",
   deliver(info=None, publish=publish(more=[nested(7)])))

# --- 6. errors ----------------------------------------------------------------------------------------------------

ok("error_fatal", "to_client", "A fatal error.", [9, 3, "the stamp has 7 bytes", 0, True, None])
ok("error_refused_request", "to_client", "A refused SUBSCRIBE.", [9, 32, "`**` stands only at the end", 5, False, None])
ok("error_refused_publish", "to_client", "A refused PUBLISH: about names its topic.",
   [9, 35, "not allowed", 0, False, "$sys.x"])
ok("error_no_responder", "to_client", "about names the reply.", [9, 37, "nobody listens", 0, False, "$inbox.k3v9.7.1"])
ok("error_code_unknown", "to_client", "E4: a code that is not in the table, not fatal: the session goes on.",
   [9, 4000000000, "of a later version", 0, False, None])
ok("error_code_unknown_fatal", "to_client", "E4: a code that is not in the table, fatal.", [9, 31, "later", 0, True, None])
ok("error_empty_text", "to_client", "A text may be empty.", [9, 1, "", 0, True, None])
ok("error_more_elements", "to_client", "F11: elements after about are ignored.", [9, 36, "200001 > 200000", 1, False, None, {}])
bad("error_no_text", "to_client", "bad_frame", "F11: the frame ends before its text.", [9, 3])
bad("error_no_about", "to_client", "bad_frame", "F11: about is missing, which is not nil.", [9, 3, "x", 0, True])
bad("error_code_negative", "to_client", "bad_frame", "F11: the code is -1.", [9, -1, "x", 0, True, None])
bad("error_code_str", "to_client", "bad_frame", "F11: the code is a name.", [9, "bad_frame", "x", 0, True, None])
bad("error_text_nil", "to_client", "bad_frame", "F11: the text is nil.", [9, 3, None, 0, True, None])
bad("error_request_nil", "to_client", "bad_frame", "F11: the request is nil, not 0.", [9, 3, "x", None, True, None])
bad("error_fatal_int", "to_client", "bad_frame", "F11: fatal is 1.", [9, 3, "x", 0, 1, None])
bad("error_about_int", "to_client", "bad_frame", "F11: about is 0.", [9, 3, "x", 0, True, 0])

# --- 7. ping, pong ------------------------------------------------------------------------------------------------

ok("ping_plain", "both", "A barrier.", [10, 1])
ok("ping_token_0", "both", "B1: a token may be 0.", [10, 0])
ok("ping_token_max", "both", "B1: the greatest token, 2^53 - 1.", [10, (1 << 53) - 1])
ok("ping_token_uint64", "both", "F12: token 1 in nine bytes.", [10, As(1, "cf 0000000000000001")])
ok("ping_token_int32", "both", "F12: token 1 in a signed encoding.", [10, As(1, "d2 00000001")])
ok("ping_more_elements", "both", "F11: elements after the token are ignored.", [10, 1, "now"])
bad("ping_no_token", "both", "bad_frame", "F11: the token is missing.", [10])
bad("ping_token_2_53", "both", "bad_frame", "B1: a token of 2^53.", [10, 1 << 53])
bad("ping_token_u64_max", "both", "bad_frame", "B1: the greatest uint64.", [10, (1 << 64) - 1])
bad("ping_token_negative", "both", "bad_frame", "B1: a token of -1.", [10, -1])
bad("ping_token_float", "both", "bad_frame", "B1: the token is a float.", [10, 1.0])
bad("ping_token_str", "both", "bad_frame", "B1: the token is a str.", [10, "1"])
bad("ping_token_nil", "both", "bad_frame", "B1: the token is nil.", [10, None])

ok("pong_from_client", "to_broker", "B4: an answer that nobody asked for is ignored.", [11, 1])
ok("pong_from_client_more", "to_broker", "F11: with elements after its token.", [11, 1, 2, 3, 4, 5])
ok("pong_from_client_other_types", "to_broker", "F11: the counts are the broker's; after a client's token anything is ignored.",
   [11, 1, "now", None, [1]])
ok("pong_from_broker", "to_client", "B1: the token and three counts.", [11, 1, 10, 2, 1])
ok("pong_counts_wide", "to_client", "Counts are as large as they must be.", [11, 0, (1 << 64) - 1, 1 << 32, 0])
bad("pong_no_token", "both", "bad_frame", "F11: the token is missing.", [11])
bad("pong_token_str", "both", "bad_frame", "F11: the token is a str.", [11, "1", 0, 0, 0])
bad("pong_no_counts", "to_client", "bad_frame", "F11: a broker's PONG without its counts.", [11, 1])
bad("pong_count_nil", "to_client", "bad_frame", "F11: a count is nil.", [11, 1, 0, None, 0])

# --- 8. slow consumers --------------------------------------------------------------------------------------------

ok("gap_plain", "to_client", "O4: three frames of 99 bytes were lost here.", [7, 3, 99, "the outbox was full"])
ok("gap_u64", "to_client", "O4: counts beyond a u32.", [7, 1 << 33, 1 << 45, ""])
ok("gap_more_elements", "to_client", "F11: elements after the reason are ignored.", [7, 1, 20, "x", None])
bad("gap_no_reason", "to_client", "bad_frame", "F11: the reason is missing.", [7, 1, 20])
bad("gap_frames_negative", "to_client", "bad_frame", "F11: frames are -1.", [7, -1, 20, "x"])
bad("gap_reason_nil", "to_client", "bad_frame", "F11: the reason is nil.", [7, 1, 20, None])
ok("hold_on", "to_client", "O2: a hold that lasts.", [13, True, 12, "slow reader", "host.alpha.load"])
ok("hold_off", "to_client", "O2: its end.", [13, False, 12, "", "host.alpha.load"])
bad("hold_no_topic", "to_client", "bad_frame", "F11: the topic is missing.", [13, True, 12, "x"])
bad("hold_on_int", "to_client", "bad_frame", "F11: on is 1.", [13, 1, 12, "x", "a"])
bad("hold_session_nil", "to_client", "bad_frame", "F11: the session is nil.", [13, True, None, "x", "a"])

# --- 9. the end ---------------------------------------------------------------------------------------------------

ok("goaway_plain", "both", "G1, G3: leaving.", [12, "stopping", 0])
ok("goaway_delay_max", "both", "The greatest delay_ms.", [12, "", (1 << 32) - 1])
ok("goaway_more_elements", "both", "F11: elements after delay_ms are ignored.", [12, "stopping", 250, "more", [0]])
bad("goaway_no_reason", "both", "bad_frame", "F11: reason and delay_ms are missing.", [12])
bad("goaway_no_delay", "both", "bad_frame", "F11: delay_ms is missing.", [12, "stopping"])
bad("goaway_reason_nil", "both", "bad_frame", "F11: the reason is nil.", [12, None, 0])
bad("goaway_delay_negative", "both", "bad_frame", "F11: delay_ms is -1.", [12, "", -1])
bad("goaway_delay_2_32", "both", "bad_frame", "F11: delay_ms does not fit a u32.", [12, "", 1 << 32])
bad("goaway_delay_float", "both", "bad_frame", "F11: delay_ms is a float.", [12, "", 0.5])


# --- writing them -------------------------------------------------------------------------------------------------


def differences():
    """What stands on the disk and should not, or should and does not."""
    there = {path.stem: path for path in HERE.glob("*.json")}
    for name in sorted(set(there) - set(VECTORS)):
        yield f"{name}.json: nothing generates it"
    for name, text in VECTORS.items():
        if name not in there:
            yield f"{name}.json: missing"
        elif there[name].read_text(encoding="utf-8") != text:
            yield f"{name}.json: differs"


def write():
    for path in HERE.glob("*.json"):
        if path.stem not in VECTORS:
            path.unlink()
    for name, text in VECTORS.items():
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    if not arguments:
        write()
        n_ok = sum(name.startswith("ok_") for name in VECTORS)
        print(f"{n_ok} ok, {len(VECTORS) - n_ok} bad")
        return 0
    found = list(differences())
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run proto/vectors/generate.py and look at the difference", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
