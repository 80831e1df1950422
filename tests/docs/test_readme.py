#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""README.md is true: its commands run, in its order, and print what it says."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["UMBEL_BIN_DIR"])
README = (SOURCE / "README.md").read_text()

# Commands of the README that another test runs, or that run this one.
RUN_ELSEWHERE = {
    "./dev demo": "client/examples/demo",
    "./dev test": ".ci/run",
}


def blocks(text):
    """(language, content) of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


class Readme(unittest.TestCase):
    def test_the_tour_runs_and_prints_what_it_says(self):
        script, promised = ["set -eu"], []
        for language, content in blocks(README):
            if language == "sh":
                script += self.commands(content)
            elif language == "":
                promised.append(content.strip())
                script.append(f'expect "{content.strip()}"')
        self.assertGreaterEqual(len(promised), 4)

        with tempfile.TemporaryDirectory(prefix="umbel-readme-") as scratch:
            self.run_tour(pathlib.Path(scratch), "\n".join(script))

    def commands(self, content):
        lines = []
        for line in content.splitlines():
            command = line.split("#")[0].strip()
            if command in RUN_ELSEWHERE:
                self.assertTrue((SOURCE / RUN_ELSEWHERE[command]).exists(), command)
            else:
                lines.append(line)
        return lines

    def run_tour(self, scratch, tour):
        """In a copy of the tree as far as the tour looks at it, with what is built already in the place of a build."""
        # what has been printed so far is in a file; `expect` waits until a line is there
        prelude = f"""
            cd {scratch}/tree
            exec >{scratch}/out 2>{scratch}/err
            expect() {{
                timeout 30 sh -c 'tail -n +1 -f --pid=$$ {scratch}/out | grep -qxF -m 1 -- "$1"' - "$1"
            }}
        """
        tree = scratch / "tree"
        tree.mkdir()
        for name in ("client", "build"):
            (tree / name).symlink_to(SOURCE / name if name != "build" else BIN.parent)
        (tree / "dev").write_text("#!/bin/sh\n[ \"$*\" = build ]\n")
        (tree / "dev").chmod(0o755)
        tour = tour.replace("/tmp/umbel-tour", str(scratch / "tour"))
        process = subprocess.Popen(["bash", "-c", prelude + tour], start_new_session=True, stdin=subprocess.DEVNULL)
        try:
            status = process.wait(100)
        finally:
            with contextlib.suppress(ProcessLookupError):  # all of it may have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said = "".join(f"--- {name}\n{(scratch / name).read_text()}" for name in ("out", "err"))
        self.assertEqual(status, 0, said)

    def test_the_client_in_the_readme_is_the_example(self):
        example = (SOURCE / "client/examples/hello.c").read_text()
        shown = [content for language, content in blocks(README) if language == "c"]
        self.assertEqual(len(shown), 1)
        self.assertTrue(example.endswith(shown[0]), "README.md and client/examples/hello.c differ")

    def test_every_file_that_it_names_exists(self):
        for path in re.findall(r"`((?:docs|proto|client|tests|broker)/[\w./-]+|[A-Z]+\.md)`", README):
            self.assertTrue((SOURCE / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
