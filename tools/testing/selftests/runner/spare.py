# SPDX-License-Identifier: GPL-2.0
"""What is too much for each check runs in its spare time: after all else, as long as
it is likely to end in time, first what has not run for longest.
"""

from . import boot


class Spare:
    """What runs in spare time, and in a folder, when that was last and what it took.

    minutes: of the check, after which nothing should run
    """

    def __init__(self, folder, minutes):
        self.folder = folder
        self.minutes = minutes

    def _last_run(self, machine):
        try:
            return (self.folder / machine.name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _takes(self, machine, variants):
        """Minutes, by what it took last, or else by the time that it may take."""
        try:
            return float((self.folder / machine.name).read_text())
        except FileNotFoundError:
            return sum(v.timeout for v in variants) / 60 / 2

    def in_turn(self, boots):
        """Machines with their variants, in the order in which to run them."""
        return sorted(boots.items(), key=lambda one: (self._last_run(one[0]), one[0].name))

    def run(self, machine, variants, suites, folder, show, **words):
        """Run them, if there is time."""
        began = show.minutes()
        if began + self._takes(machine, variants) > self.minutes:
            boot.skip(variants, show)
            return
        boot.run(machine, variants, suites, folder, show, **words)
        (self.folder / machine.name).write_text(f"{show.minutes() - began:.1f}\n")
