#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""PROTOCOL.md, 8. Slow consumers: those who would rather lose messages, or the connection, than hold others up."""

import unittest

import wire
from case import covers, publish
from test_slow import MARK, NEVER, SMALL_OUTBOX, SlowCase, number_of, numbered
from wire import frame

FOR_EVER = ("--stall-ms", NEVER, "--hold-max-ms", NEVER)  # who is held stays held


class OverflowCase(SlowCase):
    N = 1024  # 8 MiB: more than outbox, slab and the kernel's buffers hold together

    def flood_all(self, topic, n, first=0, name="flood"):
        """Publish n numbered messages; nobody holds their sender. Returns it."""
        sender = self.session(name)
        self.flood_more(sender, topic, n, first)
        return sender

    def flood_more(self, sender, topic, n, first):
        sender.queue(*numbered(topic, n, first), [wire.PING, 1])
        frames, counts = self.pump_until_pong(sender)
        self.assertEqual((frames, counts), ([], (n, 0, 0)))

    def resume(self, reader):
        reader.paused = False
        return reader.barrier()[0]


class DropOldest(OverflowCase):
    flags = (*SMALL_OUTBOX, *FOR_EVER)

    @covers("O7", "O8", "O9", "O4")
    def test_nobody_is_held_and_what_is_lost_is_announced_where_it_was(self):
        reader = self.stopped_reader("flood", overflow="drop-oldest")
        self.flood_all("flood", self.N)
        got = self.resume(reader)
        self.expect_gaps_where_messages_lack(got, "flood")
        self.assertEqual([one.type for one in got].count(wire.GAP), 1, "losses side by side")
        self.assertEqual(number_of(got[-1]), self.N - 1, "the newest was lost")
        lost = next(one.tree[1] for one in got if one.type == wire.GAP)
        self.assertGreater(lost, self.N // 2, "the reader was not slow: the case has become too tame")

    @covers("O7", "P3")
    def test_those_who_keep_up_get_all(self):
        self.stopped_reader("flood", overflow="drop-oldest")
        sender, quick = self.session("flood"), self.subscriber("flood", name="quick")
        sender.queue(*numbered("flood", self.N), [wire.PING, 1])
        frames, counts = self.pump_until_pong(sender, quick)
        self.assertEqual((frames, counts), ([], (self.N, 0, 0)))
        self.assertEqual([number_of(one) for one in quick.barrier()[0]], list(range(self.N)))

    @covers("O8", "O9")
    def test_a_gap_does_not_move_past_a_pong(self):
        watcher = self.subscriber("watch", name="watcher")
        reader = self.stopped_reader("flood", overflow="drop-oldest")
        sender = self.flood_all("flood", self.N)
        reader.send([wire.PING, 77], publish("watch"))
        watcher.receive()  # so the PONG waits in the outbox
        self.flood_more(sender, "flood", self.N, first=self.N)
        got = self.resume(reader)
        pong = next(i for i, one in enumerate(got) if one.type == wire.PONG)
        self.assertEqual(got[pong].tree[1], 77)
        self.expect_gaps_where_messages_lack(got[:pong], "flood")
        self.expect_gaps_where_messages_lack(got[pong + 1:], "flood", first=self.N)

    @covers("O7", "O9")
    def test_what_it_sends_to_itself_is_dropped_like_the_rest(self):
        me = self.stopped_reader("mine", name="me", overflow="drop-oldest")
        me.queue(*numbered("mine", self.N))
        wire.pump([me], lambda: not me.queued, "the broker to read all")
        self.expect_gaps_where_messages_lack(self.resume(me), "mine")

    @covers("O10")
    def test_a_message_longer_than_the_mark_is_taken_whole(self):
        reader = self.stopped_reader("flood", overflow="drop-oldest")
        sender = self.flood_all("flood", self.N)
        large = publish("flood", bytes(16 * MARK))
        sender.send(large, [wire.PING, 2])
        sender.receive()
        got = self.resume(reader)
        self.assertEqual(got[-1].tree[6], bytes(16 * MARK))
        lost = sum(one.tree[1] for one in got if one.type == wire.GAP)
        self.assertEqual(len([one for one in got if one.type == wire.PUBLISH]) + lost, self.N + 1)

    @covers("O10", "O9")
    def test_behind_the_rest_of_a_long_frame_the_new_messages_are_lost(self):
        reader = self.stopped_reader("flood", overflow="drop-oldest")
        sender = self.session("sender")
        sender.send(publish("flood", bytes(48 * MARK)), [wire.PING, 2])
        sender.receive()
        self.flood_more(sender, "flood", 10, first=0)
        got = self.resume(reader)
        self.assertEqual([one.type for one in got], [wire.PUBLISH, wire.GAP])
        self.assertEqual(len(got[0].tree[6]), 48 * MARK)
        self.assertEqual(got[1].tree[1:3], [10, 10 * len(frame(numbered("flood", 1)[0]))])

    @covers("O7", "O9")
    def test_it_goes_on_as_if_nothing_had_been(self):
        reader = self.stopped_reader("flood", overflow="drop-oldest")
        sender = self.flood_all("flood", self.N)
        self.resume(reader)
        sender.send(*numbered("flood", 3), [wire.PING, 2])
        sender.receive()
        self.assertEqual([number_of(one) for one in reader.barrier()[0]], [0, 1, 2])


class Disconnect(OverflowCase):
    flags = (*SMALL_OUTBOX, *FOR_EVER)

    @covers("O11", "O9", "O4")
    def test_a_full_outbox_ends_the_session_and_holds_nobody(self):
        reader = self.stopped_reader("flood", overflow="disconnect")
        sender = self.session("flood")
        sender.queue(*numbered("flood", self.N), [wire.PING, 1])
        frames, counts = self.pump_until_pong(sender)
        self.assertEqual((frames, counts.accepted, counts.refused), ([], self.N, 0))
        self.assertGreater(counts.unmatched, 0)

        reader.paused = False
        got, error = self.expect_fatal(reader, "slow_consumer")
        self.assertEqual([one.type for one in got], [wire.PUBLISH] * (len(got) - 1) + [wire.GAP])
        self.assertEqual(len(got) - 1 + got[-1].tree[1], self.N - counts.unmatched)

    @covers("O11", "H8")
    def test_who_comes_back_may_ask_for_the_same(self):
        reader = self.stopped_reader("flood", name="again", overflow="disconnect")
        sender = self.session("flood")
        sender.queue(*numbered("flood", self.N), [wire.PING, 1])
        self.pump_until_pong(sender)
        reader.paused = False
        self.expect_fatal(reader, "slow_consumer")
        self.assertEqual(self.session("again", overflow="disconnect").limits["overflow"], "disconnect")

    @covers("O11")
    def test_who_reads_is_not_disconnected(self):
        reader = self.session("reader", overflow="disconnect")
        reader.subscribe("flood")
        sender = self.session("flood")
        for first in range(0, self.N, 4):
            sender.send(*numbered("flood", 4, first), [wire.PING, 1])
            sender.receive()
            self.assertEqual([number_of(one) for one in reader.barrier()[0]], list(range(first, first + 4)))


class Evicted(OverflowCase):
    flags = (*SMALL_OUTBOX, "--stall-ms", "300", "--hold-max-ms", NEVER)

    @covers("H11", "O3")
    def test_who_was_evicted_for_stalling_is_granted_drop_oldest_only(self):
        reader = self.stopped_reader("flood", name="staller")
        self.assertEqual(reader.limits["overflow"], "block")
        sender = self.flood("flood", self.N)
        self.pump_until_pong(sender)
        reader.paused = False
        self.expect_fatal(reader, "slow_consumer")
        for asked in ({}, {"overflow": "block"}, {"overflow": "disconnect"}, {"overflow": "drop-oldest"}):
            with self.subTest(asked=asked):
                self.assertEqual(self.session("staller", **asked).limits["overflow"], "drop-oldest")
        self.assertEqual(self.session("another").limits["overflow"], "block")


class ShortOfMemory(OverflowCase):
    flags = ("--memory-max", str(6 << 20), "--outbox-high", str(4 << 20), *FOR_EVER)

    @covers("O12", "O9")
    def test_those_that_drop_make_room_before_anybody_waits_for_memory(self):
        readers = [self.stopped_reader(f"flood.{number}", overflow="drop-oldest") for number in range(5)]
        for number in range(len(readers)):
            self.flood_all(f"flood.{number}", self.N)
        for number, reader in enumerate(readers):
            self.expect_gaps_where_messages_lack(self.resume(reader), f"flood.{number}")

    @covers("O14", "C4", "C1")
    def test_who_waits_for_memory_gets_no_hold_and_others_are_told(self):
        watcher = self.subscriber("$SYS.client.held", name="watcher")
        readers = [self.stopped_reader(f"flood.{number}") for number in range(3)]
        senders = [self.flood(f"flood.{number}", self.N) for number in range(len(readers))]
        held = None
        while not held or held["by"]["session"] != 0:
            wire.pump([watcher, *senders], lambda: watcher.frames, "somebody to wait for memory")
            held = wire.parse(watcher.receive().tree[6]).plain()
        self.assertEqual((held["on"], held["topic"], held["limit"]), (True, "", 6 << 20))
        self.assertEqual(held["by"]["name"], f"memory-max {6 << 20}")
        waits = next(one for one in senders if one.id == held["held"]["session"])
        for reader in readers:
            reader.paused = False
        while held["on"] or held["held"]["session"] != waits.id or held["by"]["session"] != 0:
            wire.pump([watcher, *senders, *readers], lambda: watcher.frames, "its wait to be over")
            held = wire.parse(watcher.receive().tree[6]).plain()
        self.assertEqual([one for one in waits.frames if one.type == wire.HOLD and one.tree[2] == 0], [])


if __name__ == "__main__":
    unittest.main()
