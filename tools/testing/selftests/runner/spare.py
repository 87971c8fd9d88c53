# SPDX-License-Identifier: GPL-2.0
"""What is too much for each check takes turns in the time that is left of it: it runs
if it is likely to end in time, first what has not run for longest.
"""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Work:
    """A phase, or a machine with its suites: what it is called, the minutes to reckon with
    until it has run, and what runs it or says that there was no time.
    """

    name: str
    minutes: float
    run: typing.Callable
    skip: typing.Callable


class Spare:
    """What runs in spare time, and in a folder, when that was last and what it took.

    minutes: of the check, after which none of it should run
    """

    def __init__(self, folder, minutes):
        self.folder = folder
        self.minutes = minutes

    def _last_run(self, work):
        try:
            return (self.folder / work.name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _takes(self, work):
        """Minutes, by what it took last, if it has run on this host."""
        try:
            return float((self.folder / work.name).read_text())
        except FileNotFoundError:
            return work.minutes

    def in_turn(self, works):
        """These, in the order in which to run them."""
        return sorted(works, key=lambda work: (self._last_run(work), work.name))

    def run(self, work, show):
        """Run it, if there is time."""
        began = show.minutes()
        if began + self._takes(work) > self.minutes:
            work.skip()
            return
        work.run()
        (self.folder / work.name).write_text(f"{show.minutes() - began:.1f}\n")
