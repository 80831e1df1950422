#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbeld itself, when its k-th allocation fails, in whatever library that is, for every k.

Before it is ready it may end, saying why; afterwards it goes on, and serves the next client.

ctest: timeout=120
"""

import contextlib
import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import wire  # noqa: E402
from broker import Broker  # noqa: E402

PRELOAD = pathlib.Path(os.environ["UMBEL_BIN_DIR"]).resolve() / "no_memory" / "preload.so"
FIRED = "preload: this allocation fails"


def start(k):
    os.environ.update(LD_PRELOAD=str(PRELOAD), UMBEL_NO_MEMORY_AT=str(k))
    try:
        return Broker("--settle-ms", "0")
    finally:
        del os.environ["LD_PRELOAD"], os.environ["UMBEL_NO_MEMORY_AT"]


def converse(path, name):
    """What every client does. Who is not served is told so, or sees the end of the stream; nobody waits for ever."""
    with contextlib.ExitStack() as stack:
        reader, writer = (stack.enter_context(contextlib.closing(wire.Session(path, name))) for _ in range(2))
        for filter in ("a.*", "a.**", "b"):
            reader.subscribe(filter)
        writer.publish("a.b", b"1")
        writer.publish("a.b", b"2", headers={"k": "v"})
        writer.publish("nobody", b"3", reply=writer.inbox + ".1")
        writer.publish("$sys.x", b"4")
        _, pong = writer.barrier()
        assert pong.accepted == 3 and pong.refused == 1, f"{pong}"
        before, _ = reader.barrier()
        assert [frame.tree[6] for frame in before if frame.type == wire.PUBLISH] == [b"1", b"2"], f"{before}"
        reader.unsubscribe(1)


class Memory(unittest.TestCase):
    def run_with(self, k):
        """Did an allocation fail?"""
        try:
            broker = start(k)
        except AssertionError as ended:
            self.assertIn(FIRED, str(ended))
            self.assertRegex(str(ended), r"status [1-9]")
            self.assertRegex(str(ended), f"{FIRED}\n(.*\n)*umbeld: .*", f"it did not say why it ended, at {k}")
            return True
        try:
            converse(broker.path, "first")
        except (AssertionError, ConnectionError) as refused:
            self.assertNotIsInstance(refused, wire.Late, f"nobody was told, at {k}")
            self.assertIn(FIRED, broker.log(), f"refused with memory enough: {refused}")
        broker.assert_alive()
        fired = FIRED in broker.log()
        if fired:
            converse(broker.path, "next")
        broker.stop()
        return fired

    def test_any_one_allocation_of_umbeld_may_fail(self):
        k = 1
        while self.run_with(k):
            k += 1
        print(f"{k - 1} allocations")
        self.assertGreater(k, 50)


if __name__ == "__main__":
    unittest.main()
