#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""The manuals in docs/man say of flags, functions, keys and numbers what --help, umbel.h and the sources say."""

import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"])
BIN = pathlib.Path(os.environ["UMBEL_BIN_DIR"])
CLI = SOURCE / "client/cli"


def page(name):
    return (SOURCE / "docs/man" / name).read_text()


def output(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE).stdout


def squeeze(text):
    """C without the white space that does not matter."""
    return re.sub(r"\s*([*(),])\s*", r"\1", " ".join(text.split())).replace("_Bool", "bool")


# ---- flags: name -> (letter or "", what it takes or "") ----------------------------------------------------------


def flags_of_page(text):
    flags = {}
    for line in re.findall(r"^\.It (Fl .*)", text, re.M):
        letter, name, takes = re.fullmatch(r"(?:Fl (\w) , )?Fl -([\w-]+)(.*)", line).groups()
        takes = takes.replace(" Ar ", " ").replace(" Oo ", " [").replace(" Oc", "]")
        flags[name] = letter or "", takes.strip()
    return flags


def flags_of_help(text):
    flags = {}
    for usage in re.findall(r"^(?:usage:|      ) umbeld? .*", text, re.M):
        for name, takes in re.findall(r"(?<=[ (|])--([a-z-]+)(?: ([A-Z]+))?", usage):
            flags[name] = "", takes
    for letter, name, takes in re.findall(
            r"^(?:  |  -(\w), |      )--([a-z-]+)((?: \[?[A-Z][A-Z=]*\b\]*)*)", text, re.M):
        flags[name] = letter, takes.strip()
    for name, takes in re.findall(r"^      --[a-z-]+ [A-Z]+, --([a-z-]+) ([A-Z]+)", text, re.M):
        flags[name] = "", takes
    return flags


def flags_of_source(path):
    """What getopt_long() is told: whether a flag takes something, not what."""
    text = path.read_text()
    for header, macro in ("cli.h", "CLI_OPTIONS"), ("cli.h", "CLI_WILL_OPTIONS"), ("payload.h", "PAYLOAD_OPTIONS"):
        if re.search(rf"\b{macro},|{{ {macro}\b", text):
            text += re.search(rf"#define {macro} .*?[^\\]\n", (CLI / header).read_text(), re.S)[0]
    found = re.findall(r"{ \"([a-z-]+)\",\s*(no|required)_argument,\s*NULL,\s*(?:'(\w)')?", text)
    return {name: (letter, takes == "required") for name, takes, letter in found}


def rough(flags):
    return {name: (letter, takes != "") for name, (letter, takes) in flags.items()}


def without(flags, some):
    return {name: flag for name, flag in flags.items() if name not in some}


class Flags(unittest.TestCase):
    maxDiff = None

    def test_umbeld_has_the_flags_of_its_help_and_manual(self):
        told = flags_of_help(output(BIN / "umbeld", "--help"))
        self.assertEqual(flags_of_page(page("umbeld.8")), told)
        # its settings are a table, from which --help is made
        taken = flags_of_source(SOURCE / "broker/config.c")
        settings = set(re.findall(r"^\t(?:{ |MS\()\"([a-z-]+)\",", (SOURCE / "broker/setting.c").read_text(), re.M))
        self.assertEqual(set(told), set(taken) | settings)

    def test_every_help_fits_a_terminal(self):
        for command in ["umbeld"], ["umbel"], *(["umbel", verb] for verb in self.verbs()[1]):
            long = [line for line in output(BIN / command[0], *command[1:], "--help").splitlines() if len(line) > 79]
            self.assertEqual(long, [], command)

    def verbs(self):
        """Name, manual of each verb; the manual before the verbs is that of ""."""
        general, *verbs = re.split(r"^\.Ss umbel (\w+)\n", page("umbel.1"), flags=re.M)
        return general, dict(zip(verbs[::2], verbs[1::2]))

    def test_umbel_has_the_verbs_of_its_help_and_manual(self):
        there_are = re.findall(r'{ "(\w+)", \w+_main }', (CLI / "main.c").read_text())
        told = re.findall(r"^  ([a-z]+) .*", output(BIN / "umbel", "--help").split("--help has")[0], re.M)
        self.assertEqual([verb for verb in told if verb != "umbel"], there_are)
        self.assertEqual(list(self.verbs()[1]), there_are)

    def test_umbel_has_the_flags_of_its_help_and_manual(self):
        general, _ = self.verbs()
        told = flags_of_help(output(BIN / "umbel", "--help"))
        self.assertEqual(flags_of_page(general), told)

    def test_each_verb_has_the_flags_of_its_help_and_manual(self):
        general, verbs = self.verbs()
        common = flags_of_page(general)
        for verb, text in verbs.items():
            with self.subTest(verb=verb):
                written = flags_of_page(text)
                told = flags_of_help(output(BIN / "umbel", verb, "--help"))
                self.assertEqual(written, without(told, common))
                self.assertEqual(rough(written), without(flags_of_source(CLI / f"{verb}.c"), common))
                self.assertEqual({name: told[name] for name in told if name in common},
                                 {name: common[name] for name in told if name in common})


# ---- umbel.h ------------------------------------------------------------------------------------------------------


def header():
    """umbel.h as a compiler sees it, without attributes and without what it includes."""
    text = (SOURCE / "client/umbel.h").read_text()
    text = re.sub(r"^#include.*", "", text, flags=re.M)
    text = subprocess.run([os.environ.get("CC", "cc"), "-E", "-P", "-x", "c", "-"], input=text, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", text)
    return re.sub(r"static inline ([^;{]*)\{[^{}]*\}", r"\1;", text)


def statements(text):
    """The parts of C text that end in a semicolon outside of braces."""
    depth = start = 0
    for at, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == ";" and depth == 0:
            yield squeeze(text[start:at])
            start = at + 1


class Library(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.header = list(statements(header()))
        self.page = page("libumbel.3")

    def declared(self):
        """name -> prototype, of functions."""
        functions = (re.fullmatch(r"(?!typedef)[\w *]*?(umbel_\w+)\(.*\)", line) for line in self.header)
        return {function[1]: function[0] for function in functions if function}

    def test_the_synopsis_has_the_functions_of_umbel_h(self):
        written = {}
        for returns, name, takes in re.findall(r"^\.Ft (.*)\n\.Fo (\w+)\n((?:\.Fa .*\n)+)\.Fc", self.page, re.M):
            arguments = [argument.strip('"') for argument in re.findall(r"\.Fa (.*)", takes)]
            returns = returns.strip('"')
            written[name] = squeeze(f"{returns} {name}({','.join(arguments)})")
        self.assertGreater(len(written), 50)
        self.assertEqual(written, self.declared())

    def test_each_function_is_described(self):
        described = re.findall(r"^\.It Fn (umbel_\w+)", self.page, re.M)
        self.assertEqual(sorted(described), sorted(self.declared()))

    def test_each_constant_is_described(self):
        constants = []
        for body in re.findall(r"enum umbel_\w+ {(.*)}", "\n".join(self.header)):
            constants += re.findall(r"UMBEL_\w+", body)
        described = re.findall(r"^\.It Dv (UMBEL_\w+)", self.page, re.M)
        self.assertGreater(len(constants), 20)
        self.assertEqual(sorted(described), sorted(constants))

    def test_each_member_of_a_struct_is_described(self):
        for line in self.header:
            struct = re.fullmatch(r"(struct umbel_\w+) {(.*)}", line)
            if not struct:
                continue
            members = list(statements(struct[2]))
            section = re.search(rf'^\.Vt "{struct[1]}" :\n\.Bl .*\n((?:(?!\.El).*\n)*)', self.page, re.M)
            self.assertTrue(section, f"{struct[1]} is not described")
            written = re.findall(r'^\.It Vt "(.*)"', section[1], re.M)
            self.assertEqual([squeeze(member) for member in written], members, struct[1])


# ---- keys and numbers ---------------------------------------------------------------------------------------------


class Keys(unittest.TestCase):
    def test_umbeld_yaml_has_the_keys_of_the_example(self):
        example = (SOURCE / "docs/umbeld.yaml").read_text()
        keys = set(re.findall(r"^(?:[ -]*|    # )([a-z-]+):", example, re.M))
        written = re.findall(r"^\.It Cm ([a-z-]+) :", page("umbeld.yaml.5"), re.M)
        self.assertEqual(sorted(written), sorted(keys))

    def test_umbel_protocol_has_the_frames_and_errors_of_protocol_md(self):
        text = (SOURCE / "proto/PROTOCOL.md").read_text()
        both = {"client → broker": "to the broker", "broker → client": "to the client"}
        rows = [(number, name, both.get(way, way))
                for number, name, way in re.findall(r"^\| (\d+) \| ([A-Z]+) \| (.*?) \|", text, re.M)]
        rows += re.findall(r"^\| (\d+) \| `(\w+)` \| (fatal.*?|refusal) \|", text, re.M)
        self.assertGreater(len(rows), 25)
        written = re.findall(r"^\.It (\d+) Ta (\w+) Ta (.*)", page("umbel-protocol.7"), re.M)
        self.assertEqual(written, rows)


if __name__ == "__main__":
    unittest.main()
