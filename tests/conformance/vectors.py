# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""Reads proto/vectors/, as its README says one should."""

import json
import os
import pathlib

SOURCE = pathlib.Path(os.environ.get("UMBEL_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
FOLDER = SOURCE / "proto" / "vectors"
PROTOCOL = SOURCE / "proto" / "PROTOCOL.md"


def bytes_of(written):
    """Hex, or a list of hex and of {"repeat": hex, "times": n}."""
    parts = [written] if isinstance(written, str) else written
    return b"".join(bytes.fromhex(part) if isinstance(part, str) else bytes.fromhex(part["repeat"]) * part["times"]
                    for part in parts)


def value_of(tree):
    """The Python value of a decoded tree."""
    if isinstance(tree, list):
        return [value_of(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    (tag, content), = tree.items()
    if tag == "bin":
        return bytes_of(content)
    if tag == "float":
        return float(content)
    if tag == "map":
        return {value_of(key): value_of(value) for key, value in content}
    if tag == "ext":
        return (content[0], bytes_of(content[1]))
    raise ValueError(f"unknown tag {tag}")


class Vector:
    def __init__(self, path):
        fields = json.loads(path.read_text(encoding="utf-8"))
        self.name = path.stem
        self.good = path.stem.startswith("ok_")
        self.way = fields["way"]
        self.why = fields["why"]
        self.frame = bytes_of(fields["frame"])
        self.decoded = value_of(fields["decoded"]) if self.good else None
        self.error = fields.get("error")

    def goes(self, way):
        return self.way in (way, "both")

    @property
    def is_hello(self):
        """It is, or tries to be, the first frame of a client."""
        return "_hello_" in self.name


def load():
    found = [Vector(path) for path in sorted(FOLDER.glob("*.json"))]
    assert found, f"no vectors in {FOLDER}"
    return found
