#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What a fuzz target begins with when its corpus is made anew: the golden
frames of proto/vectors, and what else its input is made of.

usage: seeds.py TARGET FOLDER
"""

import json
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MOST = 3000  # bytes; longer ones only slow it down


def frame_of(vector):
    parts = vector["frame"]
    parts = [parts] if isinstance(parts, str) else parts
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str)
        else bytes.fromhex(part["repeat"]) * part["times"] for part in parts)


def vectors(*ways):
    for path in sorted((SOURCE / "proto" / "vectors").glob("*.json")):
        vector = json.loads(path.read_text())
        frame = frame_of(vector)
        if len(frame) <= MOST and (not ways or vector["way"] in ways):
            yield path.stem, frame


def bodies(*ways):
    for name, frame in vectors(*ways):
        yield name, frame[5:]


def publishes():
    for name, body in bodies():
        if body[1:2] == b"\x03" or body[:1] in b"\xdc\xdd":
            yield name, bytes([min(5, len(body))]) + body + body[-5:]


def frames():
    for name, frame in vectors():
        for how in range(4):
            chunks = b"".join(
                b"\0" + bytes([len(frame[i:i + 250])]) + frame[i:i + 250]
                for i in range(0, len(frame), 250))
            yield f"{name}-{how}", bytes([how]) + chunks * 2
    for how in range(4):
        yield f"large-{how}", bytes([how]) + bytes.fromhex(
            "04 03ffff 02 20 04 04b000 03 ffff 02 00 04 04afff 04 04b001")


def topics():
    yield "simple", b"+a.b\n+a.*\n+**\n+*\n+a.b.c.**\na.b\na.b.c.d\n-\0\na.b\n$a"
    yield "splits", b"+a.b.c.d\n+a.b.x\n+a.b\n+a.*.c\n+a.*.c.**\na.b.c.d\na.b.c"
    yield "dollar", b"+$sys.**\n+**\n+*.*\n$sys.a\n$sys\na.$sys"
    yield "wrong", "+a..b\n+a**\n+**.a\na b\na\u0085\n\u00e9.\u3000\n".encode()
    for name, body in bodies("to_broker"):
        if "topic" in name or "filter" in name:
            text = body[14:] if body[1:2] == b"\x03" else body[4:]
            yield name, b"+" + text + b"\n" + text


def step(who, what, *rest, part=False):
    return bytes([who | what << 2 | part << 7, *rest])


def sessions():
    hello, subscribe, unsubscribe, publish, large, ping = range(6)
    body, raw, goaway, read, read_all, leave, shut, drain, settle, time = \
        range(6, 16)
    both = step(0, hello, 0) + step(1, hello, 0)
    pair = both + step(1, subscribe, 0, 0)
    talk = pair + step(0, publish, 0, 9) + step(0, ping, 0)
    stuck = pair + step(0, large, 3, 255, 255) * 6
    yield "talk", talk + step(1, read_all)
    yield "parts", step(0, hello, 0, 7, part=True) + talk
    yield "held", stuck + step(0, time, 1, 0) + step(1, read_all)
    yield "evicted", stuck + step(0, time, 9, 0) * 3 + step(1, read_all)
    yield "left", stuck + step(1, leave) + step(0, read_all)
    yield "shut", stuck + step(0, shut, 1) + step(1, shut, 0) + step(0, goaway)
    yield "drained", talk + step(0, drain, 0) + step(0, ping, 0)
    yield "settling", both + step(2, settle) + talk + step(0, time, 4, 0)
    yield "unsubscribed", stuck + step(1, unsubscribe, 0) + step(1, read, 9, 9)
    yield "denied", both + step(0, publish, 4, 1) * 3 + step(0, time, 4, 0)
    for how in range(25):
        yield f"options-{how}", (step(0, hello, how) + step(1, hello, 0) +
                                 step(0, subscribe, how, how % 9) +
                                 step(1, publish, how, 1) + step(0, read_all))
    for name, frame in vectors("to_broker", "both"):
        if len(frame) < 255:
            yield f"body-{name}", pair + step(0, body, 0, max(0, len(frame) - 5)) + \
                frame[5:] + step(1, read_all)
            yield f"raw-{name}", pair + step(1, raw, 0, len(frame)) + frame


def clients():
    begin = bytes([8, 7, 0, 7, 8, 7, 70, 9, 0])
    ok = b"".join(bytes([0, 3, 0x92, 8, n]) for n in (1, 2, 3))
    for name, frame in vectors("to_client", "both"):
        size = max(0, len(frame) - 5)
        if size < 256:
            piece = bytes([0, size]) + frame[5:]
        else:
            piece = bytes([2, *size.to_bytes(2, "big")]) + frame[5:]
        yield name, begin + ok + piece * 2 + b"\x09\x02\x09\x03"
        yield f"first-{name}", b"\0" + piece
        yield f"back-{name}", begin + b"\x08\x07" + piece + b"\5\6\4" + piece
    for name, body in bodies("to_broker"):
        if body[1:2] == b"\x03" and len(body) < 256:
            yield f"publish-{name}", begin + bytes([16, len(body)]) + body


def gateways():
    send, shut, leave, read, time, publish, answer, drain = range(8)

    def said(text, who=0):
        data = text.replace("\n", "\r\n").encode("latin-1")
        return b"".join(step(who, send, len(data[i:i + 250])) + data[i:i + 250] for i in range(0, len(data), 250))
    post = "POST /topics/a HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello"
    events = said("GET /subscribe?filter=*&filter=a.**&retained=1 HTTP/1.1\nHost: x\n\n", 1)
    ask = said("POST /requests/ask?timeout=3 HTTP/1.1\nHost: x\nContent-Length: 1\n\n?")
    yield "events", events + said(post) + step(1, read, 9) + step(0, publish, 9) + step(1, read, 9)
    yield "stalled", events + step(0, publish, 255) * 12 + step(0, time, 3) + step(1, read, 255) * 9
    yield "group", said("GET /subscribe?filter=a&group=g&overflow=drop-oldest HTTP/1.0\n\n") + step(0, publish, 255) * 9
    yield "ask", ask + step(0, answer) + step(0, read, 9) + ask + step(0, leave) + step(0, answer)
    yield "drained", events + ask + step(0, drain) + step(0, answer) + step(1, read, 9)
    yield "ahead", said(post + "GET /topics HTTP/1.1\nHost: x\n\n" + post) + step(0, shut) + step(0, read, 9)
    yield "kept", said(post.replace("/a", "/a?retain=1") + "GET /topics/a HTTP/1.1\nHost: x\nAccept: text/html\n\n") + step(0, read, 9)
    yield "late", said(post[:-2]) + said("GET / HT", 1) + step(2, time, 31)
    for chunks in ("5;x\nhello\n0\nA: b\n\n", "zz\n", "ffffffffff\nhello", "2\nhel"):
        yield f"chunks-{len(chunks)}", said("POST /topics/a HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n" + chunks) + step(0, read, 9)
    for number, line in enumerate((
            "GET /", "HEAD /metrics?", "GET /sessions?uid=0&session=1", "GET /subscriptions?filter=a", "GET /topics?filter=%2a%2a",
            "GET /healthz", "PUT /topics/a", "GET http://x/topics/%61", "POST /requests/$SYS.broker.info", "OPTIONS *")):
        yield f"line-{number}", said(line + " HTTP/1.1\nHost: x\nUser-Agent: x/1\nConnection: keep-alive, close\n\n") + step(0, read, 9)
        yield f"body-{number}", said(line + " HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 9\n\n") + said("a=b&c=%zz") + step(0, read, 9)


def configs():
    example = (SOURCE / "docs" / "umbeld.yaml").read_text()
    plain = "\n".join(line.partition("  #")[0].rstrip() for line in example.splitlines() if line.strip()[:1] not in ("#", ""))
    yield "example", plain.encode()
    sections, part = [], []
    for line in plain.splitlines():
        if line[:1] not in " -":
            part = []
            sections.append(part)
        part.append(line)
    for number, part in enumerate(sections):
        yield f"section-{number}", "\n".join(part).encode()
        for line in part[1:]:
            if line.strip():
                yield f"line-{number}-{part.index(line)}", f"{part[0]}\n{line}\n".encode()
    for number, text in enumerate((
            "", "acl: []", "acl:", "limits: {}", "sockets: []", "- a", "a: b", "log-level: loud", "limits: 5", "limits: {frame-ms: -1}",
            "limits: {memory-max: 99999999999G}", "limits: {frame-ms: 1, frame-ms: 2}", "acl: [{allow: [fly], who: [everyone]}]",
            "acl: [{allow: [publish], deny: [hold], who: [everyone]}]", "acl: [{allow: [publish], who: [nobody else], topics: [a]}]",
            "acl: [{allow: [publish], who: [uid 7-3], topics: ['**.a']}]", "acl: [{allow: [hold], who: [role none]}]",
            "acl: [{allow: [publish], who: [everyone], topics: [*]}]", "sockets: [{path: /a, mode: 9}]",
            "sockets: [{path: /a, role: r}, {path: /a, role: r}]", "sockets: [{mode: 0600}]", "a: &x 1\nb: *x", "--- {}\n--- {}",
            "a: !!str 5", "? [a]\n: b", "{a: [" * 12, "\tlimits:", "limits: {settle-ms: 'a\0b'}", "sockets: [{path: 'a\n\n  b'}]",
            "%YAML 1.1\n---\nlog-level: debug\n...", "log-level: |\n  info\n")):
        yield f"small-{number}", text.encode()


def datagrams():
    for name, frame in vectors():
        yield f"frame-{name}", b"\0" + frame
        yield f"short-{name}", b"\xc8" + frame
    for number, text in enumerate((b"a.b payload", b"a.b\tpayload\n", b"a.b\n", b"a.b", b"a b\n\n", b"a..b x", b"", b"\n", b" a", b"*.a x",
                                   b"$SYS.x y", "\u00e9.\u20ac x".encode(), b"a" * 255 + b" x", b"a" * 256 + b" x", b"\xce a",
                                   b"a " + bytes(300), b"\xce\0\0\0\0", b"\xce\0")):
        yield f"text-{number}", b"\0" + text
        yield f"short-text-{number}", b"\x80" + text


def acls():
    everyone, uids, group, role = range(4)
    publish, subscribe, retain, reply, hold, introspect = (2 << n for n in range(6))
    deny, a, star, stars = 1, 0, 160, 224

    def rule(how, who, *topics):
        return bytes([how, len(who) | len(topics) << 4]) + b"".join(map(bytes, who)) + \
            b"".join(bytes([len(topic) - 1, *topic]) for topic in topics)

    def world(rules, people, questions):
        return bytes([len(rules), len(people) - 1]) + b"".join(rules) + b"".join(map(bytes, people)) + b"".join(map(bytes, questions))

    asked = [(who, verb, 1, first, second) for who in range(3) for verb in range(3) for first in (a, 3, star) for second in (a, 1, stars)]
    asked += [(who, verb) for who in range(3) for verb in range(3, 6)]
    people = [(0, 0, 0), (1, 2, 1 | 8, 3), (2, 1, 4 | 16)]
    all_rules = {
        "allow": [rule(publish | subscribe, [[everyone, 0]], [a, stars])],
        "deny": [rule(subscribe, [[everyone, 0]], [stars]), rule(deny | subscribe, [[uids, 0, 1]], [a, 1])],
        "group": [rule(publish | subscribe, [[everyone, 0]], [star, stars]), rule(deny | publish, [[group, 3]], [a, a])],
        "role": [rule(hold | reply, [[role, 0, 0]]), rule(introspect | hold, [[role, 0, 1], [uids, 1, 2]])],
        "retain": [rule(retain | publish, [[uids, 0, 4]], [a, star], [3, stars]), rule(deny | retain, [[group, 255]], [stars])],
        "none": [],
    }
    for name, rules in all_rules.items():
        yield name, world(rules, people, asked)
    yield "together", world(sum(all_rules.values(), []), people, asked)


SEEDS = {
    "config": configs,
    "datagram": datagrams,
    "acl": acls,
    "cursor": bodies,
    "message": bodies,
    "publish": publishes,
    "frame": frames,
    "topic": topics,
    "session": sessions,
    "client": clients,
    "gateway": gateways,
}


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in SEEDS.get(target, lambda: [])():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
