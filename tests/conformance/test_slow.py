#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""PROTOCOL.md, 8. Slow consumers."""

import time
import unittest

import wire
from case import BrokerCase, covers, publish
from wire import frame

MARK = 65536
SIZE = 8192
NEVER = "600000"
SMALL_OUTBOX = ("--outbox-high", str(MARK), "--hold-notice-ms", "20")


def numbered(topic, n, first=0):
    """n messages of SIZE bytes of payload that carry their number."""
    return [publish(topic, number.to_bytes(4, "big") + bytes(SIZE - 4)) for number in range(first, first + n)]


def number_of(frame):
    return int.from_bytes(frame.tree[6][:4], "big")


class SlowCase(BrokerCase):
    def stopped_reader(self, *filters, name="stopped", **options):
        reader = self.session(name, **options)
        for filter in filters:
            reader.subscribe(filter)
        reader.paused = True
        return reader

    def flood(self, topic, n, name="flood"):
        """A sender with n messages and a PING to write."""
        sender = self.session(name)
        sender.queue(*numbered(topic, n), [wire.PING, 1])
        return sender

    def pump_until_held(self, sender, *others):
        def held():
            return any(one.type == wire.HOLD and one.tree[1] for one in sender.frames)
        wire.pump([sender, *others], held, f"{sender.name} to be held")

    def pump_until_pong(self, sender, *others):
        """Until all that the sender wrote is routed. Returns what it received and the PONG's counts."""
        wire.pump([sender, *others], lambda: sender.frames and sender.frames[-1].type == wire.PONG, f"{sender.name}'s PONG")
        frames = list(sender.frames)
        sender.frames.clear()
        return frames[:-1], wire.Pong(*frames[-1].tree[2:5])

    def expect_holds(self, frames, reader, topic):
        """HOLD on, HOLD off, on, off, …, all about this reader and topic."""
        self.assertGreaterEqual(len(frames), 2)
        for number, one in enumerate(frames):
            self.assertEqual(one.type, wire.HOLD, frames)
            self.assertEqual(one.tree, [wire.HOLD, number % 2 == 0, reader.id, reader.name, topic], frames)
        self.assertIs(frames[-1].tree[1], False, "the last hold has no end")

    def expect_gaps_where_messages_lack(self, frames, topic, first=0, n=None):
        """Messages in order from the first on, n or N, some replaced by GAPs that say how many and how large they were."""
        size = len(frame(numbered(topic, 1)[0]))
        expected, n_gaps = first, 0
        for one in frames:
            if one.type == wire.GAP:
                _, n_frames, n_bytes, reason = one.tree[:4]
                self.assertEqual(n_bytes, n_frames * size)
                self.assertIsInstance(reason, str)
                expected += n_frames
                n_gaps += 1
            else:
                self.assertEqual(one.type, wire.PUBLISH, one)
                self.assertEqual(number_of(one), expected)
                expected += 1
        self.assertEqual(expected - first, self.N if n is None else n)
        self.assertGreater(n_gaps, 0, "no GAP, so the outbox was never full: the case has become too tame")

    N_PINGS = 250000  # about 4 MiB; their PONGs are larger
    FIRST_TOKEN = 1 << 52

    def stop_reading_answers(self, me, clock):
        """Send PINGs without reading a PONG until the broker, too, reads no more."""
        me.paused = True
        me.queue(*([wire.PING, self.FIRST_TOKEN + number] for number in range(self.N_PINGS)))

        def progress():
            for _ in range(20):
                clock.barrier()
                me.turn()
            return sum(map(len, me.queued)), me.bytes_unread()

        last, now = None, progress()
        while now[0] and now != last:
            last, now = now, progress()
        self.assertTrue(me.queued, "the broker read on, although more than 1 MiB of answers waits")

    def expect_all_answers(self, me):
        wire.pump([me], lambda: len(me.frames) == self.N_PINGS or me.ended, "all PONGs")
        self.assertFalse(me.ended, f"{me.frames[-1]} and the end")
        for number in (*range(0, self.N_PINGS, 997), self.N_PINGS - 1):
            self.assertEqual(me.frames[number].tree[:2], [wire.PONG, self.FIRST_TOKEN + number])


class Holds(SlowCase):
    flags = (*SMALL_OUTBOX, "--stall-ms", NEVER, "--hold-max-ms", NEVER)
    N = 1024  # 8 MiB: more than outbox, slab and the kernel's buffers hold together

    @covers("O1", "O2", "P14")
    def test_a_sender_is_held_until_the_reader_reads_and_nothing_is_lost(self):
        reader = self.stopped_reader("flood")
        sender = self.flood("flood", self.N)
        self.pump_until_held(sender)
        self.assertTrue(sender.queued, "the broker has read on although the sender is held")
        reader.paused = False
        frames, counts = self.pump_until_pong(sender, reader)
        self.expect_holds(frames, reader, "flood")
        self.assertEqual(counts, (self.N, 0, 0))
        got, _ = reader.barrier()
        self.assertEqual([number_of(one) for one in got], list(range(self.N)))

    @covers("O1", "P14")
    def test_a_message_that_one_receiver_has_no_room_for_is_delivered_to_nobody_yet(self):
        slow = self.stopped_reader("flood")
        quick = self.subscriber("flood", name="quick")
        sender = self.flood("flood", self.N)
        self.pump_until_held(sender, quick)
        quick_got, _ = quick.barrier()
        self.assertLess(len(quick_got), self.N)
        self.expect_untouched(quick)
        slow.paused = False
        _, counts = self.pump_until_pong(sender, slow, quick)
        self.assertEqual(counts, (self.N, 0, 0))
        quick_got += quick.barrier()[0]
        slow_got, _ = slow.barrier()
        for got in (quick_got, slow_got):
            self.assertEqual([number_of(one) for one in got], list(range(self.N)))

    @covers("O1", "E2")
    def test_a_hold_stops_only_those_who_send_to_the_slow_one(self):
        self.stopped_reader("flood")
        sender = self.flood("flood", self.N)
        self.pump_until_held(sender)
        other = self.subscriber("elsewhere", name="other")
        other.publish("elsewhere", b"1")
        got, counts = other.barrier()
        self.assertEqual((len(got), counts), (1, (1, 0, 0)))

    @covers("O1")
    def test_senders_go_on_in_the_order_in_which_they_came_to_wait(self):
        reader = self.stopped_reader("flood.**")
        filler = self.flood("flood.filler", self.N, name="filler")
        self.pump_until_held(filler)
        waiting = [self.session(f"waiting {number}") for number in range(5)]
        for sender in waiting:
            sender.publish("flood.one", sender.id.to_bytes(4, "big"))
            self.pump_until_held(sender)
        reader.paused = False
        self.pump_until_pong(filler, reader)
        got, _ = reader.barrier()
        order = [int.from_bytes(one.tree[6], "big") for one in got if one.tree[3] == "flood.one"]
        self.assertEqual(order, [sender.id for sender in waiting])

    @covers("O1", "O2")
    def test_a_slow_reader_that_leaves_ends_the_hold(self):
        reader = self.stopped_reader("flood")
        sender = self.flood("flood", self.N)
        self.pump_until_held(sender)
        reader.close()
        frames, counts = self.pump_until_pong(sender)
        self.expect_holds(frames, reader, "flood")
        self.assertEqual((counts.accepted, counts.refused), (self.N, 0))

    @covers("O1")
    def test_a_slow_reader_that_unsubscribes_ends_the_hold(self):
        reader = self.stopped_reader("flood")
        sender = self.flood("flood", self.N)
        self.pump_until_held(sender)
        reader.send([wire.UNSUBSCRIBE, 9, 1])
        _, counts = self.pump_until_pong(sender)
        self.assertEqual((counts.accepted, counts.refused), (self.N, 0))
        reader.paused = False
        got, _ = reader.barrier()
        self.assertEqual(got[-1].tree, [wire.OK, 9])
        self.assertEqual([number_of(one) for one in got[:-1]], list(range(self.N - counts.unmatched)))

    @covers("O1")
    def test_a_sender_that_leaves_while_it_is_held_loses_nothing(self):
        reader = self.stopped_reader("flood")
        sender = self.session("sender")
        sender.queue(*numbered("flood", self.N), [wire.GOAWAY, "", 0])
        self.pump_until_held(sender)
        reader.paused = False
        wire.pump([sender, reader], lambda: sender.ended, "the sender's end")
        got, _ = reader.barrier()
        self.assertEqual([number_of(one) for one in got], list(range(self.N)))

    @covers("O5", "O4")
    def test_a_session_is_not_held_by_itself_and_a_gap_says_what_it_lost(self):
        me = self.stopped_reader("mine", name="me")
        me.queue(*numbered("mine", self.N), [wire.PING, 1])
        wire.pump([me], lambda: not me.queued, "the broker to read all")
        me.paused = False
        frames, counts = self.pump_until_pong(me)
        self.assertEqual(counts, (self.N, 0, 0))
        self.expect_gaps_where_messages_lack(frames, "mine")

    @covers("O5", "O4")
    def test_nobody_is_held_by_the_owner_of_an_inbox(self):
        owner = self.session("owner")
        topic = owner.inbox + ".answers"
        owner.subscribe(owner.inbox + ".**")
        owner.paused = True
        sender = self.flood(topic, self.N)
        frames, counts = self.pump_until_pong(sender)
        self.assertEqual((frames, counts), ([], (self.N, 0, 0)))
        owner.paused = False
        got, _ = owner.barrier()
        self.expect_gaps_where_messages_lack(got, topic)

    @covers("O6", "C4", "I7")
    def test_a_session_that_does_not_read_its_answers_is_not_read_and_others_are_told(self):
        clock = self.session("clock")
        watcher = self.subscriber("$SYS.client.held", name="watcher")
        me = self.session("me")
        self.stop_reading_answers(me, clock)
        self.expect_held_by_itself(watcher, me, True)
        watcher.subscribe(watcher.inbox + ".*")
        watcher.publish("$SYS.broker.sessions", reply=watcher.inbox + ".1")
        told = wire.parse(watcher.receive().tree[6]).plain()["sessions"]
        self.assertEqual({one["session"]: one.get("held_by") for one in told}[me.id], me.id)
        me.paused = False
        self.expect_all_answers(me)
        self.expect_held_by_itself(watcher, me, False)

    def expect_held_by_itself(self, watcher, me, on):
        """The next that the watcher is told."""
        wire.pump([watcher], lambda: watcher.frames, "somebody to be held")
        held = wire.parse(watcher.receive().tree[6]).plain()
        self.assertEqual((held["held"]["session"], held["by"]["session"], held["topic"], held["on"], held["limit"]),
                         (me.id, me.id, "", on, 1 << 20))
        if on:
            self.assertGreater(held["owed"], held["limit"])


class NotLate(SlowCase):
    """A frame whose rest the broker itself does not read cannot be late."""

    flags = (*SMALL_OUTBOX, "--stall-ms", NEVER, "--hold-max-ms", NEVER, "--frame-ms", "300")

    def pass_the_time_for_a_frame(self):
        """Another's frame is begun, and found late: so longer than that time has passed."""
        other = self.session("other")
        other.send(b"\xce")
        self.expect_fatal(other, "timeout")

    @covers("F13", "O1")
    def test_a_sender_that_is_held_is_not_late(self):
        reader = self.stopped_reader("flood")
        sender = self.flood("flood", 1024)
        self.pump_until_held(sender)
        self.pass_the_time_for_a_frame()
        reader.paused = False
        _, counts = self.pump_until_pong(sender, reader)
        self.assertEqual(counts, (1024, 0, 0))

    @covers("F13", "O6")
    def test_a_session_that_is_not_read_because_of_its_answers_is_not_late(self):
        me = self.session("me")
        self.stop_reading_answers(me, self.session("clock"))
        self.pass_the_time_for_a_frame()
        me.paused = False
        self.expect_all_answers(me)


class Eviction(SlowCase):
    N = 1024

    def expect_eviction(self):
        """A reader that stops is cut, told so, and the sender goes on."""
        reader = self.stopped_reader("flood", name=self._testMethodName[:60])  # H11: by name it is known again
        sender = self.flood("flood", self.N)
        begun = time.monotonic()
        frames, counts = self.pump_until_pong(sender)
        took = time.monotonic() - begun
        self.expect_holds(frames, reader, "flood")
        self.assertEqual((counts.accepted, counts.refused), (self.N, 0))
        n_routed = self.N - counts.unmatched

        reader.paused = False
        got, error = self.expect_fatal(reader, "slow_consumer")
        self.assertEqual([one.type for one in got], [wire.PUBLISH] * (len(got) - 1) + [wire.GAP])
        self.assertEqual([number_of(one) for one in got[:-1]], list(range(len(got) - 1)))
        _, n_frames, n_bytes, reason = got[-1].tree[:4]
        self.assertEqual(len(got) - 1 + n_frames, n_routed)
        self.assertEqual(n_bytes, n_frames * len(frame(numbered("flood", 1)[0])))
        self.assertIsInstance(reason, str)
        self.assertTrue(error[2])
        return took


class Stall(Eviction):
    flags = (*SMALL_OUTBOX, "--stall-ms", "400", "--hold-max-ms", NEVER)

    @covers("O3", "O4", "O2", "E2")
    def test_a_reader_that_takes_no_byte_for_the_stall_time_is_evicted(self):
        self.assertGreaterEqual(self.expect_eviction(), 0.35)

    @covers("O3")
    def test_a_reader_that_holds_nobody_up_is_not_evicted_however_long_it_rests(self):
        rests = self.stopped_reader("quiet", name="rests")
        sender = self.session("sender")
        sender.queue(*numbered("quiet", 3))
        sender.barrier()
        self.expect_eviction()  # another's; it takes longer than the stall time
        rests.paused = False
        self.assertEqual([number_of(one) for one in rests.barrier()[0]], [0, 1, 2])


class LongHold(Eviction):
    flags = (*SMALL_OUTBOX, "--stall-ms", NEVER, "--hold-max-ms", "500")

    @covers("O3", "O4")
    def test_a_reader_that_holds_one_sender_too_long_is_evicted(self):
        self.assertGreaterEqual(self.expect_eviction(), 0.45)


class SlowButSteady(SlowCase):
    flags = (*SMALL_OUTBOX, "--stall-ms", "1000", "--hold-max-ms", NEVER)

    @covers("O3")
    def test_a_reader_that_is_slow_but_steady_is_not_evicted(self):
        n = 1024
        reader = self.stopped_reader("flood")
        sender = self.flood("flood", n)
        self.pump_until_held(sender)
        limit = time.monotonic() + 2.5
        while time.monotonic() < limit:
            reader.read_some(131072)
            time.sleep(0.1)  # stimulus: a reader of little over 1 MiB/s
            sender.turn()
        self.assertTrue(sender.queued, "all was read; the reader was not slow")
        reader.paused = False
        _, counts = self.pump_until_pong(sender, reader)
        self.assertEqual(counts, (n, 0, 0))
        got, _ = reader.barrier()
        self.assertEqual([number_of(one) for one in got], list(range(n)))

class Throttled(SlowCase):
    RATE = 400
    flags = ("--publish-rate", str(RATE))

    @covers("O13", "C4")
    def test_who_publishes_too_fast_is_read_more_slowly_and_told_by_whom(self):
        reader, sender = self.session("reader"), self.session("sender")
        reader.subscribe("a")
        watcher = self.session("watcher")
        watcher.subscribe("$SYS.client.held")
        begun = time.monotonic()
        sender.queue(*(publish("a", number.to_bytes(4, "big")) for number in range(2 * self.RATE)), [wire.PING, 1])
        frames, counts = self.pump_until_pong(sender)
        took = time.monotonic() - begun
        self.assertEqual(counts, (2 * self.RATE, 0, 0))
        self.assertGreater(took, 0.95)
        held, *rest = [frame.tree for frame in frames]
        self.assertEqual(held, [wire.HOLD, True, 0, f"publish-rate {self.RATE}/s", "a"])
        name = held[3]
        self.assertEqual([number_of(frame) for frame in reader.barrier()[0]], list(range(2 * self.RATE)))
        rest = rest or [sender.receive().tree]
        self.assertEqual(rest, [[wire.HOLD, False, 0, name, ""]])
        for on, topic in ((True, "a"), (False, "")):
            event = wire.parse(watcher.receive().tree[6]).plain()
            self.assertEqual((event["by"]["session"], event["by"]["name"], event["held"]["session"]), (0, name, sender.id))
            self.assertEqual((event["on"], event["topic"], event["owed"], event["limit"]), (on, topic, 0, self.RATE))


if __name__ == "__main__":
    unittest.main()
