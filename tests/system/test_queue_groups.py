#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
# ctest: poll
"""Queue groups: each message to one member, and to another one when a member dies; what is lost lay in its socket."""

import array
import signal
import unittest

from harness import Case, publish, wait_until, wire

SIZE = 1024
NEVER = "600000"
SMALL_OUTBOX = ("--settle-ms", "0", "--outbox-high", "1M", "--stall-ms", NEVER, "--hold-max-ms", NEVER)
# what a member's socket and its library may hold: a send buffer, which the kernel counts twice, and a receive buffer
IN_FLIGHT = (2 << 20) + (1 << 20)


class QueueGroups(Case):
    def member(self, name):
        member = self.program("subscriber", "-n", name, "-g", "workers", "-l", self.log_of(name), "work.*", name=name)
        member.expect("^connected")
        return member

    def log_of(self, name):
        return self.directory / f"{name}.log"

    def handled(self, member):
        """The numbers that it has handled, in its order, however it ended."""
        numbers = array.array("Q", self.log_of(member.name).read_bytes())
        numbers.byteswap()  # big-endian, and one write each
        return list(numbers)

    def expect_each_once(self, members, count):
        """Each message was handled once, and each member saw its own in the order in which they were published."""
        lists = [self.handled(member) for member in members]
        for numbers in lists:
            self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(sorted(sum(lists, [])), list(range(count)))
        return [len(numbers) for numbers in lists]

    def test_the_work_is_shared_and_each_message_is_handled_once_in_order(self):
        self.broker("--settle-ms", "0")
        members = [self.member(f"m{i}") for i in range(4)]
        plain = self.program("subscriber", "-n", "plain", "work.*", name="plain")
        plain.expect("^connected")
        report = self.program("publisher", "-c", 20000, "-s", SIZE, "work.now").report()
        self.assertEqual(report["unconfirmed_at_close"], 0)
        for member in members:
            report = self.report_of(member)
            self.assertEqual((report["damaged"], report["lost"]), (0, 0))
        shares = self.expect_each_once(members, 20000)
        for share in shares:
            self.assertGreater(share, 20000 // 20, shares)
        # beside the group everybody gets everything
        self.assertEqual(self.report_of(plain)["topics"], {"work.now": [0, 20000, 0, 0]})

    def test_a_stopped_member_is_passed_over_and_holds_nobody(self):
        self.broker(*SMALL_OUTBOX)
        members = [self.member(f"m{i}") for i in range(3)]
        members[0].stop()
        report = self.program("publisher", "-c", 20000, "-s", SIZE, "work.now").report()
        self.assertEqual(report["unconfirmed_at_close"], 0)
        members[0].go_on()
        for member in members:
            self.assertEqual(self.report_of(member)["damaged"], 0)
        shares = self.expect_each_once(members, 20000)
        # its socket, its outbox and the run that filled that
        self.assertLess(shares[0] * SIZE, IN_FLIGHT + (1 << 20) + (1 << 18), shares)

    def test_a_member_that_is_killed_under_load_loses_no_more_than_its_socket_held(self):
        broker = self.broker(*SMALL_OUTBOX)
        members = [self.member(f"m{i}") for i in range(3)]
        victim = members[0]
        watch = self.subscriber("work.*", name="watch")
        publisher = self.program("publisher", "-s", SIZE, "work.now")
        victim.stop()
        wire.pump([watch], lambda: len(watch.frames) > 10000)
        watch.close()
        victim.signal(signal.SIGKILL)
        handed_over = int(broker.expect(r'info: handed over messages=(\d+) to others of the group, from session=\d+ name="m0" '
                                        rf"pid={victim.pid} ")[1])
        self.assertGreater(handed_over, 0)
        publisher.signal(signal.SIGTERM)
        report = publisher.report()
        self.assertEqual(report["unconfirmed_at_close"], 0)
        for member in members[1:]:
            self.assertEqual(self.report_of(member)["damaged"], 0)
        lists = [self.handled(member) for member in members]
        every = set().union(*lists)
        self.assertEqual(sum(map(len, lists)), len(every), "a message was handled twice")
        self.assertLessEqual(every, set(range(report["published"])))
        lost = report["published"] - len(every)
        print(f"of {report['published']} messages {handed_over} were handed over, and {lost} lost")
        self.assertLess(lost * SIZE, IN_FLIGHT)
        # before the death nothing overtook anything
        self.assertEqual(lists[0], sorted(lists[0]))

    def test_what_is_lost_is_exactly_what_lay_in_the_socket(self):
        broker = self.broker(*SMALL_OUTBOX)
        victim, other = self.session("victim"), self.session("other")
        for member in (victim, other):
            member.subscribe("work.*", group="workers")
        victim.paused = True
        sender = self.session("sender")
        sender.queue(*(publish("work.now", b"%08d" % n + bytes(SIZE)) for n in range(6000)), [wire.PING, 7])
        wire.pump([sender, other], lambda: sender.frames)
        # nothing moves while we look into the socket, and close it as the kernel does for one that is killed
        broker.stop()
        while victim.read_some():
            pass
        victim.close()
        broker.go_on()
        in_socket = [int(frame.tree[3][6][:8]) for frame in victim.frames]
        begun = bool(victim.received)
        there = []

        def come():
            there.extend(int(frame.tree[3][6][:8]) for frame in other.frames)
            other.frames.clear()
            return len(there) + len(in_socket) + begun == 6000
        wire.pump([other], come, "the messages that were not in the socket")
        self.assertEqual(other.barrier()[0], [])
        self.assertEqual(len(set(there) | set(in_socket)), 6000 - begun)
        handed_over = int(broker.expect(r"info: handed over messages=(\d+) ")[1])
        self.assertGreater(handed_over, 100)
        self.assertEqual(there[-handed_over:], sorted(there[-handed_over:]))
        self.assertEqual(there[:-handed_over], sorted(there[:-handed_over]))

    def test_a_request_to_a_group_is_answered_by_one_of_it(self):
        """The way to have work done: the reply is the acknowledgement."""
        self.broker("--settle-ms", "0")
        members = [self.session(f"m{i}") for i in range(2)]
        for member in members:
            member.subscribe("work.*", group="workers")
        asker = self.session("asker")
        asker.subscribe(f"{asker.inbox}.*")
        members[0].close()  # one that dies with it in its socket, or a moment before: ask again
        answered = 0
        for n in range(20):
            asker.send([wire.PUBLISH, 0, wire.ZEROS, "work.now", f"{asker.inbox}.{n}", None, b"%d" % n])
            asker.barrier()
            for frame in members[1].barrier()[0]:
                work = frame.tree[3]
                members[1].publish(work[4], work[6])
                self.expect_message(asker, work[4], work[6])
                answered += 1
        self.assertGreaterEqual(answered, 19)


if __name__ == "__main__":
    unittest.main()
