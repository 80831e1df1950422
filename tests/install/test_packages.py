#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""cpack makes four Debian packages: each file is in one of them, and what they say of each other is true."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["UMBEL_BIN_DIR"]).parent


def output(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE).stdout


class Packages(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="umbel-packages-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        output("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.scratch)
        cls.files, cls.fields = {}, {}
        for package in cls.scratch.glob("*.deb"):
            name = package.name.split("_")[0]
            unpacked = cls.scratch / "unpacked" / name
            unpacked.mkdir(parents=True)
            output("dpkg-deb", "-R", package, unpacked)
            cls.files[name] = [str(path.relative_to(unpacked)) for path in unpacked.rglob("*")
                               if not path.is_dir() and "DEBIAN" not in path.parts]
            cls.fields[name] = (unpacked / "DEBIAN/control").read_text()

    def test_there_are_four(self):
        self.assertEqual(sorted(self.files), ["libumbel-dev", "libumbel0", "umbel", "umbeld"])

    def test_each_has_its_files_a_copyright_and_a_changelog(self):
        for name, some in {"umbeld": ["usr/bin/umbeld", "usr/share/man/man8/umbeld.8.gz"],
                           "umbel": ["usr/bin/umbel", "usr/share/man/man1/umbel.1.gz"],
                           "libumbel-dev": ["usr/include/umbel.h", "usr/share/man/man3/libumbel.3.gz"],
                           "libumbel0": []}.items():
            some += [f"usr/share/doc/{name}/copyright", f"usr/share/doc/{name}/changelog.gz"]
            self.assertEqual([path for path in some if path not in self.files[name]], [], name)
        # as it is loaded, and as it is linked
        self.assertEqual([path.split("/")[-1] for path in sorted(self.files["libumbel0"]) if "/lib/" in path],
                         ["libumbel.so.0", next(path for path in os.listdir(BUILD / "lib") if path.count(".") == 4)])
        self.assertIn("libumbel.so", {path.split("/")[-1] for path in self.files["libumbel-dev"]})

    def test_no_file_is_in_two_and_none_is_missing(self):
        packed = sorted(path for files in self.files.values() for path in files if "/doc/" not in path)
        self.assertEqual(packed, sorted(set(packed)))
        output("cmake", "--install", BUILD, "--prefix", self.scratch / "all")
        there = (path for path in (self.scratch / "all").rglob("*") if not path.is_dir())
        names = sorted(path.name for path in there if "doc" not in path.parts)
        self.assertEqual(sorted(re.sub(r"\.gz$", "", path.split("/")[-1]) for path in packed), names)

    def test_who_needs_the_library_depends_on_it(self):
        for name in "umbel", "libumbel-dev":
            self.assertRegex(self.fields[name], r"(?m)^Depends: .*\blibumbel0 \(= ")
        self.assertNotRegex(self.fields["umbeld"], r"(?m)^Depends: .*\blibumbel")


if __name__ == "__main__":
    if not (shutil.which("cpack") and shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps")):
        sys.exit(77)
    unittest.main()
