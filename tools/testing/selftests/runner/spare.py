# SPDX-License-Identifier: GPL-2.0
"""What is too much for each check runs in its spare time: after all else, as long as
there is time to begin, first what has not run for longest.
"""

from . import boot, ktap


class Spare:
    """When what runs in spare time has run last: the ages of files in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def _last_run(self, machine):
        try:
            return (self.folder / machine.name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def in_turn(self, boots):
        """Machines with their variants, in the order in which to run them."""
        return sorted(boots.items(), key=lambda one: (self._last_run(one[0]), one[0].name))

    def run(self, machine, variants, suites, folder, show, minutes, **words):
        """Run them, if the check has not taken longer than that."""
        if show.minutes() > minutes:
            for variant in variants:
                show.result(variant.name, ktap.SKIPPED, "the suite as a whole",
                            f"no time is left; make check SUITES={variant.suite} runs it")
            return
        boot.run(machine, variants, suites, folder, show, **words)
        (self.folder / machine.name).touch()
