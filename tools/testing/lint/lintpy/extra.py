# SPDX-License-Identifier: GPL-2.0
"""Programs that the checks need and the rig's tree lacks.

sparse comes from the Debian release after the tree's: the tree's own does not
know __typeof_unqual__, which the newer kernel's headers use everywhere. Fetched
by name with apt, from the archive that this machine uses, into the rig's cache.
"""

import pathlib
import subprocess

from rigpy import cache, packages
from rigpy.say import RigError, Step

SUITE = "forky"
PACKAGES = ["sparse", "python3-pyflakes", "python3-docutils",
            "python3-roman-numerals"]


def _apt(home, *arguments, cwd=None):
    settings = {
        "Dir::State": home, "Dir::State::lists": home / "lists",
        "Dir::State::status": home / "status", "Dir::Cache": home,
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::main": "/dev/null",
        "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64", "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root", "Acquire::Languages": "none",
    }
    command = ["apt-get", "-qq"]
    for name, value in settings.items():
        command += ["-o", f"{name}={value}"]
    done = subprocess.run([*command, *arguments], cwd=cwd, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RigError(f"could not fetch {', '.join(PACKAGES)} from Debian's {SUITE}, which "
                       f"the checks need; apt-get said: {done.stdout.strip()}\n"
                       "Check the network and this machine's apt sources.")


def _make(path):
    home = path / "apt"
    for name in ("lists/partial", "archives/partial", "debs"):
        (home / name).mkdir(parents=True)
    (home / "status").touch()
    (home / "sources.list").write_text(
        f"deb [signed-by={packages.KEYRING}] {packages.mirror()} {SUITE} main\n")
    with Step(f"fetching {', '.join(PACKAGES)} from {SUITE}", 15):
        _apt(home, "update", "--error-on=any")
        _apt(home, "download", *PACKAGES, cwd=home / "debs")
        for archive in (home / "debs").iterdir():
            subprocess.run(["dpkg-deb", "-x", archive, path], check=True)
    cache.remove(home)


def get():
    """A folder into which the extra packages are unpacked."""
    key = cache.key_of(SUITE, *PACKAGES, pathlib.Path(__file__))
    return cache.entry("lint-extra", key, _make)
