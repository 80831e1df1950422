# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What PROTOCOL.md promises, as a program that is told what 50 clients sent and received, and says whether it is so.

One client, the *witness*, watches every topic and every coming and going, and always reads. By P14 what it sees is the
one order in which the broker routed: the *timeline*. All others are held against it. Where exactly in the timeline
somebody's SUBSCRIBE took effect is seldom in doubt, since it is sent between two messages of the same client; where it
is, a position is a range `lo..hi`, and what is not certain is accepted either way.

An *epoch* is what happens from one barrier to the next. At the barrier all that was sent has been routed and read.
Written from PROTOCOL.md alone.
"""

import collections
import functools
import struct

PLAIN, INBOX, DENIED, WILL, SYSTEM = "plain", "inbox", "denied", "will", "system"
OPEN, ENDED, EVICTED, VANISHED = "open", "ended", "evicted", "vanished"

CONNECTED = "$SYS.client.connected"


class Broken(AssertionError):
    """The broker did not keep a promise; `about` are the words by which the operations that matter are found."""

    def __init__(self, text, *about):
        super().__init__(text)
        self.about = [str(word) for word in about]


# --- topics (T3, T4) ----------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def matches(filter, topic):
    tokens, wanted = topic.split("."), filter.split(".")
    if tokens[0].startswith("$") and wanted[0] in ("*", "**"):
        return False
    for number, token in enumerate(wanted):
        if number == len(tokens):
            return False
        if token == "**":
            return True
        if token not in ("*", tokens[number]):
            return False
    return len(wanted) == len(tokens)


# --- msgpack, as far as the broker speaks it ------------------------------------------------------------------------


def unpack(data, at=0):
    """The value at `at`, and where it ends."""
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code < 0x90:
        return _map(data, at, code & 15)
    if code < 0xA0:
        return _array(data, at, code & 15)
    if code < 0xC0:
        return _text(data, at, code & 31)
    if code >= 0xE0:
        return code - 256, at
    if code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
    if code in (0xC4, 0xC5, 0xC6):
        n, at = _uint(data, at, 1 << (code - 0xC4))
        return bytes(data[at:at + n]), at + n
    if 0xCC <= code <= 0xCF:
        return _uint(data, at, 1 << (code - 0xCC))
    if 0xD0 <= code <= 0xD3:
        width = 1 << (code - 0xD0)
        return int.from_bytes(data[at:at + width], "big", signed=True), at + width
    if code in (0xCA, 0xCB):
        width, layout = (4, ">f") if code == 0xCA else (8, ">d")
        return struct.unpack(layout, data[at:at + width])[0], at + width
    for first, width, read in ((0xD9, 1, _text), (0xDC, 2, _array), (0xDE, 2, _map)):
        if first <= code < first + (3 if read is _text else 2):
            n, at = _uint(data, at, width << (code - first))
            return read(data, at, n)
    raise Broken(f"from the broker, no msgpack: {data[at - 1:at + 20].hex()}")


def _uint(data, at, width):
    return int.from_bytes(data[at:at + width], "big"), at + width


def _text(data, at, n):
    return bytes(data[at:at + n]).decode(), at + n


def _array(data, at, n):
    items = []
    for _ in range(n):
        item, at = unpack(data, at)
        items.append(item)
    return items, at


def _map(data, at, n):
    items, at = _array(data, at, 2 * n)
    return dict(zip(items[::2], items[1::2])), at


# --- what is sent, and what it turns into ---------------------------------------------------------------------------


class Message:
    """A PUBLISH. `body` is what every receiver has to see, `index` its place in the timeline."""

    __slots__ = ("body", "topic", "sender", "number", "kind", "reply", "retain", "empty", "index", "end", "owner", "not_to",
                 "strict")

    def __init__(self, body, topic, sender, number, kind, reply=None, retain=False, empty=False):
        self.body = body
        self.topic = topic
        self.sender = sender  # the client, or None: the broker
        self.number = number  # counts the messages of the sender
        self.kind = kind
        self.reply = reply
        self.retain = retain
        self.empty = empty
        self.index = None
        self.end = 0  # where it ends in what its sender wrote
        self.owner = None  # of kind INBOX: the client whose it is, or None
        self.not_to = None  # a client, and a group of which it may not be the one that gets it
        self.strict = False  # it may not get lost with a member that dies

    def size(self):
        return len(self.body) + 5

    def __repr__(self):
        return f"{self.sender or 'the broker'}'s {self.kind} message {self.number} on {self.topic} ({len(self.body)} bytes)"


class Subscription:
    def __init__(self, sub, filter, group=None, monitor=False, retained=False):
        self.sub = sub
        self.filter = filter
        self.group = group
        self.monitor = monitor
        self.retained = retained
        # where in the timeline it may have begun and ended; None: not yet
        self.begin = self.end = None

    def surely(self, index):
        return self.begin[1] <= index and (self.end is None or index < self.end[0])

    def possibly(self, index):
        return self.begin[0] <= index and (self.end is None or index < self.end[1])

    def __repr__(self):
        options = f" group={self.group}" * bool(self.group) + " monitor" * self.monitor + " retained" * self.retained
        return f"sub {self.sub} {self.filter}{options}"


class Change:
    """A SUBSCRIBE or UNSUBSCRIBE, and the answer it has to get: 0 for OK, or the code of an ERROR."""

    def __init__(self, request, sub, subscription, answer, before=None, after=None):
        self.request = request
        self.sub = sub
        self.subscription = subscription
        self.answer = answer
        self.before, self.after = before, after  # the client's messages around it
        self.snapshot = None  # what came behind an OK with n


# --- the walk along one receiver's stream ---------------------------------------------------------------------------


class Walk:
    """One client's epoch. Finds what it missed, and what it got and should not have."""

    def __init__(self, contract, client, torn):
        self.timeline = contract.timeline
        self.contract = contract
        self.client = client
        self.torn = torn
        self.lo, self.hi = (0, 0) if client.seasoned else (0, len(self.timeline))
        self.beyond = False  # the timeline's end is passed (a broker that was killed)
        self.lost, self.perhaps_lost = [], []
        self.announced_frames = self.announced_bytes = 0
        self.n_gaps = 0
        self.last_of = {}  # sender: number of its last message, as seen here
        self.last_delivered = {}  # sub: index
        self.inbox = set()
        self.closed = []  # subscriptions that ended in this epoch
        self.forget_hits()

    def broken(self, text, *about):
        raise Broken(f"{self.client}: {text}", self.client, *about)

    # which messages of the timeline are for this client

    def forget_hits(self):
        self.hits = {}
        self.plain = [one.filter for one in self.client.subs.values() if one.group is None]

    def hit(self, topic):
        found = self.hits.get(topic)
        if found is None:
            found = self.hits[topic] = any(matches(filter, topic) for filter in self.plain)
        return found

    def hits_between(self, start, end):
        timeline, hit = self.timeline, self.hit
        return [timeline[i] for i in range(start, end) if hit(timeline[i].topic)]

    def unanswered(self):
        """Subscriptions that it asked for: the OK may be among what was cut."""
        return [one.subscription for one in self.client.pending if not one.answer and one.subscription is not None]

    def hits_of_pending(self, start, end):
        filters = [one.filter for one in self.unanswered() if one.group is None]
        return [one for one in self.timeline[start:end]
                if not self.hit(one.topic) and any(matches(filter, one.topic) for filter in filters)]

    def values_of_pending(self):
        """How many last values may have been cut behind such an OK: they count as messages."""
        asked = any(one.retained for one in self.unanswered())
        return len(self.contract.store) + len(self.timeline) if asked else 0

    def advance(self, lo, what):
        """The client is at `lo` at least, and nothing came on the way."""
        if lo <= self.lo:
            return
        if self.announced_frames:
            self.perhaps_lost += self.hits_between(self.lo, min(self.hi, lo))
        for one in self.hits_between(self.hi, lo):
            self.lost.append(one)
            if len(self.lost) > self.announced_frames:
                self.broken(f"missed {one}, number {one.index} in the timeline, before {what}; "
                            f"{self.announced_frames} were announced as lost", one.topic, one.sender)
            if self.client.policy == "block" and one.kind == PLAIN and one.sender is not self.client:
                self.broken(f"lost {one} although it asked for block", one.topic, one.sender)
        self.lo, self.hi = lo, max(lo, self.hi)

    # the events of its stream

    def run(self):
        for event in self.client.events:
            event[0](self, *event[1:])
        self.finish()

    def on_message(self, message):
        if message.sender is not None:
            if message.number <= self.last_of.get(message.sender, -1):
                self.broken(f"{message} came behind its message {self.last_of[message.sender]}", message.topic, message.sender)
            self.last_of[message.sender] = message.number
        if message.kind == INBOX:
            if message.owner is not self.client:
                self.broken(f"{message} came, which is in another's inbox", message.topic)
            self.inbox.add(message)
            return
        if not self.hit(message.topic):
            self.broken(f"{message} came, which it does not subscribe to: {list(self.client.subs.values())}", message.topic)
        if message.index is None:
            if not self.torn:
                self.broken(f"{message} came, which the witness has not seen", message.topic, message.sender)
            self.advance(len(self.timeline), message)
            self.beyond = True
        elif self.beyond or message.index < self.lo:
            self.broken(f"{message}, number {message.index} in the timeline, came when it was at {self.lo} already: out of "
                        "order, or twice", message.topic, message.sender)
        else:
            self.advance(message.index, message)
            self.lo = self.hi = message.index + 1

    def on_system_message(self, body):
        """One of the broker itself. Two can have the same bytes."""
        same = self.contract.system.get(body, ())
        later = [one for one in same if one.index >= self.lo]
        if later:
            self.on_message(later[0])
        elif not self.torn:
            self.broken(f"a message of the broker came {'twice' if same else 'that the witness has not seen'}: {body}")

    def on_delivered(self, sub, message):
        """One message of a queue group."""
        mine = self.client.subs.get(sub)
        if mine is None or mine.group is None or not matches(mine.filter, message.topic):
            self.broken(f"{message} came for sub {sub}, which is {mine}", message.topic)
        if message.index is None:
            if not self.torn:
                self.broken(f"{message} came for {mine}, and the witness has not seen it", message.topic)
            return
        key = (mine.group, mine.filter)
        if message.not_to == (self.client, key):
            self.broken(f"{message} was given to it, a full member of {key}, while others had room", message.topic)
        if message.index <= self.last_delivered.get(sub, -1) and key not in self.contract.handed_over:
            self.broken(f"{message} came out of order for {mine}", message.topic, message.sender)
        self.last_delivered[sub] = message.index
        self.contract.count_delivery(self.client, key, message)

    def on_gap(self, frames, size):
        if frames < 1 or size < frames * 20:
            self.broken(f"a GAP of {frames} frames, {size} bytes")
        self.n_gaps += 1
        self.announced_frames += frames
        self.announced_bytes += size

    def on_change(self, change):
        """An OK."""
        if change.before is not None:
            self.move_to_change(change)
        at = (self.lo, self.hi)
        if self.announced_frames:
            self.perhaps_lost += self.hits_between(*at)
        old, new = self.client.subs.pop(change.sub, None), change.subscription
        if old is not None:
            old.end = at
            self.closed.append(old)
        if new is not None:
            new.begin = at
            self.client.subs[change.sub] = new
            if new.group is not None:
                self.contract.groups.setdefault((new.group, new.filter), []).append((self.client, new))
            if new.retained:
                self.contract.snapshots.append((*at, self.client, new, change.snapshot))
        self.forget_hits()

    def move_to_change(self, change):
        """It took effect behind the client's message before it and ahead of the one after it."""
        n = len(self.timeline)
        lo = n if change.before.index is None else change.before.index + 1
        hi = n if change.after.index is None else change.after.index
        if hi < self.lo:
            self.broken(f"the OK to request {change.request} came too late: behind message {self.lo - 1} of the timeline, and "
                        f"the client's next one is {hi}")
        self.advance(lo, f"the OK to request {change.request}")
        self.hi = min(self.hi, hi)
        while self.hi < hi and (self.announced_frames or not self.hit(self.timeline[self.hi].topic)):
            self.hi += 1

    # the end of the epoch, or of the client

    def finish(self):
        n, client = len(self.timeline), self.client
        if client.state == OPEN and not self.torn:
            self.advance(n, "the barrier")
        else:
            last = max((one.index + 1 for one in client.sent if one.index is not None), default=0)
            latest = n if client.gone_at is None else client.gone_at
            if client.state == ENDED and not self.torn:
                self.advance(last, "its end")
            # (one that vanished may have lost its subscriptions ahead of its last messages)
            at = (self.lo, max(latest, self.lo))
            self.perhaps_lost += self.hits_between(*at) + self.hits_of_pending(*at)
            self.close(at)
        if not self.torn and client.complete:
            self.account()

    def close(self, at):
        """It ended, at `at`. What it asked for and got no answer to may have been done."""
        for change in self.client.pending:
            new = change.subscription
            if not change.answer and new is not None:
                new.begin = (at[0], at[1] + 1)
                self.closed.append(new)
                if new.group is not None:
                    self.contract.groups.setdefault((new.group, new.filter), []).append((self.client, new))
        for one in (*self.client.subs.values(), *self.closed):
            if one.end is None:
                one.end = at

    def account(self):
        """O9: what was sent is what came and what was announced."""
        sure, perhaps = list(self.lost), list(self.perhaps_lost)
        for one in self.client.mail:
            if one not in self.inbox:
                certain = self.client.state == OPEN and self.contract.surely_routed(one)
                (sure if certain else perhaps).append(one)
        frames, size = self.announced_frames, self.announced_bytes
        text = f"{frames} frames of {size} bytes were announced as lost in {self.n_gaps} GAPs, missing are {len(sure)} "
        if frames < len(sure):
            self.broken(text + f"(the last of them {sure[-1]})", sure[-1].topic)
        rest = frames - len(sure)
        most_bytes = sum(one.size() for one in sure + perhaps)
        if not self.client.groups_joined:
            if rest > len(perhaps) + self.values_of_pending():
                self.broken(text + f"and perhaps {len(perhaps)} more")
            if not perhaps and not self.unanswered() and size != most_bytes:
                self.broken(text + f"of {most_bytes} bytes")
            only_cut = self.client.state == EVICTED and self.n_gaps == 1 and not sure
            if only_cut and not self.client.mail and not self.client.pending:
                size_of_first = sum(one.size() for one in perhaps[:rest])
                if size_of_first != size:
                    self.broken(text + f"and the next {rest} have {size_of_first} bytes")
        elif size < sum(one.size() for one in sure):
            self.broken(text + f"of {sum(one.size() for one in sure)} bytes")
        if self.client.groups_joined:
            self.contract.group_losses.append((
                self.client, max(0, rest - len(perhaps) - self.values_of_pending()), rest))


# --- the whole ------------------------------------------------------------------------------------------------------


class Contract:
    def __init__(self, retained_max):
        self.retained_max = retained_max
        self.groups = {}  # (name, filter): [(client, Subscription)]
        self.forget_broker()

    def forget_broker(self):
        """There is a new one, which knows nothing."""
        self.store = {}  # topic: Message, the last values at the start of the epoch
        self.connected = []  # session numbers, at the start of the epoch
        self.groups.clear()
        self.begin_epoch()

    def begin_epoch(self):
        self.timeline = []
        self.system = {}  # body: [Message], of the broker
        self.snapshots = []
        self.deliveries = {}
        self.handed_over = set()
        self.group_losses = []
        self.stopped_at = None  # where in the timeline the broker said GOAWAY
        self.in_turn = []  # (key, members, messages): each member has to get one of them

    def append(self, message):
        """The witness has seen it."""
        if message.index is not None:
            raise Broken(f"{message} came to the witness twice", message.topic, message.sender)
        message.index = len(self.timeline)
        self.timeline.append(message)
        if message.kind == SYSTEM:
            self.system.setdefault(message.body, []).append(message)

    def count_delivery(self, client, key, message):
        already = self.deliveries.get((message.index, key))
        if already is not None:
            raise Broken(f"{message} came twice to the group {key}: to {already} and {client}", message.topic, client, already)
        self.deliveries[message.index, key] = client

    def surely_routed(self, message):
        return message.sender is None or (message.end <= message.sender.n_written and not message.sender.was_cut_off
                                          and message.sender not in self.unsure_senders)

    def check(self, clients, torn=False, unsure_senders=()):
        """The epoch is over. `torn`: the broker was killed in it. `unsure_senders`: not all they sent need be there."""
        self.unsure_senders = unsure_senders
        for client in clients:
            self.check_sender(client, torn)
        walks = [Walk(self, client, torn) for client in clients]
        for client in clients:
            self.handed_over |= client.groups_left if client.state == OPEN else client.groups_joined
        for walk in walks:
            walk.run()
        if not torn:
            self.check_snapshots()
            self.check_groups(clients)
            self.check_responders(walks)
        self.end_epoch(clients)

    def end_epoch(self, clients):
        for index in range(len(self.timeline)):
            self.apply(index, self.store, self.connected)
        for key, members in list(self.groups.items()):
            members[:] = [(client, one) for client, one in members if one.end is None]
            if not members:
                del self.groups[key]
        for client in clients:
            for one in client.subs.values():
                one.begin = (0, 0)

    # senders

    def check_sender(self, client, torn):
        n_missing_refusable, last_index, first_missing = 0, -1, None
        for one in client.sent:
            if one.kind == DENIED:
                if one.index is not None:
                    raise Broken(f"{one} had to be refused, and was routed", client, one.topic)
                n_missing_refusable += one.end <= client.n_written
                continue
            if one.kind == INBOX:
                continue
            if one.index is None:
                if one.retain and not one.empty and self.may_be_full(one, last_index, client):
                    n_missing_refusable += 1
                elif first_missing is None:
                    first_missing = one
                continue
            if one.end > client.n_written:
                raise Broken(f"{one} was routed, and was never written whole", client)
            if one.index < last_index:
                raise Broken(f"{one} is number {one.index} in the timeline, an earlier one {last_index}", client, one.topic)
            if first_missing is not None:
                raise Broken(f"{first_missing} was not routed, but {one} behind it", client, one.topic, first_missing.topic)
            last_index = one.index
        if first_missing is not None and not torn and not client.was_cut_off and client not in self.unsure_senders and \
                first_missing.end <= client.n_written:
            raise Broken(f"{first_missing} was not routed", client, first_missing.topic)
        if client.state == OPEN and not torn:
            n_accepted = len(client.sent) - n_missing_refusable
            if (client.n_accepted, client.n_refused) != (n_accepted, n_missing_refusable):
                raise Broken(f"{client}: the PONGs count {client.n_accepted} accepted and {client.n_refused} refused; sent were "
                             f"{n_accepted} that are not refused and {n_missing_refusable} that are", client)
        self.check_will(client, torn)

    def check_will(self, client, torn):
        will = client.will
        if will is None:
            return
        if will.index is not None:
            if client.state == OPEN or client.said_goaway:
                why = "said GOAWAY" if client.said_goaway else "is there"
                raise Broken(f"{will} was published, and {client} {why}", client)
            if self.stopped_at is not None and will.index >= self.stopped_at:
                raise Broken(f"{will} was published behind the broker's GOAWAY", client)
            last = max((one.index for one in client.sent if one.index is not None), default=-1)
            if will.index < last:
                raise Broken(f"{will} is number {will.index} in the timeline, ahead of its message at {last}", client)
        elif client.state != OPEN and not client.said_goaway and not torn and self.stopped_at is None:
            raise Broken(f"{will} was not published", client, will.topic)

    def may_be_full(self, message, after, client):
        """Whether the store can have been full between the client's last message and its next one."""
        later = [one.index for one in client.sent if one.number > message.number and one.index is not None]
        until = min(later, default=len(self.timeline))
        store = dict(self.store)
        for index in range(len(self.timeline) + 1):
            if after < index <= until and len(store) >= self.retained_max and message.topic not in store:
                return True
            if index < min(until, len(self.timeline)):
                self.apply(index, store, [])
        return False

    # what is kept

    def apply(self, index, store, connected):
        one = self.timeline[index]
        if one.retain and one.kind in (PLAIN, WILL):
            if one.empty:
                store.pop(one.topic, None)
            elif one.topic in store or len(store) < self.retained_max:
                store[one.topic] = one
            elif one.kind == PLAIN:
                raise Broken(f"{one} was taken, and {len(store)} values were there already", one.topic, one.sender)
        elif one.kind == SYSTEM and isinstance(one.number, int):
            if one.topic == CONNECTED:
                connected.append(one.number)
            elif one.number in connected:
                connected.remove(one.number)

    def check_snapshots(self):
        """Each is the state of the store at one moment of the range in which its SUBSCRIBE took effect."""
        waiting = sorted(self.snapshots, key=lambda one: one[0])
        store, connected, active = dict(self.store), list(self.connected), []
        for index in range(len(self.timeline) + 1):
            while waiting and waiting[0][0] <= index:
                active.append(waiting.pop(0))
            still = []
            for one in active:
                _, hi, client, subscription, got = one
                want = self.snapshot(subscription.filter, store, connected)
                if want != got:
                    if index >= hi:
                        raise Broken(f"{client} {subscription}: the values that came are\n  {got}\nand not\n  {want}", client,
                                     subscription.filter)
                    still.append(one)
            active = still
            if index < len(self.timeline):
                self.apply(index, store, connected)

    @staticmethod
    def snapshot(filter, store, connected):
        values = [store[topic] for topic in sorted(store, key=str.encode) if matches(filter, topic)]
        return values + (sorted(connected) if matches(filter, CONNECTED) else [])

    # queue groups

    def check_groups(self, clients):
        missing, perhaps = [], []
        for key, members in self.groups.items():
            for message in self.timeline:
                if not matches(key[1], message.topic):
                    continue
                got = self.deliveries.get((message.index, key))
                if got is None and any(one.surely(message.index) for _, one in members):
                    missing.append((message, key))
                elif got is None and any(one.possibly(message.index) for _, one in members):
                    perhaps.append((message, key))
                if got is not None and not any(one.possibly(message.index) for _, one in members):
                    raise Broken(f"{message} came to {got} as a member of {key}, which had no members", message.topic, got)
        self.check_group_losses(clients, missing, perhaps)
        for key, members, messages in self.in_turn:
            got = [self.deliveries.get((one.index, key)) for one in messages]
            if collections.Counter(got) != collections.Counter(members):
                raise Broken(f"{messages}, while nothing waits for {key}: not in turn, but to {got} of {members}",
                             *got, *members)

    def check_group_losses(self, clients, missing, perhaps):
        dead = [client for client in clients if client.groups_joined and (client.state == VANISHED or not client.complete)]
        held = {id(one) for client in dead for one in client.held_by_socket}
        for message, key in missing + perhaps:
            if message.strict and id(message) not in held:
                raise Broken(f"{message} came to nobody of {key}: a member died, and others were there", message.topic)
        for message, key in missing:
            if not any(key in client.groups_joined for client in dead) and \
                    not any(most for client, _, most in self.group_losses if key in client.groups_joined):
                raise Broken(f"{message} came to nobody of {key}, and no GAP announced it", message.topic, *(
                    client for client, _ in self.groups[key]))
        for client, least, _ in self.group_losses:
            mine = [one for one, key in missing + perhaps if key in client.groups_joined]
            if least > len(mine):
                raise Broken(f"{client}: {least} messages of groups were announced as lost, missing are {len(mine)}", client)
        if sum(least for _, least, _ in self.group_losses) > len(missing) + len(perhaps):
            raise Broken(f"{len(missing)} messages of groups are missing, perhaps {len(perhaps)} more, but more are announced: "
                         f"{self.group_losses}")
        if not dead and sum(most for _, _, most in self.group_losses) < len(missing):
            raise Broken(f"{len(missing)} messages of groups are missing, fewer are announced: {self.group_losses}",
                         *(message.topic for message, _ in missing[-3:]))

    # requests (P10)

    def check_responders(self, walks):
        listening = [one for walk in walks for one in (*walk.client.subs.values(), *walk.closed) if not one.monitor]
        for walk in walks:
            told = walk.client.not_answered
            for one in walk.client.sent:
                if one.reply is None or one.index is None:
                    continue
                who = [sub for sub in listening if matches(sub.filter, one.topic)]
                n_told = told.pop(one.reply, 0)
                if n_told and any(sub.surely(one.index) for sub in who):
                    raise Broken(f"no_responder for {one}, and there is {who}", walk.client, one.topic)
                if n_told > 1:
                    raise Broken(f"no_responder for {one} came {n_told} times", walk.client, one.topic)
                if not n_told and walk.client.state == OPEN and not any(sub.possibly(one.index) for sub in who):
                    raise Broken(f"no no_responder for {one}, and nobody listens", walk.client, one.topic)
            if told and walk.client.state == OPEN:
                raise Broken(f"no_responder for {list(told)}, which no request has", walk.client)
