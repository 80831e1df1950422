# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The clients of test_model.py: sockets that one loop serves, and what each of them sent and saw.

A client notes; it does not judge, but for what is wrong whatever else happened. model_contract.py judges.
"""

import collections
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

from harness import binary
from model_contract import (CONNECTED, ENDED, EVICTED, OPEN, PLAIN, SYSTEM, VANISHED, WILL, Broken, Change, Message,
                            Subscription, Walk, unpack)
from wire import frame, pack

HELLO, WELCOME, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DELIVER, GAP, OK, ERROR, PING, PONG, GOAWAY, HOLD = range(1, 14)
BAD_FRAME, SLOW_CONSUMER, DENIED_CODE, LIMIT, NO_RESPONDER = 3, 10, 35, 36, 37
CHUNK = 1 << 18
CONNECTING = "connecting"
LONGEST_WILL = 4200  # bytes, of those that the test has
LAST = 1 << 60  # a will's number: behind all else


def publish_parts(flags, topic, reply, headers, payload, odd=0):
    """What stands before and behind the stamp of a PUBLISH body. `odd` chooses among encodings that are all allowed (F11,
    F12)."""
    head = {0: b"\x97\x03", 1: b"\xdc\x00\x07\x03", 2: b"\x98\xcc\x03", 3: b"\x97\x03"}[odd] + bytes([flags]) + b"\xc4\x08"
    text = topic.encode()
    title = b"\xda" + len(text).to_bytes(2, "big") + text if odd in (1, 3) else pack(topic)
    if odd == 3:
        content = b"\xc6" + len(payload).to_bytes(4, "big") + payload
    else:
        content = pack(payload)
    return head, title + pack(reply) + pack(headers) + content + (pack({"more": [1, None]}) if odd == 2 else b"")


class Loop:
    """Reads and writes for all clients that are not at rest."""

    def __init__(self):
        self.poll = select.epoll()
        self.by_fd = {}
        self.last_turn = time.monotonic()
        self.longest_rest = 0.0  # of the loop itself: for so long nobody was read

    def watch(self, client):
        fd = client.socket.fileno()
        wanted = (0 if client.paused or client.at_end else select.EPOLLIN) | (select.EPOLLOUT if client.queue else 0)
        if fd not in self.by_fd:
            self.by_fd[fd] = client
            self.poll.register(fd, wanted)
        elif wanted != client.watched:
            self.poll.modify(fd, wanted)
        client.watched = wanted

    def forget(self, client):
        if client.watched is not None:
            del self.by_fd[client.socket.fileno()]
            self.poll.unregister(client.socket.fileno())
            client.watched = None

    def turn(self, seconds=0.0):
        now = time.monotonic()
        self.longest_rest = max(self.longest_rest, now - self.last_turn)
        ready = [(self.by_fd[fd], what) for fd, what in self.poll.poll(seconds)]
        for client, what in sorted(ready, key=lambda one: not isinstance(one[0], Witness)):
            if client.watched is None:
                continue
            if what & select.EPOLLOUT:
                client.write()
            if what & ~select.EPOLLOUT and not client.paused and not client.at_end:
                client.read()
            if client.watched is not None:
                self.watch(client)
        self.last_turn = time.monotonic()


class Client:
    """One connection. `model` has: loop, messages, contract, uid, note(text), on_message(client, message)."""

    def __init__(self, model, path, name, asked="block", will=None):
        self.model = model
        self.name = name
        self.asked = asked
        self.policy = None
        self.state = CONNECTING
        self.session = None
        self.inbox = None
        self.will_parts = will  # (parts, topic, retain, empty)
        self.will = None
        self.paused = False
        self.at_end = False
        self.leaving = None  # "goodbye", "closed" or "bad_frame": it has sent its last
        self.stopping = False  # the broker said GOAWAY
        self.error = None  # the code of the fatal one
        self.reason = None  # what the broker told of its end
        self.said_goaway = False
        self.connected = None  # the broker's message
        self.gone_at = None
        self.watched = None
        self.buffer = bytearray()
        self.queue = collections.deque()
        self.queued_bytes = self.n_queued = self.n_written = 0
        self.n_messages = self.n_requests = self.n_pings = 0
        self.subs = {}  # as the walk along its stream sees them
        self.wanted = {}  # as it asked for, sub: Subscription
        self.pending = collections.deque()  # Changes without an answer
        self.pings = collections.deque()
        self.snapshot = None
        self.seasoned = False  # it was there when the epoch began
        self.paused_since = None
        self.begin_epoch()
        self.pid = os.getpid()
        self.connect(path)
        self.socket.setblocking(False)
        self.send([HELLO, 1, name, {"overflow": asked, **self.will_option()}])

    def __repr__(self):
        return f"{self.name}#{self.session}"

    def connect(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def rested(self):
        """The longest time in this epoch in which it did not read, seconds."""
        return self.longest_pause

    def will_option(self):
        if self.will_parts is None:
            return {}
        (head, tail), *_ = self.will_parts
        return {"will": head + bytes(8) + tail}

    def begin_epoch(self):
        self.events = []
        self.sent = []
        self.mail = []  # messages to its inbox
        self.not_answered = collections.Counter()
        self.n_accepted = self.n_refused = 0
        self.longest_pause = 0.0
        self.groups_joined = {(one.group, one.filter) for one in self.wanted.values() if one.group is not None}
        self.groups_left = set()
        self.held_by_socket = []

    @property
    def was_cut_off(self):
        """Not all that it sent was read. One that has vanished does not know it."""
        return self.state == EVICTED or self.reason == "evicted"

    @property
    def complete(self):
        """All that came for it has been read."""
        if self.state == EVICTED:
            return self.at_end and self.error is not None
        return self.state == OPEN or (self.state == ENDED and self.at_end)

    # writing

    def send(self, *items):
        data = b"".join(item if isinstance(item, (bytes, bytearray)) else frame(item) for item in items)
        self.n_queued += len(data)
        if self.at_end:
            return
        self.queue.append(memoryview(data))
        self.queued_bytes += len(data)
        self.write()
        self.model.loop.watch(self)

    def write(self):
        while self.queue:
            try:
                n = self.socket.send(self.queue[0])
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self.queue.clear()
                self.queued_bytes = 0
                return
            self.n_written += n
            self.queued_bytes -= n
            if n == len(self.queue[0]):
                self.queue.popleft()
            else:
                self.queue[0] = self.queue[0][n:]
        if self.leaving == "closed":
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def stamp(self):
        return self.session.to_bytes(4, "big") + self.model.uid.to_bytes(4, "big")

    def message(self, kind, topic, payload=b"", reply=None, retain=False, odd=0):
        """A message of its own, and the frame to send it with."""
        number = self.n_messages
        self.n_messages += 1
        head, tail = publish_parts(int(retain), topic, reply, {"n": number}, payload, odd)
        message = Message(head + self.stamp() + tail, topic, self, number, kind, reply, retain, not payload)
        self.model.messages[message.body] = message
        self.sent.append(message)
        return message, frame(head + bytes(8) + tail)

    def publish(self, *messages):
        """In one write."""
        end = self.n_queued
        for message, data in messages:
            end += len(data)
            message.end = end
        self.send(b"".join(data for _, data in messages))

    def change(self, sub, subscription=None, answer=0):
        """SUBSCRIBE or, without a subscription, UNSUBSCRIBE, between two messages that tell where it was."""
        self.n_requests += 1
        if subscription is None:
            tree = [UNSUBSCRIBE, self.n_requests, sub]
        else:
            options = {"group": subscription.group} if subscription.group is not None else {}
            for option in ("monitor", "retained"):
                if getattr(subscription, option):
                    options[option] = True
            tree = [SUBSCRIBE, self.n_requests, sub, subscription.filter, options]
        change = Change(self.n_requests, sub, subscription, answer)
        if not answer:
            self.want(sub, subscription)
        self.pending.append(change)
        if self.state == CONNECTING:
            self.send(tree)
            return
        (before, first), (after, last) = (self.message(PLAIN, f"at.{self.name}") for _ in range(2))
        change.before, change.after = before, after
        middle = frame(tree)
        before.end = self.n_queued + len(first)
        after.end = before.end + len(middle) + len(last)
        self.send(first + middle + last)

    def want(self, sub, subscription):
        if subscription is not None:
            self.wanted[sub] = subscription
            if subscription.group is not None:
                self.groups_joined.add((subscription.group, subscription.filter))
            return
        old = self.wanted.pop(sub)
        if old.group is not None:
            self.groups_left.add((old.group, old.filter))

    def ping(self):
        self.n_pings += 1
        self.pings.append(self.n_pings)
        self.send([PING, self.n_pings])

    # being slow, and leaving

    def pause(self):
        self.paused, self.paused_since = True, time.monotonic()
        self.model.loop.watch(self)

    def resume(self):
        if self.paused:
            self.paused = False
            self.longest_pause = max(self.longest_pause, time.monotonic() - self.paused_since)
            if not self.at_end:
                self.model.loop.watch(self)

    def leave(self, how):
        """It sends its last, and reads to the end."""
        self.leaving = how
        if how == "goodbye":
            self.send([GOAWAY, "done", 0])
        elif how == "bad_frame":
            self.send([PUBLISH, "flags"])
        self.write()

    def bytes_in_socket(self):
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, bytes(4)))[0]

    def vanish(self):
        """It closes its socket without reading what is in it."""
        unread = self.bytes_in_socket()
        data = self.buffer + (self.socket.recv(unread, socket.MSG_PEEK) if unread else b"")
        at = 0
        while len(data) - at >= 5:
            end = at + 5 + int.from_bytes(data[at + 1:at + 5], "big")
            if data[at + 5:at + 7] == b"\x94\x06":  # of one that is not whole more cannot be told, and it matters not
                rest = bytes(data[unpack(data, unpack(data, at + 7)[1])[1]:end])
                self.held_by_socket.append(self.model.messages.get(rest))
            at = end
        self.state = VANISHED
        self.queue.clear()
        self.queued_bytes = 0
        self.model.loop.forget(self)
        self.socket.close()
        self.at_end = True

    # reading

    def read(self):
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.end()
            return
        buffer = self.buffer
        buffer += data
        at, n = 0, len(buffer)
        while n - at >= 5:
            if buffer[at] != 0xCE:
                raise Broken(f"{self}: no frame begins with {bytes(buffer[at:at + 20]).hex()}", self)
            end = at + 5 + int.from_bytes(buffer[at + 1:at + 5], "big")
            if end > n:
                break
            self.on_frame(bytes(buffer[at + 5:end]))
            at = end
        del buffer[:at]

    def end(self):
        if self.buffer:
            if not self.model.torn:
                raise Broken(f"{self}: its stream ends inside a frame", self)
        if self.state == CONNECTING and not self.model.torn and not self.stopping:
            raise Broken(f"{self}: the end of its stream before it was welcomed", self)
        self.at_end = True
        self.state = EVICTED if self.error == SLOW_CONSUMER else ENDED
        if self.leaving is None and self.error is None and not self.stopping and not self.model.torn and \
                self.rested() < 3:
            raise Broken(f"{self}: the end of its stream, and no word of it before", self)
        if self.leaving == "bad_frame" and self.error not in (BAD_FRAME, SLOW_CONSUMER) and not self.model.torn:
            raise Broken(f"{self}: sent a bad frame, and got error {self.error} and the end", self)
        self.queue.clear()
        self.queued_bytes = 0
        self.model.loop.forget(self)
        self.socket.close()

    def on_frame(self, body):
        message = self.model.messages.get(body)
        if message is not None and self.snapshot is None:
            self.on_message(message)
            return
        kind, at = unpack(body, {0xDC: 3, 0xDD: 5}.get(body[0], 1))
        if self.snapshot is not None and kind != DELIVER:
            raise Broken(f"{self}: behind OK to request {self.snapshot[0].request} {self.snapshot[1]} values have still to come, "
                         f"and a frame of type {kind} came", self)
        if kind == DELIVER:
            sub, at = unpack(body, at)
            info, at = unpack(body, at)
            self.on_deliver(sub, info, body[at:])
        elif kind == PUBLISH:
            self.on_unknown_message(body)
        else:
            tree, _ = unpack(body)
            if kind not in HANDLERS:
                raise Broken(f"{self}: a frame that has no business here: {tree!r:.300}", self)
            getattr(self, HANDLERS[kind])(*tree[1:])

    def on_message(self, message):
        self.events.append((Walk.on_message, message))
        self.model.on_message(self, message)

    def on_unknown_message(self, body):
        tree, _ = unpack(body)
        if int.from_bytes(tree[2][:4], "big") != 0:
            raise Broken(f"{self}: a message that nobody sent: {tree!r:.300}", self, tree[3])
        self.events.append((Walk.on_system_message, body))

    def on_deliver(self, sub, info, body):
        message = self.model.messages.get(body)
        if info is None:
            if message is None:
                raise Broken(f"{self}: a DELIVER for {sub} of a message that nobody sent: {body!r:.300}", self)
            self.events.append((Walk.on_delivered, sub, message))
            self.model.on_message(self, message)
            return
        if self.snapshot is None or info.get("retained") is not True or not 0 <= info["age_ms"] < 3.6e6:
            raise Broken(f"{self}: a DELIVER for {sub} with {info} that nobody asked for: {body!r:.300}", self)
        change, left = self.snapshot
        if sub != change.sub:
            raise Broken(f"{self}: a value of sub {sub} behind the OK of sub {change.sub}", self)
        if message is None:
            tree, _ = unpack(body)
            if tree[3] != CONNECTED:
                raise Broken(f"{self}: a value that nobody sent: {tree!r:.300}", self, tree[3])
            message = unpack(tree[6])[0]["session"]
        change.snapshot.append(message)
        self.snapshot = (change, left - 1) if left > 1 else None

    def on_welcome(self, version, session, uid, limits, *_):
        if version != 1 or uid != self.model.uid:
            raise Broken(f"{self}: welcomed with version {version}, uid {uid}", self)
        self.session, self.policy, self.inbox = session, limits["overflow"], limits["inbox"]
        self.model.on_welcome(self)
        if self.will_parts is not None:
            (head, tail), topic, retain, empty = self.will_parts
            self.will = Message(head + self.stamp() + tail, topic, self, LAST, WILL, None, retain, empty)
            self.model.messages[self.will.body] = self.will
        self.change(0, Subscription(0, self.inbox + ".**"))

    def on_ok(self, request, n=None, *_):
        change = self.answered(request, 0)
        if (n is not None) != bool(change.subscription and change.subscription.retained):
            raise Broken(f"{self}: OK to request {request} with n {n}", self)
        if n is not None:
            change.snapshot = []
            self.snapshot = (change, n) if n else None
        self.events.append((Walk.on_change, change))
        if self.state == CONNECTING:
            self.state = OPEN

    def answered(self, request, code):
        if not self.pending or self.pending[0].request != request or self.pending[0].answer != code:
            waiting = [(one.request, one.answer) for one in self.pending][:5]
            raise Broken(f"{self}: {code or 'OK'} to request {request}; waited for {waiting}", self)
        return self.pending.popleft()

    def on_error(self, code, text, request, fatal, about, *_):
        if fatal:
            self.error = code
            wanted = (BAD_FRAME, SLOW_CONSUMER) if self.leaving == "bad_frame" else (SLOW_CONSUMER,)
            if code not in wanted:
                raise Broken(f"{self}: fatal error {code}, {text}", self)
            self.resume()
            self.model.note(f"{self} gets the fatal error {code}: {text}")
            if code == SLOW_CONSUMER:
                self.model.on_evicted(self, text)
        elif request:
            self.answered(request, code)
        elif code == NO_RESPONDER:
            self.not_answered[about] += 1
        elif code not in (DENIED_CODE, LIMIT):
            raise Broken(f"{self}: error {code}, {text}, about {about}", self)

    def on_pong(self, token, accepted, unmatched, refused, *_):
        if not self.pings or self.pings.popleft() != token:
            raise Broken(f"{self}: PONG {token}, and not one of {list(self.pings)[:5]} or what was asked before", self)
        self.n_accepted += accepted
        self.n_refused += refused

    def on_gap(self, frames, size, reason, *_):
        self.model.note(f"{self} gets GAP {frames} frames, {size} bytes, {reason}")
        self.model.counts["GAPs"] += 1
        self.model.counts["lost"] += frames
        self.events.append((Walk.on_gap, frames, size))

    def on_goaway(self, *_):
        if not self.model.terminating:
            raise Broken(f"{self}: GOAWAY, and nobody told the broker to stop", self)
        self.stopping = True
        if self.leaving is None:
            self.ping()

    def on_ping(self, token, *_):
        """Behind its GOAWAY the broker asks who has read that."""
        if not self.stopping:
            raise Broken(f"{self}: PING {token}, and no GOAWAY before it", self)
        if self.leaving is None:
            self.send([PONG, token])

    def on_hold(self, on, *_):
        self.model.counts["holds"] += bool(on)


HANDLERS = {WELCOME: "on_welcome", OK: "on_ok", ERROR: "on_error", PING: "on_ping", PONG: "on_pong", GAP: "on_gap",
            GOAWAY: "on_goaway", HOLD: "on_hold"}


class Process(Client):
    """A process of its own has the connection (carrier.c): to rest it is stopped, and then writes nothing either."""

    processes = set()

    def connect(self, path):
        self.socket, its = socket.socketpair()
        with its, tempfile.TemporaryFile() as file:
            file.truncate(16)
            self.turns = mmap.mmap(file.fileno(), 16)
            self.process = subprocess.Popen([binary("system/carrier"), path], stdin=its, stdout=file)
        self.pid = self.process.pid
        self.processes.add(self.process)
        if not self.socket.recv(1):
            raise Broken(f"{self}: it could not connect", self)

    def begin_epoch(self):
        super().begin_epoch()
        if self.seasoned:
            self.turns[8:16] = bytes(8)

    def rested(self):
        last, longest = struct.unpack("=2q", self.turns)
        return max(self.longest_pause, longest / 1e9, time.monotonic() - last / 1e9)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.model.counts["stops"] += 1
        super().pause()

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
        super().resume()

    def end(self):
        super().end()
        self.processes.discard(self.process)
        self.process.wait(60)

    @classmethod
    def end_all(cls):
        for one in cls.processes:
            one.kill()
            one.wait()


class Witness(Client):
    """Sees all that has a place in the timeline, in its order."""

    def __init__(self, model, path):
        self.by_session = {}
        super().__init__(model, path, "witness")

    def on_welcome(self, version, session, uid, limits, *_):
        self.model.uid = uid
        self.session, self.policy, self.inbox = session, limits["overflow"], limits["inbox"]
        self.change(1, Subscription(1, "**", monitor=True))
        self.change(2, Subscription(2, "$SYS.client.*", monitor=True))

    def on_ok(self, request, *_):
        self.answered(request, 0)
        if not self.pending:
            self.state = OPEN

    def on_message(self, message):
        self.model.contract.append(message)

    def on_unknown_message(self, body):
        tree, _ = unpack(body)
        _, flags, stamp, topic, reply, headers, payload = tree[:7]
        if stamp != bytes(4) + self.model.uid.to_bytes(4, "big") or headers != {"content-type": "msgpack"} or flags or reply:
            raise Broken(f"a message that nobody sent: {tree!r:.300}", topic)
        fields, _ = unpack(payload)
        message = Message(body, topic, None, fields.get("session"), SYSTEM)
        self.model.contract.append(message)
        self.model.on_system_message(message, fields)

    def on_error(self, code, text, *_):
        self.model.on_witness_lost(f"error {code}, {text}")

    def on_gap(self, frames, size, reason, *_):
        could_not_wait = size <= frames * LONGEST_WILL  # wills and news; all else waits for the witness
        self.model.on_witness_lost(f"GAP of {frames} frames, {size} bytes, {reason}", could_not_wait)

    def on_goaway(self, *_):
        self.model.contract.stopped_at = len(self.model.contract.timeline)
        super().on_goaway()

    def read(self):
        """More than the others at once, so that it does not hold them up for long."""
        for _ in range(8):
            if self.watched is not None:
                super().read()
