# SPDX-License-Identifier: GPL-2.0
"""What the user sees: each result as it comes, and the count at the end."""

import re
import sys
import threading
import time

from .ktap import FAILED, PASSED, SKIPPED


TOLD = re.compile(r"\d s$")
# Seconds; of a result that took longer its time is shown
SLOW = 10


class Show:
    """Numbers and prints the results of all suites as one KTAP stream."""

    def __init__(self, folder):
        self.began = time.monotonic()
        self.count = {PASSED: 0, FAILED: 0, SKIPPED: 0}
        self.failures = []
        # Of each suite, when its last result came
        self.last = {}
        # Suites run side by side: guards the counts and the order of the lines
        self.lock = threading.RLock()
        self.log = open(folder / "results.ktap", "w", encoding="utf-8")
        self._print("KTAP version 1")

    def _print(self, line):
        with self.lock:
            print(line, flush=True)
            self.log.write(line + "\n")
            self.log.flush()

    def minutes(self):
        """How long the run has taken."""
        return (time.monotonic() - self.began) / 60

    def say(self, text):
        spent = int(self.minutes() * 60)
        self._print(f"# [{spent // 60}:{spent % 60:02d}] {text}")

    def begins(self, suite):
        """From now on counts what its first result takes."""
        self.say(f"{suite} begins")
        self.last[suite] = time.monotonic()

    def ends(self, suite, began):
        self.say(f"{suite} took {time.monotonic() - began:.0f} s")

    def _spent(self, suite):
        """A remark on how long a result took, if it was long."""
        now = time.monotonic()
        spent = now - self.last.get(suite, now)
        self.last[suite] = now
        return f"{spent:.0f} s" if spent >= SLOW else ""

    def result(self, suite, outcome, name, remark=""):
        word = "not ok" if outcome == FAILED else "ok"
        if outcome == SKIPPED:
            remark = f"SKIP {remark}".rstrip()
        with self.lock:
            spent = self._spent(suite)
            # Some say themselves what they took
            if outcome != SKIPPED and not TOLD.search(remark):
                remark = ", ".join(filter(None, (remark, spent)))
            self.count[outcome] += 1
            number = sum(self.count.values())
            line = f"{word} {number} {suite}: {name}" + (f" # {remark}" if remark else "")
            if outcome == FAILED:
                self.failures.append(line)
            self._print(line)

    def note(self, who, line):
        """A line that is no result, of that suite or boot."""
        self._print(f"# {who}: {line.lstrip('# ')}")

    def pass_on(self, text):
        """What a program says on stderr, as it is."""
        with self.lock:
            sys.stderr.write(text)
            sys.stderr.flush()

    def close(self):
        """The closing lines; the exit status."""
        self._print(f"1..{sum(self.count.values())}")
        if self.failures:
            self.say("what failed:")
            for line in self.failures:
                self._print(f"#   {line}")
        self._print(f"{self.count[PASSED]} passed, {self.count[FAILED]} failed, "
                    f"{self.count[SKIPPED]} skipped")
        self.log.close()
        return 0 if self.count[PASSED] and not self.count[FAILED] else 1
