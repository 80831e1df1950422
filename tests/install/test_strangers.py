#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""What `cmake --install` leaves is enough for those who never saw our source tree, also when it has been moved."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["UMBEL_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["UMBEL_BIN_DIR"]).parent
STRANGER = SOURCE / "tests/install/stranger"
VERSION = re.search(r"project\(umbel\s+VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text())[1]
CC = os.environ.get("CC", "cc")


@unittest.skipUnless(shutil.which("cmake") and shutil.which("pkg-config"), "no cmake or no pkg-config")
class Strangers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="umbel-install-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.scratch / "staged"],
                       check=True, stdout=subprocess.PIPE)
        cls.prefix = (cls.scratch / "staged").rename(cls.scratch / "moved")
        cls.lib = next(cls.prefix.rglob("libumbel.a")).parent

    def run_command(self, *command, status=0):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.lib / "pkgconfig"), LD_LIBRARY_PATH=str(self.lib))
        done = subprocess.run([str(word) for word in command], env=environment, cwd=self.scratch, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}")
        return done.stdout.strip()

    def pkg_config(self, *options):
        return self.run_command("pkg-config", *options, "umbel").split()

    def assert_works(self, program):
        """With the installed command and broker."""
        said = self.run_command(self.prefix / "bin/umbel", "run", "--", program)
        self.assertEqual(said, f"door.front open, by umbel {VERSION}")

    def needed(self, program):
        """The shared libraries that it asks for itself."""
        return re.findall(r"\(NEEDED\).*\[(.*)\]", self.run_command("readelf", "-d", program))

    def test_pkg_config_links_the_shared_library_and_nothing_else(self):
        program = self.scratch / "pc-shared"
        self.run_command(CC, "-o", program, STRANGER / "main.c", *self.pkg_config("--cflags", "--libs"))
        self.assert_works(program)
        self.assertEqual(sorted(self.needed(program)), ["libc.so.6", "libumbel.so.0"])

    def test_pkg_config_links_a_static_program(self):
        program = self.scratch / "pc-static"
        self.run_command(CC, "-static", "-o", program, STRANGER / "main.c",
                         *self.pkg_config("--static", "--cflags", "--libs"))
        self.assert_works(program)
        self.assertEqual(self.needed(program), [])

    def test_pkg_config_knows_the_version_and_no_private_dependency(self):
        self.assertEqual(self.pkg_config("--modversion"), [VERSION])
        self.assertEqual(self.pkg_config("--print-requires"), [])

    def configure(self, folder, *options, source=STRANGER, status=0):
        return self.run_command("cmake", "-S", source, "-B", self.scratch / folder, f"-DCMAKE_C_COMPILER={CC}",
                                f"-DCMAKE_PREFIX_PATH={self.prefix}", *options, status=status)

    def test_find_package_has_a_shared_and_a_static_target(self):
        self.configure("cmake")
        self.run_command("cmake", "--build", self.scratch / "cmake")
        for kind, links in ("shared", True), ("static", False):
            program = self.scratch / "cmake" / kind
            self.assert_works(program)
            self.assertEqual("libumbel.so.0" in self.needed(program), links, kind)

    def test_find_package_needs_msgpack_for_the_static_target_only(self):
        project = self.scratch / "project"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\n"
            "project(stranger LANGUAGES C)\n"
            "find_package(umbel CONFIG REQUIRED COMPONENTS ${COMPONENTS})\n"
            "if(NOT TARGET umbel::umbel OR TARGET umbel::umbel-static)\n"
            "\tmessage(FATAL_ERROR \"other targets than expected\")\n"
            "endif()\n")
        without = "-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON"
        self.configure("without", without, "-DCOMPONENTS=shared", source=project)
        said = self.configure("without", without, "-DCOMPONENTS=static", source=project, status=1)
        self.assertIn("no component static", " ".join(said.split()))

    def test_a_project_may_have_our_source_as_a_part_of_its_own(self):
        project = self.scratch / "whole"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\n"
            "project(stranger LANGUAGES C)\n"
            f"add_subdirectory({SOURCE} umbel)\n"
            f"add_executable(stranger {STRANGER}/main.c)\n"
            "target_link_libraries(stranger umbel::umbel)\n"
            f"add_executable(static-stranger {STRANGER}/main.c)\n"
            "target_link_libraries(static-stranger umbel::umbel-static)\n"
            "if(TARGET umbeld OR BUILD_TESTING)\n"
            "\tmessage(FATAL_ERROR \"more than the library\")\n"
            "endif()\n")
        self.configure("whole-build", source=project)
        self.run_command("cmake", "--build", self.scratch / "whole-build", "--parallel", os.cpu_count() or 1)
        for program in "stranger", "static-stranger":
            self.assert_works(self.scratch / "whole-build" / program)

    def test_a_static_program_may_have_functions_of_any_name(self):
        (self.scratch / "names.c").write_text(
            "#include <umbel.h>\n"
            "int receive(void);\nint receive(void) { return 1; }\n"
            "int will_take(void);\nint will_take(void) { return 2; }\n"
            "int main(void) { struct umbel *c; umbel_new(&c, NULL); umbel_free(c); return receive() + will_take() - 3; }\n")
        self.run_command(CC, "-static", "-o", "names", "names.c", *self.pkg_config("--static", "--cflags", "--libs"))
        self.run_command(self.scratch / "names")

    def test_units_start_the_broker_that_was_installed_with_them(self):
        units = list(self.prefix.rglob("umbeld.service"))
        for unit in units:
            self.assertIn(f"\nExecStart={self.scratch}/staged/bin/umbeld\n", unit.read_text())

    def test_find_package_refuses_another_major_version(self):
        version = next(self.prefix.rglob("umbel-config-version.cmake"))
        ask = self.scratch / "ask.cmake"
        for wanted, fits in (VERSION, True), ("99.0", False):
            ask.write_text(f"set(PACKAGE_FIND_VERSION {wanted})\n"
                           f"set(PACKAGE_FIND_VERSION_MAJOR {wanted.split('.')[0]})\n"
                           f"set(CMAKE_SIZEOF_VOID_P 8)\ninclude({version})\n"
                           "message(\"fits=${PACKAGE_VERSION_COMPATIBLE}\")\n")
            self.assertIn(f"fits={str(fits).upper()}", self.run_command("cmake", "-P", ask))

    def test_the_manuals_are_installed(self):
        pages = {page.name: page for page in (self.prefix / "share/man").rglob("*.[1-8]")}
        self.assertEqual(sorted(pages), sorted(page.name for page in (SOURCE / "docs/man").iterdir()))
        for name, page in pages.items():
            self.assertEqual(page.parent.name, "man" + name[-1])

    def test_no_installed_text_names_the_place_where_it_was_built(self):
        for path in self.prefix.rglob("*"):
            if path.suffix in (".pc", ".cmake", ".h"):
                text = path.read_text()
                for place in SOURCE, BUILD, self.scratch:
                    self.assertNotIn(str(place), text, path)


if __name__ == "__main__":
    unittest.main()
