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
        for name, some in {"umbeld": ["usr/bin/umbeld", "usr/share/man/man8/umbeld.8.gz", "etc/umbel/umbeld.yaml"],
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
        packed = sorted(path for files in self.files.values() for path in files
                        if "/doc/" not in path and not path.startswith("etc/"))  # Debian's own
        self.assertEqual(packed, sorted(set(packed)))
        output("cmake", "--install", BUILD, "--prefix", self.scratch / "all")
        there = (path for path in (self.scratch / "all").rglob("*") if not path.is_dir())
        names = sorted(path.name for path in there if "doc" not in path.parts)
        self.assertEqual(sorted(re.sub(r"\.gz$", "", path.split("/")[-1]) for path in packed), names)

    def test_who_needs_the_library_depends_on_it(self):
        for name in "umbel", "libumbel-dev":
            self.assertRegex(self.fields[name], r"(?m)^Depends: .*\blibumbel0 \(= ")
        self.assertNotRegex(self.fields["umbeld"], r"(?m)^Depends: .*\blibumbel")

    def umbeld(self, path):
        return (self.scratch / "unpacked/umbeld" / path).read_text()

    def test_the_units_start_what_is_in_the_package_as_its_own_user(self):
        service, socket = self.umbeld("usr/lib/systemd/system/umbeld.service"), self.umbeld("usr/lib/systemd/system/umbeld.socket")
        self.assertIn("\nExecStart=/usr/bin/umbeld --config /etc/umbel/umbeld.yaml\n", service)
        self.assertIn("\nUser=umbel\n", service)
        for line in "ListenStream=/run/umbel/umbel.sock", "SocketGroup=umbel", "SocketMode=0660":
            self.assertIn(f"\n{line}\n", socket)
        self.assertNotIn("SocketUser", socket)
        self.assertIn("\nExecStart=/usr/bin/umbeld\n", self.umbeld("usr/lib/systemd/user/umbeld.service"))
        self.assertRegex(self.umbeld("usr/lib/sysusers.d/umbel.conf"), "(?m)^u umbel ")

    def test_its_configuration_is_the_administrators_and_in_order(self):
        self.assertEqual(self.umbeld("DEBIAN/conffiles"), "/etc/umbel/umbeld.yaml\n")
        config = self.scratch / "unpacked/umbeld/etc/umbel/umbeld.yaml"
        self.assertIn("all in order", output(BUILD / "bin/umbeld", "--config", config, "--socket", "/x", "--check"))
        rules = re.search(r"(?m)^#\tacl:\n(#\t.*\n)+", config.read_text())[0].replace("#\t", "").replace("group umbel", "uid 7")
        (self.scratch / "rules.yaml").write_text(rules)
        self.assertIn("2 rules", output(BUILD / "bin/umbeld", "--config", self.scratch / "rules.yaml", "--socket", "/x", "--check"))

    def test_its_scripts_work_where_there_is_no_systemd(self):
        """As in a chroot: what they call is not there, and says that it was called."""
        tools = self.scratch / "tools"
        tools.mkdir()
        for name in "adduser", "rm", "rmdir":
            (tools / name).write_text(f"#!/bin/sh\necho {name} $*\n")
            (tools / name).chmod(0o755)
        said = {}
        for script, *words in (("postinst", "configure", ""), ("postinst", "triggered"), ("prerm", "upgrade", "9"), ("postrm", "purge")):
            done = subprocess.run(["/bin/sh", self.scratch / "unpacked/umbeld/DEBIAN" / script, *words], env={"PATH": str(tools)},
                                  check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            said[script, words[0]] = done.stdout
        self.assertRegex(said["postinst", "configure"], r"^adduser --system --group .* umbel\n$")
        self.assertEqual(said["postinst", "triggered"] + said["prerm", "upgrade"], "")
        self.assertRegex(said["postrm", "purge"], r"^rm -rf /run/umbel\n")


if __name__ == "__main__":
    if not (shutil.which("cpack") and shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps")):
        sys.exit(77)
    unittest.main()
