# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""A small asyncio client of umbel, written from PROTOCOL.md alone. It needs python3-msgpack; ../README.md says more."""

import asyncio
import collections
import enum
import itertools
import os
import random
import re
import types

import msgpack

F = enum.IntEnum("F", "HELLO WELCOME PUBLISH SUBSCRIBE UNSUBSCRIBE DELIVER GAP OK ERROR PING PONG GOAWAY HOLD")
TOPIC = re.compile("(?![.])(?!.*[.]([.]|$))[^\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000*]+")

# session and uid are the sender's; retained: a value from before the subscription, age_ms old
Message = collections.namedtuple("Message", "topic payload reply headers session uid retained age_ms")


class UmbelError(Exception):
    """(code, text, about): the broker refused, or a responder says that it failed: then the code is its own."""

def uint(bits):
    return lambda value: type(value) is int and 0 <= value < 1 << bits

KINDS = {"7": uint(7), "u": uint(32), "t": uint(53), "n": uint(64), "?": lambda v: type(v) is bool,
         "s": lambda v: type(v) is str, "S": lambda v: v is None or type(v) is str,
         "m": lambda v: type(v) is dict, "M": lambda v: v is None or type(v) is dict,
         "b": lambda v: type(v) is bytes, "8": lambda v: type(v) is bytes and len(v) == 8,
         "-": lambda v: False, "P": lambda v: type(v) is list and v[:1] == [F.PUBLISH] and fits(v)}
# what a broker may send: the elements after the type
SHAPES = {F.WELCOME: "uuum", F.PUBLISH: "78sSMb", F.DELIVER: "uMP", F.GAP: "nns", F.OK: "u", F.ERROR: "nsu?S",
          F.PING: "t", F.PONG: "tnnn", F.GOAWAY: "su", F.HOLD: "?uss"}

def fits(frame):
    shape = SHAPES.get(frame[0], "-")
    return len(frame) > len(shape) and all(KINDS[kind](value) for kind, value in zip(shape, frame[1:]))

def body_length(prefix, max_frame=4 << 20):
    length = int.from_bytes(prefix[1:], "big")
    if prefix[0] != 0xCE or length > max_frame + 4096:
        raise ValueError(f"no umbel broker: a frame begins with {prefix.hex()}")
    return length

def decode(body):
    """The frame in `body`; of an extension, which is skipped, only its type."""
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=max(len(body), 1))
    unpacker.feed(body)
    try:
        length = unpacker.read_array_header()
        frame = [unpacker.unpack()]
        if uint(64)(frame[0]) and frame[0] >= 0x80:
            return frame
        frame += [unpacker.unpack() for _ in range(length - 1)]
    except Exception as error:
        raise ValueError(f"malformed frame: {error or type(error).__name__}") from None
    if unpacker.tell() != len(body) or type(frame[0]) is not int or not fits(frame):
        raise ValueError(f"no frame that a broker sends: type {frame[0]}")
    return frame

def encode(*frame):
    body = msgpack.packb(frame)
    return b"\xce" + len(body).to_bytes(4, "big") + body

def message_of(publish, info):
    _, _, stamp, topic, reply, headers, payload = publish[:7]
    session, uid = int.from_bytes(stamp[:4], "big"), int.from_bytes(stamp[4:], "big")
    return Message(topic, payload, reply, headers or {}, session, uid, info.get("retained"), info.get("age_ms"))

def pattern_of(filter):
    tokens = [{"*": "[^.]+", "**": ".+"}.get(token, re.escape(token)) for token in filter.split(".")]
    return re.compile(("(?![$])" if filter[0] == "*" else "") + "[.]".join(tokens), re.DOTALL)

def settle(future, result):
    if not future or future.done():
        return False
    (future.set_exception if isinstance(result, Exception) else future.set_result)(result)
    return True


class Client:
    """One session after the other. Assign on_... to hear of what happens, then call connect()."""

    def __init__(self, name, path=None, **hello):
        self.name, self.path, self.hello = name, path, hello  # hello: overflow=, will=
        self.on_state = lambda connected, why, unconfirmed: None  # unconfirmed: may or may not have arrived
        self.on_gap = lambda frames, bytes, reason: None  # messages for us were lost at this point
        self.on_hold = lambda on, session, name, topic: None  # who makes our publishing wait
        self.on_error = lambda error: None  # UmbelError, and nobody waits to be told
        self.session, self.uid, self.limits = 0, 0, {"max_frame": 0}  # session 0: not connected
        self._subs, self._numbers, self._tasks = {}, itertools.count(1), set()
        self._requests, self._waiting = {}, {}  # by number: for OK; by topic or token: for a reply or PONG
        self._unconfirmed = self._delay = 0  # messages; milliseconds before the next connection
        self._up, self._closing, self._writer, self._task = asyncio.Event(), False, None, None

    async def connect(self):
        self._task = asyncio.create_task(self._run())
        await self._up.wait()

    async def publish(self, topic, payload=b"", *, reply=None, headers=None, retain=False):
        """Waits for a connection and for room. That it arrived is for flush() to say."""
        if any(len(name.encode()) > 255 or not TOPIC.fullmatch(name) for name in (topic, reply) if name is not None):
            raise ValueError(f"no topic: {topic!r}, or no reply: {reply!r}")
        await self._up.wait()
        frame = encode(F.PUBLISH, int(retain), bytes(8), topic, reply, headers, payload)
        if len(frame) - 5 > self.limits["max_frame"]:
            raise ValueError(f"too long: {len(frame) - 5} bytes, max_frame is {self.limits['max_frame']}")
        self._writer.write(frame)
        self._unconfirmed += 1
        await self._writer.drain()

    async def subscribe(self, filter, handler, **options):
        """Returns when it is granted. `handler` is async and gets a Message. Options: group=, retained=, monitor=."""
        sub = types.SimpleNamespace(number=next(self._numbers), filter=filter, pattern=pattern_of(filter),
                                    handler=handler, options=options, done=asyncio.Future(), granted=False)
        self._subs[sub.number] = sub
        self._ask(F.SUBSCRIBE, sub, sub.done, filter, options)
        await sub.done
        return sub

    async def unsubscribe(self, sub):
        if self._writer:
            done = asyncio.Future()
            self._ask(F.UNSUBSCRIBE, sub, done)
            done.add_done_callback(lambda _: self._subs.pop(sub.number, None))
            await done
        else:
            del self._subs[sub.number]

    async def request(self, topic, payload=b"", *, headers=None, timeout=5):
        """The Message that comes in reply. Raises UmbelError, ConnectionError, TimeoutError."""
        async with asyncio.timeout(timeout):
            await self._up.wait()
            inbox = f"{self.limits['inbox']}.{next(self._numbers)}"
            done = self._waiting[inbox] = asyncio.Future()
            done.add_done_callback(lambda _: self._waiting.pop(inbox, None))
            await self.publish(topic, payload, reply=inbox, headers=headers)
            return await done

    async def flush(self):
        """All that was published before has been routed: [accepted, unmatched, refused]. Raises ConnectionError."""
        await self._up.wait()
        return await self._ping()

    async def close(self):
        """In order: what was published is routed, what is on its way is handled."""
        self._closing = True
        if self._up.is_set():
            await self._ping()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._writer.write(encode(F.GOAWAY, "done", 0))
            await self._task
        self._task.cancel()

    def _ask(self, what, sub, done, *more):
        if self._writer:
            number = next(self._numbers)
            self._requests[number] = sub, done
            self._writer.write(encode(what, number, sub.number, *more))

    def _ping(self):
        self._writer.write(encode(F.PING, token := next(self._numbers)))
        return self._waiting.setdefault(token, asyncio.Future())

    async def _run(self):
        pause = 0.01
        while not self._closing:
            try:
                reader, self._writer = await self._open()
                self._writer.write(encode(F.HELLO, 1, self.name, self.hello))
                for sub in self._subs.values():
                    self._ask(F.SUBSCRIBE, sub, sub.done, sub.filter, sub.options)
                while True:
                    length = body_length(await reader.readexactly(5), self.limits["max_frame"])
                    self._take(decode(await reader.readexactly(length)))
            except (OSError, ValueError, EOFError) as error:
                pause = 0.01 if self.session else min(2 * pause, 2)
                self._lost(error)
            await asyncio.sleep(self._delay / 1000 + pause * random.uniform(0.75, 1.25))

    async def _open(self):
        path, own = self.path or os.environ.get("UMBEL_SOCKET"), os.environ.get("XDG_RUNTIME_DIR")
        paths = [path] if path else [f"{own}/umbel/umbel.sock", "/run/umbel/umbel.sock"]
        try:
            return await asyncio.open_unix_connection(paths[0])
        except OSError:
            return await asyncio.open_unix_connection(paths[-1])

    def _lost(self, why):
        was, self.session, self._writer = self.session, 0, self._writer and self._writer.close()
        self._up.clear()
        ending = (done for sub, done in self._requests.values() if done is not sub.done)
        for done in [*self._waiting.values(), *ending]:
            settle(done, ConnectionError(f"connection lost: {why}"))
        for sub in self._subs.values():
            sub.granted = False
        unconfirmed, self._unconfirmed, self._requests, self._waiting = self._unconfirmed, 0, {}, {}
        if was:
            self.on_state(False, why, unconfirmed)

    def _take(self, frame):
        match frame:
            case [F.WELCOME, _, session, uid, limits, *_]:
                self.session, self.uid, self.limits, self._delay = session, uid, limits, 0
                self._writer.write(encode(F.SUBSCRIBE, next(self._numbers), 0, limits["inbox"] + ".*", {}))
                self._up.set()
                self.on_state(True, None, 0)
            case [F.PUBLISH, *_]:
                message = message_of(frame, {})
                error = message.headers.get("error")
                settle(self._waiting.get(message.topic), UmbelError(error, message.payload) if error else message)
                for sub in list(self._subs.values()):
                    if sub.granted and "group" not in sub.options and sub.pattern.fullmatch(message.topic):
                        self._call(sub, message)
            case [F.DELIVER, number, info, publish, *_] if number in self._subs:
                self._call(self._subs[number], message_of(publish, info or {}))
            case [F.OK, number, *_] if number in self._requests:
                sub, done = self._requests.pop(number)
                sub.granted = done is sub.done
                settle(done, None)
            case [F.ERROR, code, text, number, fatal, about, *_]:
                error = UmbelError(code, text, about)
                sub, done = self._requests.pop(number, (None, self._waiting.get(about)))
                for ended in list(self._subs.values()):  # 38: revoked
                    if ended is sub or code == 38 and ended.filter == about:
                        del self._subs[ended.number]
                if not settle(done, error):
                    self.on_error(error)
            case [F.PING, token, *_]:
                self._writer.write(encode(F.PONG, token))
            case [F.PONG, token, accepted, unmatched, refused, *_]:
                self._unconfirmed -= accepted + refused
                settle(self._waiting.pop(token, None), (accepted, unmatched, refused))
            case [F.GAP, *loss]:
                self.on_gap(*loss[:3])
            case [F.HOLD, *hold]:
                self.on_hold(*hold[:4])
            case [F.GOAWAY, _, delay, *_]:
                self._delay = delay
                self._up.clear()
                self._ping().add_done_callback(asyncio.Future.exception)

    def _call(self, sub, message):
        task = asyncio.create_task(sub.handler(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
