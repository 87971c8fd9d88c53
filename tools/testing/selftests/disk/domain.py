# SPDX-License-Identifier: GPL-2.0
"""The domain that has the backend under test, and what a test needs of its files and
programs: this one, or a guest of the rig that $DISK_BACKEND names.
"""

import os
import subprocess


class Here:
    """This domain, dom0."""

    domid = 0

    def run(self, *argv, data=b""):
        """What a program prints; an error is one here."""
        return subprocess.run(argv, check=True, input=data, stdout=subprocess.PIPE).stdout

    def command(self, *argv):
        """The same, as a word or some."""
        return self.run(*argv).decode().strip()

    def shell(self, text, *words):
        """A piece of shell, with $1 and so on, and what it prints."""
        return self.command("sh", "-ec", text, "sh", *words)

    def read(self, path):
        """A file's text."""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        """As echo(1) into a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def exists(self, path):
        return os.path.exists(path)


class There(Here):
    """A guest that serves disks itself, a driver domain."""

    def __init__(self, name):
        self.name = name
        self.domid = int(subprocess.run(["rig-guest", "domid", name], check=True,
                                        stdout=subprocess.PIPE).stdout)

    def run(self, *argv, data=b""):
        return super().run("rig-guest", "exec", self.name, "--timeout", "120", "-i",
                           "--", *argv, data=data)

    def read(self, path):
        return self.run("cat", path).decode()

    def write(self, path, text):
        self.run("sh", "-ec", 'cat >"$1"', "sh", path, data=text.encode())

    def exists(self, path):
        return self.shell('[ ! -e "$1" ] || echo yes', path) == "yes"


BACKEND = There(os.environ["DISK_BACKEND"]) if os.environ.get("DISK_BACKEND") else Here()
