# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The protocol's bytes, and a socket that speaks them.

Written from PROTOCOL.md alone: it shares no code with proto/ and none with proto/vectors/generate.py, so that three
readings of one page are held against each other.
"""

import collections
import fcntl
import os
import select
import socket
import struct
import termios
import time

DEADLINE = float(os.environ.get("UMBEL_TEST_DEADLINE", "20"))  # seconds; only a test that fails waits for it
MAX_FRAME = 4194304
BROKER_EXTRA = 4096
MAX_DEPTH = 8

TYPES = ("HELLO", "WELCOME", "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE", "DELIVER", "GAP", "OK", "ERROR", "PING", "PONG", "GOAWAY",
         "HOLD")
HELLO, WELCOME, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DELIVER, GAP, OK, ERROR, PING, PONG, GOAWAY, HOLD = range(1, 14)

FATAL_CODES = {"bad_magic": 1, "frame_too_big": 2, "bad_frame": 3, "unknown_type": 4, "out_of_turn": 5, "bad_version": 6,
               "bad_topic": 7, "bad_reply": 8, "timeout": 9, "slow_consumer": 10, "unsupported": 11, "no_memory": 12}
REFUSAL_CODES = {"unsupported": 11, "bad_filter": 32, "sub_in_use": 33, "no_sub": 34, "denied": 35, "limit": 36,
                 "no_responder": 37, "revoked": 38}
ZEROS = bytes(8)


# --- msgpack: values to bytes -------------------------------------------------------------------------------------


class Raw(bytes):
    """Bytes that stand where a value would, as they are."""


def pack(value):
    if isinstance(value, Raw):
        return bytes(value)
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return bytes([0xC2 + value])
    if isinstance(value, int):
        if 0 <= value <= 0x7F:
            return bytes([value])
        if -0x20 <= value < 0:
            return bytes([value & 0xFF])
        if value < 0:
            return b"\xd3" + value.to_bytes(8, "big", signed=True)
        for code, width in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
            if value < 1 << 8 * width:
                return bytes([code]) + value.to_bytes(width, "big")
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return (bytes([0xA0 + len(text)]) if len(text) < 32 else _sized(0xD9, len(text), 1)) + text
    if isinstance(value, (bytes, bytearray)):
        return _sized(0xC4, len(value), 1) + value
    if isinstance(value, (list, tuple)):
        start = bytes([0x90 + len(value)]) if len(value) < 16 else _sized(0xDC, len(value), 2)
        return start + b"".join(map(pack, value))
    if isinstance(value, dict):
        start = bytes([0x80 + len(value)]) if len(value) < 16 else _sized(0xDE, len(value), 2)
        return start + b"".join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError(f"no msgpack for {value!r}")


def _sized(code, n, width):
    """`code` and a length of `width` bytes, or the next codes with twice and four times as many."""
    while n >= 1 << 8 * width:
        code, width = code + 1, width * 2
    return bytes([code]) + n.to_bytes(width, "big")


def frame(body):
    """A whole frame from a tree, or from bytes that are its body."""
    body = bytes(body) if isinstance(body, (bytes, bytearray)) else pack(body)
    return b"\xce" + len(body).to_bytes(4, "big") + body


# --- msgpack: bytes to values -------------------------------------------------------------------------------------


class Malformed(Exception):
    """Not one msgpack value, or one nested too deep."""


class Node:
    """One value, and where in the body it stands. `value` of arrays and maps: Nodes, of ext: (type, bytes)."""

    __slots__ = ("kind", "value", "start", "end")

    def __init__(self, kind, value, start, end):
        self.kind = kind  # nil bool int float str bin array map ext
        self.value = value
        self.start = start
        self.end = end

    def plain(self):
        if self.kind == "array":
            return [item.plain() for item in self.value]
        if self.kind == "map":
            return {key.plain(): value.plain() for key, value in self.value}
        if self.kind == "str":
            return self.value.decode("utf-8", "surrogateescape")
        return self.value

    def walk(self):
        yield self
        if self.kind == "array":
            for item in self.value:
                yield from item.walk()
        elif self.kind == "map":
            for key, value in self.value:
                yield from key.walk()
                yield from value.walk()


_NUMBERS = {0xCA: ("float", ">f"), 0xCB: ("float", ">d"), 0xCC: ("int", ">B"), 0xCD: ("int", ">H"), 0xCE: ("int", ">I"),
            0xCF: ("int", ">Q"), 0xD0: ("int", ">b"), 0xD1: ("int", ">h"), 0xD2: ("int", ">i"), 0xD3: ("int", ">q")}
_LENGTHS = {0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4),
            0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
            0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)}
_CONSTANTS = {0xC0: ("nil", None), 0xC2: ("bool", False), 0xC3: ("bool", True)}


def parse(body, max_depth=MAX_DEPTH):
    """The one value that `body` is."""
    node = _parse_at(body, 0, 1 + MAX_DEPTH - max_depth)
    if node.end != len(body):
        raise Malformed(f"{len(body) - node.end} bytes after the value")
    return node


def type_of(body):
    """The frame type, even of a body that is malformed further on; None when it has none."""
    try:
        head = {0xDC: 3, 0xDD: 5}.get(body[0], 1)
        node = _parse_at(body, head, 2) if body[0] in (0xDC, 0xDD) or 0x90 <= body[0] < 0xA0 else None
    except (Malformed, IndexError):
        return None
    return node.value if node and node.kind == "int" else None


def _take(body, at, n):
    if at + n > len(body):
        raise Malformed(f"{n} bytes wanted at {at}, {len(body) - at} there")
    return body[at:at + n]


def _parse_at(body, start, depth):
    code = _take(body, start, 1)[0]
    at = start + 1
    if code < 0x80:
        return Node("int", code, start, at)
    if code >= 0xE0:
        return Node("int", code - 0x100, start, at)
    if code in _CONSTANTS:
        kind, value = _CONSTANTS[code]
        return Node(kind, value, start, at)
    if code in _NUMBERS:
        kind, layout = _NUMBERS[code]
        width = struct.calcsize(layout)
        return Node(kind, struct.unpack(layout, _take(body, at, width))[0], start, at + width)

    if code < 0x90:
        kind, n = "map", code & 0x0F
    elif code < 0xA0:
        kind, n = "array", code & 0x0F
    elif code < 0xC0:
        kind, n = "str", code & 0x1F
    elif 0xD4 <= code <= 0xD8:
        kind, n = "ext", 1 << (code - 0xD4)
    elif code in _LENGTHS:
        kind, width = _LENGTHS[code]
        n = int.from_bytes(_take(body, at, width), "big")
        at += width
    else:
        raise Malformed(f"byte {code:#x} at {start}")

    if kind in ("str", "bin"):
        return Node(kind, bytes(_take(body, at, n)), start, at + n)
    if kind == "ext":
        data = _take(body, at, n + 1)
        return Node(kind, (struct.unpack(">b", data[:1])[0], bytes(data[1:])), start, at + n + 1)

    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH} at {start}")
    n_values = n if kind == "array" else 2 * n
    if n_values > len(body) - at:
        raise Malformed(f"{n_values} values claimed at {start}, {len(body) - at} bytes there")
    items = []
    for _ in range(n_values):
        item = _parse_at(body, at, depth + 1)
        items.append(item)
        at = item.end
    if kind == "map":
        items = list(zip(items[::2], items[1::2]))
    return Node(kind, items, start, at)


class Frame:
    """A frame as it came: its bytes with the prefix, and what they say."""

    def __init__(self, raw):
        self.raw = raw
        self._node = None

    @property
    def node(self):
        if self._node is None:
            body = self.raw[5:]
            self._node = parse(body, MAX_DEPTH + (type_of(body) == DELIVER))
        return self._node

    @property
    def tree(self):
        return self.node.plain()

    @property
    def type(self):
        return self.node.value[0].value

    def without_stamp(self):
        """The bytes of a PUBLISH with zeros for its stamp."""
        stamp = self.node.value[2]
        return self.raw[:5 + stamp.end - 8] + ZEROS + self.raw[5 + stamp.end:]

    def __repr__(self):
        try:
            name = TYPES[self.type - 1] if 1 <= self.type <= len(TYPES) else "?"
            return f"<{name} {self.tree!r:.300}>"
        except (Malformed, TypeError, IndexError) as error:
            return f"<frame {self.raw[:40].hex()} {error!r}>"


# --- sockets ------------------------------------------------------------------------------------------------------


class Late(AssertionError):
    """A deadline passed: what was waited for did not happen."""


def pump(connections, until, what="the broker", deadline=None):
    """Write what is queued and read what comes, on all `connections` at once, until `until()` holds.

    A connection that is `paused` is not read. This is the only place where a test waits for a socket.
    """
    limit = time.monotonic() + (DEADLINE if deadline is None else deadline)
    while not until():
        poll = select.poll()
        by_fd = {}
        for connection in connections:
            wanted = connection.wanted()
            if wanted:
                by_fd[connection.socket.fileno()] = connection
                poll.register(connection.socket, wanted)
        left = limit - time.monotonic()
        if left <= 0 or not by_fd:
            seen = {c.name: list(c.frames)[-5:] for c in connections}
            raise Late(f"waited for {what}: {'nothing more can come' if not by_fd else 'too long'}; unread: {seen}")
        for fd, _ in poll.poll(left * 1000):
            by_fd[fd].turn()


class Connection:
    """One client's socket. It sends what it is told, right or wrong, and cuts what comes into frames."""

    def __init__(self, path, name="connection"):
        self.name = name
        self.frames = collections.deque()  # whole ones that nobody took yet
        self.ended = False  # the broker's end of the stream has been read
        self.ended_at = None  # ... at that moment
        self.refuses_writes = False  # the broker does not take what we write
        self.paused = False
        self.received = bytearray()
        self.queued = collections.deque()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        patience = struct.pack("ll", int(DEADLINE), 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)  # connect waits while the backlog is full
        self.socket.connect(path)
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()

    # what pump() needs

    def wanted(self):
        if self.socket.fileno() < 0:
            return 0
        return ((select.POLLIN if not self.ended and not self.paused else 0) |
                (select.POLLOUT if self.queued else 0))

    def turn(self):
        if self.queued:
            self._write()
        if not self.ended and not self.paused:
            self.read_some()

    def _write(self):
        while self.queued:
            try:
                n = self.socket.send(self.queued[0])
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self.refuses_writes = True
                self.queued.clear()
                return
            if n == len(self.queued[0]):
                self.queued.popleft()
            else:
                self.queued[0] = self.queued[0][n:]

    def read_some(self, most=1 << 18):
        """One recv, without waiting. Returns the number of bytes that came."""
        try:
            data = self.socket.recv(most)
        except BlockingIOError:
            return 0
        except ConnectionResetError:  # the broker closed without reading all we wrote: an end as well
            data = b""
        if not data:
            self.ended = True
            self.ended_at = time.monotonic()
        self.received += data
        self._cut()
        return len(data)

    def _cut(self):
        at = 0
        while len(self.received) - at >= 5:
            assert self.received[at] == 0xCE, f"[F1] from the broker: {self.received[at:at + 20].hex()}"
            length = int.from_bytes(self.received[at + 1:at + 5], "big")
            assert length <= MAX_FRAME + BROKER_EXTRA, f"[F4] a body of {length} bytes from the broker"
            if len(self.received) - at - 5 < length:
                break
            self.frames.append(Frame(bytes(self.received[at:at + 5 + length])))
            at += 5 + length
        del self.received[:at]

    # what tests use

    def queue(self, *items):
        """Frames (trees) or raw bytes, to be written by the next pump()."""
        data = b"".join(item if isinstance(item, (bytes, bytearray)) else frame(item) for item in items)
        if data and not self.refuses_writes:
            self.queued.append(memoryview(data))

    def send(self, *items):
        """As queue(), and written before it returns. A broker that has closed meanwhile is no error here."""
        self.queue(*items)
        self._write()
        if self.queued:
            pump([self], lambda: not self.queued, f"{self.name} to be written")

    def end_writing(self):
        self.socket.shutdown(socket.SHUT_WR)

    def bytes_unread(self):
        """How much of what we wrote the broker has not read yet (what the kernel charges for it; 0 is exact)."""
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0]

    def receive(self, deadline=None):
        """The next frame, or None at the end of the stream."""
        if not self.frames and not self.ended:
            pump([self], lambda: self.frames or self.ended, f"a frame for {self.name}", deadline)
        return self.frames.popleft() if self.frames else None

    def receive_rest(self):
        """All frames to the end of the stream."""
        pump([self], lambda: self.ended, f"the end of {self.name}'s stream")
        assert not self.received, f"the stream ends inside a frame: {self.received[:40].hex()}"
        rest = list(self.frames)
        self.frames.clear()
        return rest


Pong = collections.namedtuple("Pong", "accepted unmatched refused")


class Session(Connection):
    """A client that has said HELLO and been told WELCOME."""

    def __init__(self, path, name="session", options=None, version=1):
        super().__init__(path, name)
        self.last_number = 0
        self.send([HELLO, version, name, options or {}])
        first = self.receive()
        assert first is not None and first.type == WELCOME, f"no WELCOME but {first}"
        _, self.version, self.id, self.uid, self.limits = first.tree[:5]
        self.inbox = self.limits["inbox"]

    def next_number(self):
        self.last_number += 1
        return self.last_number

    def publish(self, topic, payload=b"", reply=None, headers=None):
        self.send([PUBLISH, 0, ZEROS, topic, reply, headers, payload])

    def request(self, filter, sub=None, **options):
        """SUBSCRIBE without waiting for the answer. Returns its request."""
        request = self.next_number()
        self.send([SUBSCRIBE, request, request if sub is None else sub, filter, options])
        return request

    def subscribe(self, filter, sub=None, **options):
        """SUBSCRIBE, and its OK is the next frame. Returns the sub."""
        request = self.request(filter, sub, **options)
        self.expect_ok(request)
        return request if sub is None else sub

    def unsubscribe(self, sub):
        request = self.next_number()
        self.send([UNSUBSCRIBE, request, sub])
        self.expect_ok(request)

    def retain(self, topic, payload=b""):
        self.send([PUBLISH, 1, ZEROS, topic, None, None, payload])

    def subscribe_retained(self, filter, sub=None):
        """SUBSCRIBE with `retained`. Returns the sub and the DELIVERs that the OK announces, which must be these and no others."""
        request = self.request(filter, sub, retained=True)
        sub = request if sub is None else sub
        answer = self.receive()
        assert answer is not None and answer.tree[:2] == [OK, request] and len(answer.tree) >= 3, f"no OK with a count: {answer}"
        values = [self.receive() for _ in range(answer.tree[2])]
        for one in values:
            assert one is not None and one.type == DELIVER and one.tree[1] == sub, f"no value for {sub} but {one}"
            assert one.tree[2]["retained"] is True and one.tree[2]["age_ms"] >= 0, f"[R5] the info of {one}"
        return sub, values

    def expect_ok(self, request):
        answer = self.receive()
        assert answer is not None and answer.tree[:2] == [OK, request], f"no OK for request {request} but {answer}"

    def barrier(self):
        """PING. Returns what came before its PONG, and the PONG's counts."""
        token = 1000000 + self.next_number()
        self.send([PING, token])
        before = []
        while True:
            answer = self.receive()
            assert answer is not None, f"{self.name}: the end instead of a PONG, after {before[-3:]}"
            if answer.type == PONG and answer.tree[1] == token:
                return before, Pong(*answer.tree[2:5])
            before.append(answer)
