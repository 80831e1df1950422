#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The golden frames against a second reading of the page; no daemon is needed."""

import subprocess
import sys
import unittest

import judge
import vectors
import wire


class GoldenFrames(unittest.TestCase):
    def test_the_files_are_what_their_script_generates(self):
        command = [sys.executable, str(vectors.FOLDER / "generate.py"), "--check"]
        run = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_good_ones_decode_to_what_they_say(self):
        for vector in vectors.load():
            if vector.good:
                with self.subTest(vector.name):
                    frame = wire.Frame(vector.frame)
                    self.assertEqual(len(vector.frame) - 5, int.from_bytes(vector.frame[1:5], "big"))
                    # repr tells 1 from True and 1.0, which == does not
                    self.assertEqual(repr(frame.tree), repr(vector.decoded))

    def test_good_ones_have_no_fault_and_bad_ones_the_one_they_name(self):
        for vector in vectors.load():
            for way in ("to_broker", "to_client"):
                if vector.goes(way):
                    with self.subTest(vector.name, way=way):
                        expected = set() if vector.good else {vector.error}
                        self.assertEqual(judge.faults(vector.frame, way), expected, vector.why)

    def test_every_type_has_good_ones_and_every_error_of_a_decoder_has_bad_ones(self):
        types = {vector.decoded[0] for vector in vectors.load() if vector.good}
        self.assertEqual(types & set(range(0x80)), set(range(1, 14)))
        errors = {vector.error for vector in vectors.load() if not vector.good}
        self.assertEqual(errors, {"bad_magic", "frame_too_big", "bad_frame", "unknown_type", "bad_topic", "bad_reply"})


if __name__ == "__main__":
    unittest.main()
