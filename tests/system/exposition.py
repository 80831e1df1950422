# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The text format of Prometheus and its guide to names, as far as umbel's figures use them, checked without its tools.

https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/practices/naming/
"""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([^ ]+)$")
# units are base units, spelt out; what is counted by time or size says so
WRONG_WORDS = {"ms", "us", "millis", "milliseconds", "minutes", "kb", "mb", "kib", "mib", "kilobytes", "megabytes", "bits", "percent",
               "gauge", "counter", "sum", "count", "bucket"}
# of these there may be any number, so that none may become a label
UNBOUNDED = {"topic", "filter", "session", "pid", "uid", "user", "name", "command", "path"}


def parse(text):
    """{name: (type, help, {labels: value})}; whatever the format forbids is an AssertionError."""
    assert text.endswith("\n"), "the last line has to end"
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            current, help_text = line[7:].split(" ", 1)
            assert re.fullmatch(NAME, current), line
            assert current not in families, f"{current} is told twice"
            assert help_text.strip(), f"no help: {line}"
            families[current] = ["", help_text, {}]
            continue
        assert current, f"a line before any HELP: {line}"
        if line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == current and not families[name][0], line
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            families[name][0] = kind
            continue
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match.groups()
        assert name == current, f"{name} stands among {current}"
        assert families[name][0], f"{name} has no TYPE"
        assert labels not in families[name][2], f"told twice: {line}"
        families[name][2][labels] = float(value)
    return families


def check(text):
    """Held to the format and to the guide. Returns what parse() does."""
    families = parse(text)
    for name, (kind, _, samples) in families.items():
        words = name.split("_")
        assert words[0] == "umbel" and name == name.lower(), f"{name}: umbel_ in front, and nothing in capitals"
        assert not WRONG_WORDS & set(words), f"{name}: base units only, no type in the name"
        assert (words[-1] == "total") == (kind == "counter"), f"{name} is a {kind}"
        if "bytes" in words or "seconds" in words:
            assert words[-1] in ("bytes", "seconds") or words[-2:] in (["bytes", "total"], ["seconds", "total"]), f"{name}: the unit stands last"
        assert samples, f"{name} has no sample"
        for labels in samples:
            keys = set(re.findall(r'(\w+)="', labels or ""))
            assert not keys & UNBOUNDED, f"{name}: there may be any number of {keys & UNBOUNDED}"
    return families
