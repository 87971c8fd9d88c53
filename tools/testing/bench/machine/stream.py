# SPDX-License-Identifier: GPL-2.0
"""Runs the measuring program, hands on its lines, and answers its hook."""

import os
import select
import subprocess
import time

from common import Missing

# How often to look whether what it depends on is alive, while it says nothing
LOOK = 10
# What a program may take to end after its last line
END = 20


class Stream:
    """One run of the program, here or in the guest."""

    def __init__(self, argv, quiet, death):
        """quiet: how many seconds without a line mean that it hangs.

        death(): what it depends on has died, and how; else nothing.
        """
        self.quiet = quiet
        self.death = death
        self.rest = b""
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _read(self, seconds):
        """More of its output; False at the end of it."""
        deadline = time.monotonic() + seconds
        while not select.select([self.process.stdout], [], [], LOOK)[0]:
            if self.death():
                raise Missing(self.death())
            if time.monotonic() > deadline:
                raise Missing(f"no word from the program for {seconds} s")
        data = os.read(self.process.stdout.fileno(), 65536)
        self.rest += data
        return bool(data)

    def lines(self):
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                yield line.decode(errors="replace")
            if not self._read(self.quiet):
                return

    def answer(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def end(self):
        """Its status; None if it had to be killed."""
        self.process.stdin.close()
        deadline = time.monotonic() + END
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                return None
            time.sleep(0.05)
        return self.process.returncode
