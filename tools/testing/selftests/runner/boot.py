# SPDX-License-Identifier: GPL-2.0
"""Runs suites on Xen: one "rig run" for each boot, lib/driver.sh inside it.

The driver frames what each suite prints with lines of its own, of which the
token makes sure that no suite prints them by chance.
"""

import pathlib
import re
import secrets
import shutil
import time

from . import ktap, programs
from .process import Program

HERE = pathlib.Path(__file__).resolve().parents[1]
RIG = HERE.parent / "rig" / "rig"

# For the guests that a suite leaves to be ended, beside the suite's own time
CLEANUP = 60
# Minutes
FOREVER = 1e6
# For waiting until the machine is free, building modules and image, boot and end
AROUND = 7200


def _stage(folder, suites, variants, token, latest):
    """The folder that appears at /rig: the selftests, the demo, and what to run."""
    stage = folder / "add"
    shutil.copytree(HERE, stage, ignore=shutil.ignore_patterns("__pycache__", "runner", "unit"))
    if suites != HERE / "rig":
        shutil.rmtree(stage / "rig", ignore_errors=True)
        shutil.copytree(suites, stage / "rig")
    demo = HERE.parent / "demo"
    if demo.is_dir():
        shutil.copytree(demo, stage / "demo")
    programs.build(stage)
    programs.add_sources(stage, {v.suite for v in variants})
    (stage / "latest").write_text(f"{latest:.0f}\n")
    (stage / "plan").write_text("".join(
        f"{token} {number} {v.suite} {v.timeout} {v.guest} {v.front}\n"
        for number, v in enumerate(variants)))
    return stage


class Judge:
    """Sorts the lines of one boot by suite, and judges each suite."""

    def __init__(self, boot, variants, token, show):
        self.boot = boot
        self.variants = variants
        self.show = show
        self.mark = re.compile(rf"@{token} (?P<what>begin|end|left|late) (?P<number>\d+)"
                               r"(?: (?P<rest>.*))?$")
        self.current = None
        self.suite = None
        self.began = 0.0
        self.ended = set()

    def _begin(self, number):
        variant = self.variants[number]
        self.show.begins(variant.name)
        self.current, self.began = number, time.monotonic()
        self.suite = ktap.Suite(
            lambda outcome, text, remark: self.show.result(variant.name, outcome, text, remark),
            lambda line: self.show.note(variant.name, line))

    def _end(self, status):
        variant = self.variants[self.current]
        if status is None:
            self.show.note(variant.name, "not ended when the machine was")
        self.suite.end(status)
        self.ended.add(self.current)
        self.show.ends(variant.name, self.began)
        self.current = self.suite = None

    def line(self, line):
        mark = self.mark.match(line.rstrip("\r\n"))
        if mark and mark["what"] == "begin":
            self._begin(int(mark["number"]))
        elif mark and mark["what"] == "late":
            skip([self.variants[int(mark["number"])].name], self.show)
            self.ended.add(int(mark["number"]))
        elif mark and mark["what"] == "end" and self.suite:
            if mark["rest"] == "timeout":
                seconds = self.variants[self.current].timeout
                self.suite.broken.append(f"it did not end within {seconds} s and was killed")
            self._end(1 if mark["rest"] == "timeout" else int(mark["rest"]))
        elif mark and mark["what"] == "left" and self.suite:
            self.suite.broken.append(f"it left behind: {mark['rest']}")
        elif self.suite:
            self.suite.line(line)
        elif line.strip():
            self.show.note(f"boot {self.boot.name}", line.rstrip("\n"))

    def close(self):
        """The boot is over: whatever did not end did not pass."""
        if self.suite:
            self._end(None)
        for number, variant in enumerate(self.variants):
            if number not in self.ended:
                self.show.result(variant.name, ktap.FAILED, "the suite as a whole",
                                 "it never ran: the machine ended before")


def skip(names, show):
    """Say that there is no time for these suites or phases."""
    for name in names:
        show.result(name, ktap.SKIPPED, "the suite as a whole",
                    f"no time is left; make check SUITES={name.split(' ')[0]} runs it")


def run(boot, variants, suites, folder, show, latest=FOREVER, coverage=False, rig=RIG):
    """Boot once and run all these variants there, but those that cannot begin in the
    first LATEST minutes of the check.

    One emulated CPU is hardly slower than two, for they wait for each other, and
    leaves the host's other CPU to another machine. A suite has two if its args= say so.
    """
    if show.minutes() > latest:
        skip([v.name for v in variants], show)
        return
    place = folder / f"boot-{boot.name}"
    place.mkdir(parents=True)
    token = secrets.token_hex(8)
    stage = _stage(place, suites, variants, token, time.time() + 60 * (latest - show.minutes()))
    seconds = sum(v.timeout + CLEANUP for v in variants)
    front = "ours" if any(v.front == "ours" for v in variants) else "upstream"
    argv = [rig, "run", "--kernel", boot.kernel, "--dom0-kernel", boot.dom0,
            "--front", front, "--back", boot.back, "--dom0-script", HERE / "lib/driver.sh",
            "--add", stage, "--out", place / "out", "--timeout", seconds, "--cpus", "1",
            *boot.args, *(["--coverage"] if coverage else [])]
    show.say(f"booting {boot.name} for: "
             + ", ".join(dict.fromkeys(v.suite for v in variants)))
    judge = Judge(boot, variants, token, show)
    program = Program(argv, place / "rig.log", show, seconds + AROUND, boot.name)
    for line in program.lines():
        judge.line(line)
    judge.close()
    shutil.rmtree(stage)
    if program.status is None:
        show.result(f"boot {boot.name}", ktap.FAILED, "the machine as a whole",
                    f"it did not end within {seconds + AROUND} s and was killed")
    elif program.status:
        show.result(f"boot {boot.name}", ktap.FAILED, "the machine as a whole",
                    f"the rig ended with {program.status}: see its messages above, and the "
                    f"logs in {place}")
    else:
        show.result(f"boot {boot.name}", ktap.PASSED, "no fault in any log")
