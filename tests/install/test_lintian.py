#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# ctest: timeout=120
"""lintian finds no error in the Debian packages. By itself, so that it shows when there is no lintian."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["UMBEL_BIN_DIR"]).parent


def main():
    for tool in "cpack", "dpkg-shlibdeps", "lintian":
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}")
            sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="umbel-lintian-") as scratch:
        subprocess.run(["cpack", "--config", BUILD / "CPackConfig.cmake", "-B", scratch], check=True, stdout=subprocess.DEVNULL)
        packages = sorted(pathlib.Path(scratch).glob("*.deb"))
        if len(packages) != 4:
            sys.exit(f"4 packages were expected, not {packages}")
        sys.exit(subprocess.run(["lintian", "--allow-root", "--fail-on", "error", *packages], check=False).returncode)


if __name__ == "__main__":
    main()
