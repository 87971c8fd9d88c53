# SPDX-License-Identifier: GPL-2.0
"""What the rig tells its user: messages, errors and the progress of long steps.

All of it goes to stderr; stdout belongs to the scripts that run in the machine.
"""

import sys
import threading
import time


class RigError(Exception):
    """Something the user has to know about: what, why, and what to do."""


def say(text):
    sys.stderr.write(f"rig: {text}\n")
    sys.stderr.flush()


def duration(seconds):
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


class Step:
    """A step that takes long: says that it began, that it goes on, that it ended.

    A line every few seconds on a terminal and otherwise, so that a log tells as
    much as a screen.
    """

    def __init__(self, what, about=None, every=15):
        self.what = what
        self.about = about
        self.every = every
        self.done = threading.Event()
        self.detail = ""

    def __enter__(self):
        self.began = time.monotonic()
        hint = f" (about {duration(self.about)})" if self.about else ""
        say(f"{self.what}{hint} ...")
        self.thread = threading.Thread(target=self._tick, daemon=True)
        self.thread.start()
        return self

    def _tick(self):
        while not self.done.wait(self.every):
            spent = duration(time.monotonic() - self.began)
            detail = f": {self.detail}" if self.detail else ""
            say(f"{self.what}: {spent} so far{detail}")

    def __exit__(self, kind, value, trace):
        self.done.set()
        self.thread.join()
        spent = duration(time.monotonic() - self.began)
        say(f"{self.what}: {'failed after' if kind else 'done in'} {spent}")
