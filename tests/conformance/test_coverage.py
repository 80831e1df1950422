#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Every sentence of PROTOCOL.md that binds has a case, and no case speaks of one that is not there."""

import importlib
import pathlib
import re
import unittest

import vectors


def ids_of_the_page():
    return re.findall(r"^- `\[([A-Z][0-9]+)\]`", vectors.PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)


def cases():
    """Every case of every file beside this one: its name and the ids that it states."""
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == module.__name__:
                for name in unittest.defaultTestLoader.getTestCaseNames(value):
                    yield f"{path.stem}.{value.__name__}.{name}", getattr(getattr(value, name), "covers", ())


class Coverage(unittest.TestCase):
    def test_every_id_has_a_case_and_every_case_an_id_that_exists(self):
        page = ids_of_the_page()
        stated = {id: name for name, ids in cases() for id in ids}
        self.assertGreater(len(page), 60, "the page's ids are no longer found")
        self.assertEqual(sorted(set(page)), sorted(page), "an id stands twice on the page")
        self.assertEqual(sorted(set(page) - set(stated)), [], "ids without a case")
        self.assertEqual({id: stated[id] for id in set(stated) - set(page)}, {}, "cases of ids that are not on the page")


if __name__ == "__main__":
    unittest.main()
