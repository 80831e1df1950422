#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Clients that say they are others, listen where they may not, or want others to speak for them."""

import os
import random

from fault import FaultCase, main, sized, wire

N = sized(1000, 10_000, 300)


class Forgery(FaultCase):
    """Red when publish.c leaves the stamp alone (P1), when command.c compares an inbox by its first bytes only (S6), or when
    rights.c lets a reply point into another's inbox (P9)."""

    def test_nobody_forges_a_sender(self):
        self.begin()
        spy, forger = self.subscriber("forged.*", name="spy"), self.session("forger")
        true = forger.id.to_bytes(4, "big") + os.getuid().to_bytes(4, "big")
        chance = random.Random(5)
        stamps = [bytes(8), b"\xff" * 8, bytes(4) + true[4:], (spy.id).to_bytes(4, "big") + true[4:], true[:4] + bytes(4)]
        for n in range(N):
            stamp = stamps[n] if n < len(stamps) else chance.randbytes(8)
            forger.queue([wire.PUBLISH, 0, stamp, f"forged.{n % 7}", None, None, stamp])
        wire.pump([forger, spy], lambda: len(spy.frames) == N, "all forgeries")
        self.assertEqual({frame.tree[2] for frame in spy.frames}, {true})
        self.assertEqual(len({frame.tree[6] for frame in spy.frames}) > N // 2, True)
        spy.close()
        forger.close()
        self.finish(f"{N} forged stamps")

    def test_foreign_inboxes(self):
        """In whatever way a filter says it, nobody hears another's inbox."""
        self.begin()
        owner, thief = self.session("owner"), self.session("thief")
        owner.subscribe(owner.inbox + ".**")
        prefix, session = owner.inbox.rsplit(".", 1)
        own = thief.inbox.rsplit(".", 1)[1]
        filters = [owner.inbox, owner.inbox + ".**", owner.inbox + ".*", prefix + ".*", prefix + ".**", prefix + ".*.**", "$inbox.**",
                   "$inbox.*.*", f"$inbox.*.{session}", f"$inbox.*.{session}.**", "$inbox", f"{prefix}.{own}0.**",
                   f"{thief.inbox}x.**", f"{prefix}.0{own}.**"]
        for filter in filters:
            request = thief.request(filter)
            answer = thief.receive()
            self.assertEqual((answer.type, answer.tree[3]), (wire.ERROR, request), f"{filter} was granted")
        for filter in ("*.**", "**", "*.*.*"):
            thief.request(filter)
        self.observer.publish(owner.inbox + ".secret", b"for the owner")
        self.expect_message(owner, owner.inbox + ".secret", b"for the owner")
        heard = {frame.tree[3] for frame in thief.barrier()[0] if frame.type == wire.PUBLISH}
        self.assertLessEqual(heard, {"canary.sings"})
        for session in (owner, thief):
            session.close()
        self.finish(f"{len(filters)} filters")

    def test_nobody_is_made_to_answer_for_another(self):
        """A reply into another's inbox would have a service write there in its own name."""
        self.begin()
        service, victim, deceiver = self.subscriber("service", name="service"), self.session("victim"), self.session("deceiver")
        victim.subscribe(victim.inbox + ".**")
        prefix = victim.inbox.rsplit(".", 1)[0]
        replies = [victim.inbox, victim.inbox + ".1", victim.inbox + ".1.2", prefix + ".0", prefix, "$inbox.x.1", "$SYS.broker.info",
                   "$inbox", "$anything"]
        for reply in replies:
            deceiver.send([wire.PUBLISH, 0, wire.ZEROS, "service", reply, None, b"do it"])
        (answer, *_), pong = deceiver.barrier()
        self.assertEqual((answer.tree[:2], answer.tree[5]), ([wire.ERROR, wire.REFUSAL_CODES["denied"]], replies[0]))
        self.assertEqual(pong, (0, 0, len(replies)))
        self.assertEqual(service.barrier()[0], [])
        self.assertEqual(victim.barrier()[0], [])
        for session in (service, victim, deceiver):
            session.close()
        self.finish(f"{len(replies)} replies")


if __name__ == "__main__":
    main()
