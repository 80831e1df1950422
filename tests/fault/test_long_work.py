#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Short frames that are much work: many of them, sent at once, are done in turns with what others want."""

from fault import LINUX, FaultCase, main, publish, sized, wire

VALUES = sized(20_000, 99_000, 2_000)
SNAPSHOTS = sized(150, 1500, 50)
LEVELS = sized(12, 16, 9)
LONG_WAYS = sized(500, 3000, 200)
QUESTIONS = sized(500, 3000, 200)


class LongWork(FaultCase):
    """Red when command_take() never pauses: the canary's p99 was 220 to 840 ms."""

    def test_snapshots_of_nothing(self):
        self.begin("--retained-max", str(VALUES))
        keeper = self.session("keeper")
        for start in range(0, VALUES, 1000):
            keeper.queue(*([wire.PUBLISH, 1, wire.ZEROS, f"kept.{n}", None, None, b"x"] for n in range(start, start + 1000)))
            keeper.barrier()
        greedy = self.session("greedy")
        greedy.queue(*([wire.SUBSCRIBE, n, n, "*.zz", {"retained": True}] for n in range(1, SNAPSHOTS + 1)))
        wire.pump([greedy], lambda: len(greedy.frames) == SNAPSHOTS, "the answers")
        self.assertEqual({tuple(frame.tree[0::2]) for frame in greedy.frames}, {(wire.OK, 0)})
        greedy.close()
        for start in range(0, VALUES, 1000):  # from the front: the order moves for each
            keeper.queue(*([wire.PUBLISH, 1, wire.ZEROS, f"kept.{n}", None, None, b""] for n in range(start, start + 1000)))
            keeper.barrier()
        keeper.close()
        if LINUX:  # malloc() keeps what that many values were in
            self.resident_before = self.umbeld.memory()
        self.finish(f"{SNAPSHOTS} snapshots of {VALUES} values")

    def test_messages_that_have_a_long_way(self):
        self.begin()
        wild = self.session("wild")
        n = 1 << LEVELS
        filters = (".".join("a" if i >> level & 1 else "*" for level in range(LEVELS)) + ".b" for i in range(n))
        wild.queue(*([wire.SUBSCRIBE, i, i, filter, {}] for i, filter in enumerate(filters, 1)))
        wire.pump([wild], lambda: len(wild.frames) == n, "the answers")
        wild.frames.clear()
        wild.queue(*(publish(".".join(["a"] * LEVELS) + f".c{i}") for i in range(LONG_WAYS)))
        wild.barrier()
        wild.close()
        self.finish(f"{LONG_WAYS} messages past {n} filters")

    def test_questions(self):
        self.begin()
        asker = self.session("asker")
        asker.subscribe(asker.inbox + ".**")
        asker.queue(*([wire.SUBSCRIBE, n, n, f"some.thing.{n}.else", {}] for n in range(10, 3010)))
        wire.pump([asker], lambda: len(asker.frames) == 3000, "the answers")
        asker.frames.clear()
        question = wire.pack({"topic": "some.thing.like.that.but.longer"})
        asker.queue(*([wire.PUBLISH, 0, wire.ZEROS, "$SYS.broker.explain", asker.inbox + ".x", None, question]
                      for _ in range(QUESTIONS)))
        wire.pump([asker], lambda: len(asker.frames) == QUESTIONS, "the answers")
        asker.close()
        self.finish(f"{QUESTIONS} questions about 3,000 filters")


if __name__ == "__main__":
    main()
