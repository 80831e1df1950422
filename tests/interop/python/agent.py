# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the tests make umbel.py do: ../interop.py has the language of stdin and stdout.

usage: agent.py NAME [OVERFLOW] | agent.py --decode
"""

import asyncio
import json
import sys
from urllib.parse import unquote

import umbel


def say(*words):
    print(*words, flush=True)


def write_header(value):
    if value is None:
        return "~"
    if isinstance(value, bool):
        return f"!{value:d}"
    if isinstance(value, (int, float)):
        return f"{'#' if isinstance(value, int) else '%'}{value}"
    return "$" + value.encode().hex() if isinstance(value, str) else "@" + value.hex()


def read_header(word):
    kind, rest = word[0], word[1:]
    return {"~": lambda: None, "!": lambda: rest == "1", "#": lambda: int(rest), "%": lambda: float(rest),
            "$": lambda: bytes.fromhex(rest).decode(), "@": lambda: bytes.fromhex(rest)}[kind]()


def write_headers(headers):
    return ",".join(f"{key}={write_header(headers[key])}" for key in sorted(headers)) or "-"


def read_headers(word):
    pairs = [] if word == "-" else [pair.split("=", 1) for pair in word.split(",")]
    return {unquote(key): read_header(value) for key, value in pairs} or None


def read_options(words):
    return {name: unquote(value) if is_text else True for name, is_text, value in (word.partition("=") for word in words)}


def will_of(topic, payload, *retain):
    return umbel.encode(umbel.F.PUBLISH, len(retain), bytes(8), topic, None, None, bytes.fromhex(payload))[5:]


class Agent:
    def __init__(self, name, overflow="block"):
        self.client = client = umbel.Client(name, overflow=overflow)
        self.subs = {}
        client.on_state = lambda up, why, unconfirmed: say("up") if up else say("down", unconfirmed)
        client.on_gap = lambda frames, size, reason: say("gap", frames)
        client.on_hold = lambda on, session, name, topic: say("hold", int(on), name, topic)
        client.on_error = lambda error: say("error", error.args[0], error.args[2])

    async def sub(self, key, filter, *options):
        async def on_message(message):
            say("msg", key, message.topic, message.payload.hex() or "-", write_headers(message.headers))
        self.subs[key] = await self.client.subscribe(unquote(filter), on_message, **read_options(options))

    async def unsub(self, key, which):
        await self.client.unsubscribe(self.subs.pop(which))

    async def serve(self, key, filter, group):
        async def on_message(message):
            say("asked", key)
            await self.client.publish(message.reply, message.payload[::-1], headers=message.headers)
        await self.client.subscribe(filter, on_message, group=group.removeprefix("group="))

    async def relay(self, key, filter):
        async def on_message(message):
            say("ok", "relayed", (await self.client.request(key, message.payload)).payload.hex())
        await self.client.subscribe(filter, on_message)

    async def pub(self, key, topic, payload, headers, *options):
        payload = b"" if payload == "-" else bytes.fromhex(payload)
        await self.client.publish(unquote(topic), payload, headers=read_headers(headers), **read_options(options))
        return await self.client.flush()

    async def hello(self, key, name, *options):
        options = read_options(options)
        if "will" in options:
            options["will"] = will_of(*options["will"].split(","))
        other = umbel.Client(unquote(name), **options)
        await other.connect()
        await other.close()

    async def burst(self, key, topic, count, size):
        for number in range(int(count)):
            await self.client.publish(topic, number.to_bytes(4, "big").ljust(int(size), b"x"))
        return await self.client.flush()

    async def req(self, key, topic, payload, headers):
        message = await self.client.request(topic, bytes.fromhex(payload), headers=read_headers(headers))
        return message.payload.hex(), write_headers(message.headers)

    async def do(self, verb, key, *words):
        try:
            say("ok", key, *(await getattr(self, verb)(key, *words) or ()))
        except (umbel.UmbelError, OSError, ValueError) as error:
            say("failed", key, error.args[0] if isinstance(error, umbel.UmbelError) else type(error).__name__)

    async def run(self):
        reader = asyncio.StreamReader(limit=1 << 24)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await self.client.connect()
        tasks = set()
        while line := (await reader.readline()).decode().rstrip("\n"):
            tasks.add(asyncio.create_task(self.do(*line.split(" "))))
        await self.client.close()


def plain(value):
    """The tree as the vectors write it."""
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, dict):
        return {"map": [[plain(key), plain(item)] for key, item in value.items()]}
    return [plain(item) for item in value] if isinstance(value, list) else value


def decode_lines():
    for line in sys.stdin:
        data = bytes.fromhex(line)
        try:
            length = umbel.body_length(data[:5])
            if len(data) != 5 + length:
                raise ValueError("another length than it says")
            say(json.dumps(plain(umbel.decode(data[5:]))))
        except ValueError as error:
            say("refused", error)


if sys.argv[1] == "--decode":
    decode_lines()
else:
    async def main():
        await Agent(*sys.argv[1:]).run()
    asyncio.run(main())
