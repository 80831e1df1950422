#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: timeout=120 full
"""Fifty clients do at random what clients do, and every delivery is held against the contract (model_contract.py).

    UMBEL_BIN_DIR=build/bin tests/system/test_model.py [--seed N] [--operations N] [--seconds N]

What is done follows from the seed alone; what comes of it also from how fast the machine is, and that is meant: messages
of all clients race each other, some are not read for a while, and the broker is stopped or killed in the middle. Every
few hundred operations there is a barrier, and all that was sent and received until then is checked.

Most are sockets of this process; some have a process of their own (carrier.c), which is stopped to make them slow.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import time

from harness import FULL, SANITIZED, Broker
from model_clients import CONNECTING, Client, Loop, Process, Witness, publish_parts
from model_contract import (CONNECTED, DENIED, ENDED, EVICTED, INBOX, OPEN, PLAIN, VANISHED, Broken, Contract, Subscription,
                            matches)

N_CLIENTS = 50
N_PROCESSES = 5  # of them, at most, are processes of their own
MARK = 65536
STALL = 1.0
FLAGS = ("--outbox-high", str(MARK), "--stall-ms", str(int(STALL * 1000)), "--retained-max", "12", "--hold-notice-ms", "20",
         "--settle-ms", "40", "--log-level", "error")
PATIENCE = 30.0 * (4 if SANITIZED else 1)
DISCONNECTED = "$SYS.client.disconnected"

TOPICS = ["a", "b", "a.x", "a.y", "b.x", "b.y", "a.x.1", "a.x.2", "a.y.1", "b.x.1", "ä.€.𝄞"]
RETAINED = [f"kept.{letter}" for letter in "abcdefghij"] + [f"kept.a.{n}" for n in range(6)]
REQUESTS = ["ask.a", "ask.b", "ask.c.d", "ask.nobody"]
FILTERS = TOPICS + ["*", "a.*", "b.*", "*.x", "a.**", "*.*.1", "a.x.*", "**", "ask.*", "ask.a", "ask.**", "kept.*", "kept.a.**"]
GROUP_FILTERS = ["a.x", "a.*", "b.**", "ask.a", "ask.*", "kept.*", "a.x.1"]
WRONG_FILTERS = ["", "a..b", "a.**.b", "a*", ".", "a b", "\u00a0"]
NOISE = random.Random(0).randbytes(1 << 20)


def has_socket(client):
    """It is seen what of its messages is in the kernel."""
    return not isinstance(client, Process)


class Model:
    def __init__(self, seed, path):
        self.random = random.Random(seed)
        self.whims = random.Random(seed)  # for what clients do when something comes: that is not in a certain order
        self.path = path
        self.uid = os.getuid()
        self.counts = collections.Counter()
        self.notes = collections.deque(maxlen=20000)
        self.n_operations = 0
        self.n_names = 0
        self.broker = None
        self.names_of_stallers = {}
        self.socket_size = 0  # what the kernel holds for one that does not read, nearly
        self.contract = Contract(12)
        self.replies = True
        self.start_broker()

    def note(self, text):
        self.notes.append(f"{self.n_operations}: {text}")

    # the broker, and who is connected to it

    def start_broker(self):
        self.loop = Loop()
        self.clients = []
        self.messages = {}  # body: Message
        self.names_of_stallers = {}
        self.torn = self.terminating = False
        self.witness_lost = None
        self.contract.forget_broker()
        self.broker = Broker(self.path, *FLAGS)
        self.witness = Witness(self, self.path)
        self.wait(lambda: self.witness.state == OPEN, "the witness to be welcomed")
        self.contract.connected = [self.witness.session]
        self.contract.begin_epoch()
        for _ in range(N_CLIENTS):
            self.connect()
        self.settle()

    def connect(self):
        self.n_names += 1
        name = f"c{self.n_names}"
        if self.names_of_stallers and self.random.random() < 0.3:
            name = self.random.choice(sorted(self.names_of_stallers))
        asked = self.random.choices(("block", "drop-oldest", "disconnect", "whatever"), (60, 25, 12, 3))[0]
        will = None
        if self.random.random() < 0.4:
            retain, topic = self.random.random() < 0.3, self.random.choice(RETAINED + TOPICS)
            payload = self.payload() if self.random.random() < 0.9 else b""
            parts = publish_parts(int(retain), topic, None, {"will": name, "n": self.n_names}, payload[:4000])
            will = (parts, topic, retain, not payload)
        processes = sum(isinstance(one, Process) for one in self.clients)
        kind = Process if processes < N_PROCESSES and self.random.random() < 0.3 else Client
        client = kind(self, self.path, name, asked, will)
        self.clients.append(client)
        self.note(f"{kind.__name__} {name} connects, asks for {asked}{', has a will on ' + will[1] if will else ''}")

    def on_welcome(self, client):
        self.note(f"{client} is welcomed, {client.policy}")
        since = self.names_of_stallers.get(client.name)
        granted = client.asked if client.asked in ("drop-oldest", "disconnect") else "block"
        if since is not None and time.monotonic() - since < 55:
            granted = "drop-oldest"
        elif since is not None and time.monotonic() - since < 65:
            granted = client.policy
        if client.policy != granted:
            raise Broken(f"{client}: asked for {client.asked}, got {client.policy} instead of {granted}", client)

    def on_evicted(self, client, text):
        self.counts["evictions"] += 1
        if client.policy == "block":
            rest = max(client.rested(), self.loop.longest_rest, time.monotonic() - self.loop.last_turn)
            if rest < 0.9 * STALL:
                raise Broken(f"{client}: evicted ({text}), and it never rested for longer than {rest:.2f} s", client)
            self.names_of_stallers[client.name] = time.monotonic()
        elif client.policy == "drop-oldest":
            raise Broken(f"{client}: evicted ({text}), and it had asked for drop-oldest", client)

    def on_witness_lost(self, text, can_be=False):
        """It was too slow, or what waits for nobody found its outbox twice full. That ends the broker, not the test."""
        self.note(f"the witness gets {text}")
        rest = max(self.loop.longest_rest, time.monotonic() - self.loop.last_turn)
        if rest < 0.9 * STALL and not can_be:
            raise Broken(f"the witness: {text}, and it never rested for longer than {rest:.2f} s")
        self.witness_lost = text

    def on_system_message(self, message, fields):
        if message.topic not in (CONNECTED, DISCONNECTED):
            message.number = None
            return
        client = next((one for one in self.clients
                       if (one.name, one.pid) == (fields["name"], fields["pid"]) and one.session in (None, fields["session"])
                       and one.connected is (None if message.topic == CONNECTED else one.connected)), None)
        if client is None or fields["uid"] != self.uid:
            if fields["name"] != "witness":
                raise Broken(f"{message.topic} of nobody: {fields}", fields["name"])
        elif message.topic == CONNECTED:
            client.connected = message
            client.session_told = fields["session"]
        else:
            if client.connected is None or client.gone_at is not None:
                raise Broken(f"{client}: {message.topic} without a connection, or twice", client)
            client.gone_at, client.reason = message.index, fields["reason"]
            self.note(f"{client} is gone, says the broker: {fields['reason']}")

    # what clients do with what they get

    def on_message(self, client, message):
        self.counts["deliveries"] += 1
        if message.reply is None or not self.replies or client.state != OPEN or client.leaving or client.stopping or \
                self.terminating or self.whims.random() < 0.3:
            return
        reply, data = client.message(INBOX, message.reply, NOISE[:self.whims.randint(0, 300)])
        reply.owner = message.sender
        message.sender.mail.append(reply)
        client.publish((reply, data))
        self.counts["replies"] += 1

    # waiting

    def wait(self, until, what, seconds=PATIENCE):
        limit = time.monotonic() + seconds
        while not until():
            if time.monotonic() > limit:
                waiting = [f"{one}: {one.state}, {len(one.queue)} to write, PINGs {list(one.pings)[:3]}, {len(one.pending)} "
                           f"without answer, leaving {one.leaving}, gone {one.reason}" for one in self.clients]
                raise Broken(f"waited for {what} too long\n  " + "\n  ".join(waiting))
            self.loop.turn(0.2)

    def settle(self):
        """A barrier: all that was sent is routed, and all that was routed is read."""
        before = None
        while before != self.progress():
            before = self.progress()
            for _ in range(2):
                for one in self.clients:
                    if one.state == OPEN and not one.leaving:
                        one.ping()
                self.wait(self.is_quiet, "PONGs, ends, wills and news of them")
        self.witness.ping()
        self.wait(lambda: not self.witness.pings or self.witness_lost, "the witness's PONG")

    def progress(self):
        return sum(one.n_messages for one in self.clients), [one.state for one in self.clients]

    def is_quiet(self):
        if self.witness_lost:
            return True
        for one in self.clients:
            if one.state == CONNECTING or one.queue:
                return False
            if one.state == OPEN and (one.pings or one.leaving or one.connected is None):
                return False
            if one.state != OPEN and (one.gone_at is None or (
                    one.will and one.will.index is None and one.reason != "goodbye")):
                return False
        return True

    def barrier(self):
        self.replies = False
        if self.random.random() < 0.05:
            limit = time.monotonic() + 1.5 * STALL
            self.note("those that rest go on resting")
            self.wait(lambda: time.monotonic() > limit, "the stall time")
        for client in self.clients:
            client.resume()
        self.settle()
        self.counts["barriers"] += 1
        if self.witness_lost:
            self.counts["times blind"] += 1
            if self.counts["times blind"] > 5 + self.counts["barriers"] / 10:
                raise Broken(f"the witness was lost {self.counts['times blind']} times, the last time by {self.witness_lost}")
            self.restart(self.broker.crash)
            return
        self.check()
        self.replies = True

    def check(self, torn=False, unsure_senders=()):
        self.name_ends()
        self.contract.check(self.clients, torn, unsure_senders)
        self.counts["messages"] += len(self.contract.timeline)
        self.contract.begin_epoch()
        self.clients = [one for one in self.clients if one.state == OPEN]
        self.messages = {one.body: one for one in self.contract.store.values()}
        for client in self.clients:
            client.seasoned = True
            client.begin_epoch()
            if client.will:
                self.messages[client.will.body] = client.will
        self.loop.longest_rest = 0.0
        self.loop.last_turn = time.monotonic()

    def name_ends(self):
        """How those that are gone have ended, as the broker says and as they know."""
        for one in self.clients:
            if one.state == OPEN or one.reason is None:
                continue
            wanted = {one.leaving, "evicted"} if one.state != VANISHED else {"closed", "evicted", one.leaving}
            wanted |= {"stopping"} if self.terminating else set()
            if one.state == EVICTED:
                wanted = {"evicted"}
            if one.reason not in wanted:
                raise Broken(f"{one}: {DISCONNECTED} with reason {one.reason}, and it ended by {wanted}", one)
            one.said_goaway |= one.reason == "goodbye"
            if one.reason == "evicted" and one.state != VANISHED:
                one.state = EVICTED

    # operations

    def payload(self):
        kind = self.random.random()
        most = 64 if kind < 0.7 else 1500 if kind < 0.95 else 20000 if kind < 0.99 else 200000
        n = self.random.randint(1, most)
        at = self.random.randrange(len(NOISE) - n)
        return NOISE[at:at + n]

    def some(self, test=lambda one: True):
        """A client that can do something."""
        those = [one for one in self.clients
                 if one.state == OPEN and not one.leaving and one.queued_bytes < 1 << 18 and test(one)]
        return self.random.choice(those) if those else None

    def operate(self):
        self.n_operations += 1
        if len(self.clients) < N_CLIENTS and self.random.random() < 0.05:
            self.connect()
            return
        operation = self.random.choices(OPERATIONS, WEIGHTS)[0]
        operation(self)
        self.counts[operation.__name__] += 1

    def publish(self):
        client = self.some()
        if client:
            topic = self.random.choice(TOPICS)
            self.note(f"{client} publishes {client.n_messages} on {topic}")
            client.publish(client.message(PLAIN, topic, self.payload(), odd=self.random.choice((0, 0, 0, 1, 2, 3))))

    def burst(self):
        client = self.some()
        if client:
            topics = self.random.sample(TOPICS, self.random.choice((1, 1, 2, 3)))
            n, payload = self.random.randint(2, 40), self.payload()[:4000]
            self.note(f"{client} publishes {n} from {client.n_messages} on {topics}, {len(payload)} bytes each")
            client.publish(*(client.message(PLAIN, topics[i % len(topics)], payload) for i in range(n)))

    def flood(self):
        """More than fits, for one that does not read."""
        resting = [one for one in self.clients if one.state == OPEN and one.paused and len(one.wanted) > 1]
        client = self.some()
        if not resting or not client:
            return
        target = self.random.choice(resting)
        filters = {one.filter for sub, one in target.wanted.items() if sub}
        topics = [topic for topic in TOPICS if any(matches(filter, topic) for filter in filters)]
        if self.random.random() < 0.2:
            self.flood_inbox(client, target)
        elif topics:
            topic = self.random.choice(topics)
            n, payload = self.random.randint(30, 60), NOISE[:self.random.randint(20000, 60000)]
            self.note(f"{client} floods {topic} for {target}, {n} from {client.n_messages}, {len(payload)} bytes each")
            client.publish(*(client.message(PLAIN, topic, payload) for _ in range(n)))

    def flood_inbox(self, client, target, n=60, size=40000):
        self.note(f"{client} floods the inbox of {target}, {n} from {client.n_messages}, {size} bytes each")
        mail = [client.message(INBOX, target.inbox + ".flood", NOISE[:size]) for _ in range(n)]
        for one, _ in mail:
            one.owner = target
            target.mail.append(one)
        client.publish(*mail)

    def retain(self):
        client = self.some()
        if client:
            topic = self.random.choice(RETAINED)
            payload = b"" if self.random.random() < 0.35 else self.payload()
            self.note(f"{client} {'keeps' if payload else 'clears'} {topic} with {client.n_messages}")
            client.publish(client.message(PLAIN, topic, payload, retain=True))

    def request(self):
        client = self.some()
        if client:
            topic = self.random.choice(REQUESTS)
            self.note(f"{client} asks {topic} with {client.n_messages}")
            client.publish(client.message(PLAIN, topic, self.payload()[:2000], f"{client.inbox}.r{client.n_messages}"))

    def publish_denied(self):
        client = self.some()
        if client:
            topic = self.random.choice(["$SYS.x", "$x", "$inbox.nobody.1.x", "$SYS.client.connected"])
            self.note(f"{client} publishes {client.n_messages} on {topic}")
            client.publish(client.message(DENIED, topic, b"x"))

    def subscribe(self):
        client = self.some(lambda one: len(one.wanted) < 6)
        if not client:
            return
        sub = self.random.randint(1, 12)
        filter = self.random.choice(FILTERS)
        options = {}
        kind = self.random.random()
        if kind < 0.3:
            options["retained"] = True
            filter = self.random.choice(["kept.*", "kept.**", "kept.a.*", "*.a", "kept.c", "$SYS.client.*", CONNECTED])
        elif kind < 0.6:
            options["group"] = self.random.choice("gh")
            filter = self.random.choice(GROUP_FILTERS)
        elif kind < 0.7:
            options["monitor"] = True
        elif kind < 0.72:
            filter = self.random.choice(["$SYS.client.*", "$SYS.**", "$SYS.client.disconnected"])
        subscription, answer = Subscription(sub, filter, **options), 33 if sub in client.wanted else 0
        if not answer and self.random.random() < 0.05:
            subscription, answer = Subscription(sub, self.random.choice(WRONG_FILTERS)), 32
        elif not answer and self.random.random() < 0.05:
            subscription, answer = Subscription(sub, "$inbox.*.x"), 35
        elif not answer and self.random.random() < 0.03:
            subscription, answer = Subscription(sub, "a", group="g", retained=True), 11
        self.note(f"{client} subscribes, {subscription}" + f", expects {answer}" * bool(answer))
        client.change(sub, subscription, answer)

    def unsubscribe(self):
        client = self.some(lambda one: len(one.wanted) > 1)
        if client:
            sub = self.random.choice([sub for sub in client.wanted if sub] + [13] * (self.random.random() < 0.1))
            self.note(f"{client} unsubscribes from {client.wanted.get(sub)}")
            client.change(sub, None, 0 if sub in client.wanted else 34)

    def rest(self):
        client = self.some(lambda one: not one.paused)
        if client and sum(one.paused for one in self.clients) < 8:
            self.note(f"{client} rests")
            client.pause()

    def resume(self):
        client = self.some(lambda one: one.paused)
        if client:
            self.note(f"{client} reads again")
            client.resume()

    def leave(self):
        client = self.some()
        if client:
            how = self.random.choices(("goodbye", "closed", "bad_frame"), (5, 3, 2))[0]
            self.note(f"{client} leaves: {how}")
            client.resume()
            client.leave(how)

    def vanish(self):
        client = self.some(has_socket)
        if client:
            self.note(f"{client} vanishes")
            client.resume()
            client.vanish()

    # scenes, which begin when all is quiet

    def pong(self, client):
        client.ping()
        self.wait(lambda: not client.pings or client.state != OPEN, f"{client}'s PONG")

    def scene(self):
        groups = [(key, members) for key, members in self.contract.groups.items()
                  if len({client for client, _ in members}) > 1]
        if groups and len(self.clients) > 10:
            self.random.choice((self.full_member, self.dying_member, self.turns))(*self.random.choice(groups))

    def topic_of(self, filter):
        return filter.replace("**", "x.1").replace("*", "x")

    def full_member(self, key, members):
        """Who is full is passed over."""
        target = self.random.choice([client for client, _ in members if client.policy != "disconnect" and has_socket(client)] or [None])
        others = [client for client, _ in members]
        client = self.some(lambda one: one not in others)
        if target is None or client is None or len(target.wanted) > 3:
            return
        target.pause()
        self.fill_socket(client, target, 16000)
        self.flood_inbox(client, target, 20)
        self.pong(client)
        self.note(f"{client} publishes 6 to {key}, from {client.n_messages}: not for {target}, which is full, but for {others}")
        messages = [client.message(PLAIN, self.topic_of(key[1]), NOISE[:50]) for _ in range(6)]
        for one, _ in messages:
            one.not_to = (target, key)
        client.publish(*messages)
        self.pong(client)
        self.counts["full members"] += 1


    def dying_member(self, key, members):
        """What waits in the outbox of one that dies goes to others."""
        others = [client for client, _ in members]
        target = self.some(lambda one: has_socket(one) and one not in others and one.policy != "disconnect" and len(one.wanted) < 3)
        client = self.some(lambda one: one not in others and one is not target)
        heir = self.some(lambda one: one not in (client, target))
        if None in (client, target, heir):
            return
        group = f"dying{self.n_operations}"
        target.pause()
        self.note(f"{target} is the only member of {group}, has no room in its socket, and vanishes; {heir} inherits")
        for one in (target, heir):
            one.resume()
        target.change(20, Subscription(20, "dying", group=group))
        self.pong(target)
        target.pause()
        self.fill_socket(client, target, 8000)
        messages = [client.message(PLAIN, "dying", NOISE[:500]) for _ in range(20)]
        for one, _ in messages:
            one.strict = True
        client.publish(*messages)
        self.pong(client)
        sub = 21
        heir.change(sub, Subscription(sub, "dying", group=group))
        self.pong(heir)
        target.vanish()
        self.wait(lambda: target.gone_at is not None, "news of its end")
        self.pong(heir)
        heir.change(sub)
        self.counts["deaths of members"] += 1

    def fill_socket(self, client, target, size):
        """Until it takes no more, and little more than `size` bytes wait in the outbox."""
        last = -1
        while target.bytes_in_socket() != last:
            last = target.bytes_in_socket()
            self.flood_inbox(client, target, 1 if last > self.socket_size else 10, size)
            self.pong(client)
        self.socket_size = last - 20 * size

    def turns(self, key, members):
        """All have nothing to read, so each gets one."""
        topic = self.topic_of(key[1])
        client = self.some()
        if any(sum(matches(sub.filter, topic) for sub in one.wanted.values()) > 1 for one, _ in members):
            return  # it gets the message otherwise, too: that waits when the choice is made
        already = len(client.sent)
        for _ in members:
            self.note(f"{client} publishes {client.n_messages} to {key}: in turn")
            client.publish(client.message(PLAIN, topic, NOISE[:50]))
            self.pong(client)  # nobody's PONG waits while it is routed
            self.settle()
        messages = [one for one in client.sent[already:] if one.topic == topic]
        self.contract.in_turn.append((key, [one for one, _ in members], messages))
        self.counts["turns"] += 1

    # the broker's end

    def restart(self, end):
        self.replies = False
        self.note(f"the broker's end: {end.__name__}")
        self.counts[end.__name__] += 1
        for client in self.clients:
            client.resume()
        self.terminating = end == self.broker.terminate
        self.torn = not self.terminating
        if self.terminating:
            self.broker.signal(15)
            self.wait(lambda: self.witness.stopping or self.witness_lost, "the witness's GOAWAY")
        else:
            self.broker.crash()
        everybody = [*self.clients, self.witness]
        self.wait(lambda: all(one.at_end for one in everybody), "the end of all streams")
        if self.terminating:
            self.broker.expect_end()
        if not self.witness_lost:
            unsure = [one for one in self.clients if one.leaving is not None or one.pings or one.state == VANISHED]
            for one in self.clients:
                one.said_goaway |= self.terminating and one.leaving is None and one.state == ENDED
            self.check(self.torn, unsure)
        self.broker.kill()
        self.replies = True
        self.start_broker()

    def run(self, n_operations, seconds):
        limit = time.monotonic() + seconds
        next_end = self.random.randint(8, 16)
        while self.n_operations < n_operations and time.monotonic() < limit:
            for _ in range(self.random.randint(60, 500)):
                self.operate()
                if self.random.random() < 0.4:
                    self.loop.turn()
            next_end -= 1
            if next_end == 0:
                self.restart(self.random.choice((self.broker.crash, self.broker.terminate)))
                next_end = self.random.randint(8, 16)
            else:
                self.barrier()
                if self.random.random() < 0.6:
                    self.scene()
        self.barrier()

    def last_words(self, about):
        words = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}(?![\w.])" for word in about) or "$^")
        found = [note for note in self.notes if words.search(note)]
        self.broker.read_some()
        return "\n".join(["--- operations that matter:", *found[-100:], "--- the last operations:", *list(self.notes)[-15:],
                          "--- umbeld:", self.broker.text()[-3000:]])


OPERATIONS, WEIGHTS = zip(
    (Model.publish, 400), (Model.burst, 100), (Model.flood, 15), (Model.retain, 90), (Model.request, 90),
    (Model.publish_denied, 8), (Model.subscribe, 110), (Model.unsubscribe, 90), (Model.rest, 25), (Model.resume, 8),
    (Model.leave, 8), (Model.vanish, 8))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--operations", type=int, default=100000)
    parser.add_argument("--seconds", type=float, default=120.0 if FULL else 5.0 if SANITIZED else 30.0)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="umbel-"))
    model = None
    try:
        model = Model(options.seed, str(directory / "sock"))
        model.run(options.operations, options.seconds)
        model.broker.terminate()
    except Broken as broken:
        print(f"--seed {options.seed}, operation {model and model.n_operations}: {broken}")
        if model:
            print(model.last_words(broken.about))
        sys.exit(1)
    finally:
        Process.end_all()
        if model and model.broker:
            model.broker.kill()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{model.n_operations} operations: " + ", ".join(f"{n} {what}" for what, n in sorted(model.counts.items())))


if __name__ == "__main__":
    main()
