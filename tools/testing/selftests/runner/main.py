# SPDX-License-Identifier: GPL-2.0
"""The command line of the check runner."""

import argparse
import fnmatch
import functools
import os
import pathlib
import signal
import subprocess
import sys
import time

from rigpy import cache, kernels

from . import boot, ktap, process, spare, suites
from .show import Show

HERE = pathlib.Path(__file__).resolve().parents[1]
TOP = HERE.parents[2]
RIG = HERE.parent / "rig" / "rig"
SUITES = HERE / "rig"

# Minutes after which nothing should run that each check can do without, and after which
# no machine begins: nobody waits for a check that takes longer
SPARE = 30.0
LATEST = 60.0
# Minutes that a kernel for guests alone takes to build
BUILD = 20.0

# What is no suite on Xen: name, command, seconds
PHASES = {
    "runner": (["bash", HERE / "run-selftest"], 60),
    "lint": ([HERE.parent / "lint" / "lint"], 3600),
    "lint-selftest": ([HERE.parent / "lint" / "selftest"], 3600),
    "unit": ([RIG, "exec", "--", "bash", "-c",
              'make -s -C "$0" O="$RIG_SCRATCH/unit" check', HERE / "unit"], 900),
    "model": ([RIG, "exec", "--", "bash", HERE.parent / "model" / "run"], 900),
    "fuzz": ([HERE.parent / "fuzz" / "run", "--seconds", "60", "--selftest"], 1800),
    "posix-host": ([RIG, "exec", "--", "bash", HERE / "posix" / "host"], 900),
    "install": ([RIG, "exec", "--", "bash", HERE / "install"], 1800),
    "bench": ([HERE.parent / "bench" / "selftest"], 900),
    "rig": ([HERE.parent / "rig" / "selftest"], 2400),
    "faults": ([HERE.parent / "rig" / "selftest-faults", "lockdep", "debug"], 2400),
}
# Of these, what tests the instruments rather than the modules runs in spare time
SPARE_PHASES = {"rig", "faults"}
# With --debug: the faults of all kernels
DEBUG_PHASES = {"faults": ([HERE.parent / "rig" / "selftest-faults"], 7200)}


def _parser():
    parser = argparse.ArgumentParser(
        prog="run", description="Run the tests. Ends with 'N passed, N failed, N skipped'.")
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help="only these, by name or shell pattern (default: all)")
    parser.add_argument("--list", action="store_true", help="print what would run")
    parser.add_argument("--kernel", choices=kernels.ALL,
                        help="of the suites on Xen those with this kernel only")
    parser.add_argument("--debug", action="store_true",
                        help="only the suites in the rig, each on every kernel that looks for "
                        f"mistakes: {' '.join(kernels.WATCHED)}")
    parser.add_argument("--coverage", action="store_true",
                        help="as --debug, on what counts which lines run in all domains: "
                        f"{' '.join(kernels.COUNTING)}; closes with a table")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count(), 4), metavar="N",
                        help="machines at a time (default: one a CPU, at most 4)")
    parser.add_argument("--all", action="store_true",
                        help="what runs in spare time as well, however long that takes")
    parser.add_argument("--spare", type=float, default=SPARE, metavar="MINUTES",
                        help="what runs in spare time is to have ended then (default: "
                        f"{SPARE:.0f})")
    parser.add_argument("--latest", type=float, default=LATEST, metavar="MINUTES",
                        help="when all is checked no suite on Xen begins after that, but is "
                        f"skipped (default: {LATEST:.0f})")
    parser.add_argument("--out", type=pathlib.Path,
                        default=os.environ.get("CHECK_OUT"), metavar="DIR",
                        help="where logs go (default: $CHECK_OUT, or the rig's cache)")
    return parser


def _out(wanted):
    """A folder of this run's own for logs."""
    name = time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid())
    if wanted:
        folder = pathlib.Path(wanted).absolute() / name
        folder.mkdir(parents=True)
        return folder
    cache.hold(f"use-check-{name}")
    folder = cache.directory("check") / name
    folder.mkdir()
    cache.prune("check", 10, folder)
    return folder


def _phase(name, argv, seconds, folder, show):
    began = time.monotonic()
    show.begins(name)
    suite = ktap.Suite(lambda outcome, text, remark: show.result(name, outcome, text, remark),
                       lambda line: show.note(name, line))
    program = process.Program(argv, folder / f"{name}.log", show, seconds, name, cwd=TOP)
    for line in program.lines():
        suite.line(line)
    if program.timed_out:
        suite.broken.append(f"it did not end within {seconds} s and was killed")
    suite.end(program.status)
    show.ends(name, began)


def _wanted(options):
    """The phases and the variants to run; complains about names of nothing."""
    kernel_names = kernels.COUNTING if options.coverage else (
        kernels.WATCHED if options.debug else ())
    variants = suites.read(SUITES, kernel_names)
    phases = PHASES if not kernel_names else DEBUG_PHASES if options.debug else {}
    known = [*phases, *dict.fromkeys(v.suite for v in variants)]
    for pattern in options.suites:
        if not fnmatch.filter(known, pattern):
            raise suites.SuiteError(f"there is no suite {pattern}; there are: {' '.join(known)}")
    patterns = options.suites or ["*"]
    variants = [v for v in suites.chosen(variants, options.suites)
                if options.kernel in (None, v.boot.kernel)]
    phases = {name: phase for name, phase in phases.items()
              if any(fnmatch.fnmatch(name, p) for p in patterns)}
    if not phases and not variants:
        raise suites.SuiteError(f"none of them runs on the kernel {options.kernel}")
    return phases, variants


def _seconds(variants):
    return sum(v.timeout for v in variants)


def _guess(seconds, kernel=None):
    """Minutes that it takes: on a host that is not slow no more than a quarter of its
    time-out, but a kernel may have to be built.
    """
    return seconds / 60 / 4 + (BUILD if kernel in kernels.BARE else 0)


def _works(options, phases, variants, folder, show):
    """All that is to be called, in its order: phases, machines, and the rest in turn."""
    words = {"suites": SUITES, "folder": folder, "show": show, "coverage": options.coverage}
    is_all = options.all or options.suites or options.debug or options.coverage
    latest = boot.FOREVER if is_all else options.latest

    def needed(phase):
        return is_all or phase not in SPARE_PHASES

    works = [lambda: [_phase(name, *phase, folder, show)
                      for name, phase in phases.items() if needed(name)]]
    always = suites.boots([v for v in variants if v.when == "always"])
    works += [functools.partial(boot.run, machine, those, latest=latest, **words)
              for machine, those in sorted(always.items(), key=lambda one: -_seconds(one[1]))]
    rest = [spare.Work(name, _guess(phase[1]),
                       functools.partial(_phase, name, *phase, folder, show),
                       functools.partial(boot.skip, [name], show))
            for name, phase in phases.items() if not needed(name)]
    rest += [spare.Work(machine.name, _guess(_seconds(those), machine.kernel),
                        functools.partial(boot.run, machine, those, **words),
                        functools.partial(boot.skip, [v.name for v in those], show))
             for machine, those in suites.boots(
                 [v for v in variants if v.when != "always"]).items()]
    times = spare.Spare(cache.directory("spare"), boot.FOREVER if is_all else options.spare)
    return works + [functools.partial(times.run, work, show) for work in times.in_turn(rest)]


def main():
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, process.ended)
    try:
        phases, variants = _wanted(options)
    except suites.SuiteError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join([*phases, *(v.name for v in variants)]))
        return 0
    folder = _out(options.out)
    show = Show(folder)
    show.say(f"logs in {folder}")
    works = _works(options, phases, variants, folder, show)
    process.side_by_side(works, options.jobs)
    if options.coverage:
        subprocess.run([RIG, "coverage", folder], check=True)
    return show.close()
