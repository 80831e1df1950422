#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Values that the broker keeps: what they cost, and that whoever subscribes while they change misses none."""

import unittest

from harness import LINUX, SANITIZED, Case, publish, wire

N_VALUES = 10000
MOST = 4 << 20  # bytes of the broker's memory for all of them; measured: 2.7 MiB
N_TOPICS = 50
N_SUBSCRIBERS = 30 if SANITIZED else 60
LARGE = 100000  # bytes


def retain(topic, payload):
    return [wire.PUBLISH, 1, wire.ZEROS, topic, None, None, payload]


class LastValues(Case):
    def test_ten_thousand_values_of_20_bytes_cost_less_than_4_mib_and_are_all_there(self):
        broker = self.broker("--settle-ms", "0")
        publisher = self.session("publisher")
        topics = [f"sensors.room{n:05}.temperature" for n in range(N_VALUES)]
        publisher.send(*(publish(topic, bytes(20)) for topic in topics))  # what messages cost that are not kept is not theirs
        publisher.barrier()
        before = broker.memory() if LINUX else 0
        publisher.send(*(retain(topic, n.to_bytes(20, "big")) for n, topic in enumerate(topics)))
        _, pong = publisher.barrier()
        self.assertEqual(pong, (N_VALUES, N_VALUES, 0))
        if LINUX and not SANITIZED:
            cost = broker.memory() - before
            print(f"{cost / N_VALUES:.0f} bytes for each value")
            self.assertLess(cost, MOST)
        _, values = self.session("late").subscribe_retained("sensors.*.temperature")
        self.assertEqual([value.tree[3][6] for value in values], [n.to_bytes(20, "big") for n in range(N_VALUES)])

    def test_a_value_is_gone_with_its_broker_and_not_with_its_publisher(self):
        broker = self.broker("--settle-ms", "0")
        publisher = self.session("publisher")
        publisher.send(retain("a", b"1"))
        publisher.barrier()
        publisher.close()
        self.assertEqual(len(self.session().subscribe_retained("a")[1]), 1)
        broker.crash()
        self.broker("--settle-ms", "0")
        self.assertEqual(self.session().subscribe_retained("a")[1], [])

    def numbered(self, number):
        """One in ten is too long to be copied, one in a hundred longer than the kernel takes at once."""
        size = 20000 if number % 10 == 0 else 20
        return retain(f"count.{number % N_TOPICS:02}", number.to_bytes(8, "big") + bytes(LARGE if number % 100 == 7 else size))

    def expect_all_from_the_snapshot_on(self, frames, last):
        """Of each topic every number once, from the one of the snapshot (or the first) to the last."""
        ok, frames = frames[0], frames[1:]
        values, live = frames[:ok.tree[2]], frames[ok.tree[2]:]
        self.assertTrue(all(one.type == wire.DELIVER for one in values))
        self.assertTrue(all(one.type == wire.PUBLISH for one in live), [one for one in live if one.type != wire.PUBLISH][:3])
        topics = [one.tree[3][3] for one in values]
        self.assertEqual(topics, sorted(set(topics)))
        trees = [one.tree[3] for one in values] + [one.tree for one in live]
        by_topic = {}
        for tree in trees:
            by_topic.setdefault(tree[3], []).append(int.from_bytes(tree[6][:8], "big"))
        for topic, numbers in by_topic.items():
            first = numbers[0] if topic in topics else int(topic[-2:])
            self.assertEqual(numbers, list(range(first, last + 1, N_TOPICS)), topic)
        return len(values)

    def test_who_subscribes_while_values_change_misses_none_and_gets_none_twice(self):
        self.broker("--settle-ms", "0")
        publisher = self.session("publisher")
        last, subscribers = -1, []
        for wave in range(N_SUBSCRIBERS // 10):
            n = 20 if wave == 0 else 300  # at first not all topics have a value
            publisher.queue(*(self.numbered(number) for number in range(last + 1, last + 1 + n)))
            last += n
            some = [self.session(f"s{wave}.{n}") for n in range(10)]
            for session in some:
                session.queue([wire.SUBSCRIBE, 1, 1, "count.*", {"retained": True}])
            subscribers += some
            wire.pump([publisher, *subscribers], lambda: all(s.frames for s in some), "all to be granted")  # noqa: B023
        publisher.queue([wire.PING, 1])
        wire.pump([publisher, *subscribers], lambda: publisher.frames, "all to be routed")
        sizes = set()
        for session in subscribers:
            session.queue([wire.PING, 1])
        wire.pump(subscribers, lambda: all(s.frames[-1].type == wire.PONG for s in subscribers), "all to be delivered")
        for session in subscribers:
            sizes.add(self.expect_all_from_the_snapshot_on(list(session.frames)[:-1], last))
        self.assertGreater(len(sizes), 1, "every snapshot had the same size: nothing changed meanwhile")


if __name__ == "__main__":
    unittest.main()
