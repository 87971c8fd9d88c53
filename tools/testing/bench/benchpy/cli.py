# SPDX-License-Identifier: GPL-2.0
"""The command line."""

import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

from rigpy import cache
from rigpy.say import RigError, duration, say

from . import boot, budget, compare, disks, page, plan, results, roots, table, units

TOP = boot.HERE.parents[2]
# What is measured apart from the mounts, too
PARTS = {"units": units, "disks": disks, "roots": roots}
# How many machines whose time is counted in instructions run at a time
BESIDE = 2


def _folder(wanted):
    name = time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid())
    if wanted:
        folder = pathlib.Path(wanted).absolute() / name
    else:
        cache.hold(f"use-bench-{name}")
        folder = cache.directory("bench") / name
    folder.mkdir(parents=True)
    if not wanted:
        cache.prune("bench", 20, folder)
    return folder


def _host():
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "load": round(os.getloadavg()[0], 1)}


def _commit():
    """What is measured, if git can tell."""
    done = subprocess.run(["git", "-C", TOP, "-c", f"safe.directory={TOP}", "describe",
                           "--always", "--dirty", "--abbrev=12"], check=False,
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _mounts(one, options, groups, folder):
    """What a boot for mounts adds to the document."""
    said = boot.run(one, folder / "build/bench", folder / one.name, options.kernel)
    dom0 = folder / one.name / "dom0"
    records = results.read(dom0 / "results.jsonl")
    return {"boots": [said], "results": results.speed(one, records, groups, said["status"]),
            "costs": results.counted(one, records, groups, dom0)}


def _part(name, folder, kernel, **which):
    """What a part adds to the document."""
    try:
        return {name: PARTS[name].run(folder / name, kernel, **which)}
    except RigError as error:
        return {name: {"missing": str(error)}}


def _tasks(options, folder, groups):
    """What measures something, each with whether its time is counted."""
    for one in plan.boots(options.quick, options.targets, options.boots):
        yield one.counted, functools.partial(_mounts, one, options, groups, folder)
    if not options.quick:
        yield True, functools.partial(_part, "roots", folder, options.kernel)
        for name, (words, _) in disks.BOOTS.items():
            yield "--counted" in words, functools.partial(_part, "disks", folder, options.kernel,
                                                          names=[name])
    yield True, functools.partial(_part, "units", folder, options.kernel)


def outcomes(tasks):
    """What each task adds. Who counts instructions does not mind what runs beside; all else
    is measured when nothing does.
    """
    tasks = list(tasks)
    with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
        beside = [pool.submit(run) for counted, run in tasks if counted]
        for one in concurrent.futures.as_completed(beside):
            yield one.result()
    for counted, run in tasks:
        if not counted:
            yield run()


def add_to(document, found):
    """Put what a task adds where it belongs."""
    for key, value in found.items():
        if isinstance(value, list):
            document[key] += value
        else:
            document.setdefault(key, {}).update(value)


def _measure(options, folder):
    groups = boot.build(folder / "build")
    document = {"format": results.FORMAT, "when": time.strftime("%Y-%m-%d %H:%M:%S"),
                "quick": options.quick, "commit": _commit(), "versions": boot.versions(),
                "host": _host(), "boots": [], "results": [], "costs": []}
    for found in outcomes(_tasks(options, folder, groups)):
        add_to(document, found)
        # Written after each boot, so that it survives whatever becomes of the next
        (folder / "bench.json").write_text(json.dumps(document, indent=1))
    return document


def show(document):
    """Print the tables and what is missing; the exit status."""
    for line in table.lines(document):
        print(line)
    lacks = list(results.missing(document))
    for name, part in PARTS.items():
        if name in document:
            print()
            print("\n".join(part.lines(document[name])))
            lacks += part.missing(document[name])
    if lacks:
        print(f"\n{len(lacks)} missing:")
        for name, why in lacks:
            print(f"  {name}: {why}")
    return 1 if lacks else 0


def command_run(options):
    began = time.monotonic()
    folder = _folder(options.out)
    document = _measure(options, folder)
    (folder / "bench.html").write_text(page.make(document))
    status = show(document)
    print(f"\nIt took {duration(time.monotonic() - began)}.\n{folder}/bench.json\n"
          f"{folder}/bench.html")
    return status


def command_part(options):
    part, folder = PARTS[options.part], _folder(options.out)
    document = part.run(folder, options.kernel)
    document["commit"] = _commit()
    path = folder / f"{options.part}.json"
    path.write_text(json.dumps(document, indent=1))
    print("\n".join(part.lines(document)))
    lacks = list(part.missing(document))
    print("\n".join([*(f"{name}: missing: {why}" for name, why in lacks), f"\n{path}"]))
    return 1 if lacks else 0


def command_budget(options):
    folder = _folder(options.out)
    boot.build(folder / "build")
    one = plan.budget()
    said = boot.run(one, folder / "build/bench", folder / one.name, options.kernel)
    dom0 = folder / one.name / "dom0"
    found = budget.of(results.read(dom0 / "results.jsonl"),
                      lambda work: (dom0 / f"trace/ours-{work}-1-0").read_bytes())
    text = budget.document(found, boot.versions(), _commit())
    print(text)
    lacks = [f"{entry['name']}: missing: {entry['missing']}" for entry in found.values()
             if "missing" in entry]
    print("\n".join(lacks + [f"the rig ended with {said['status']}: see {said['logs']}"]
                    if said["status"] else lacks))
    if lacks or said["status"]:
        return 1
    if options.write:
        pathlib.Path(options.write).write_text(text)
    return 0


def _read(path):
    try:
        document = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        raise RigError(f"cannot read {path}: {error}") from None
    if not isinstance(document, dict) or document.get("format") != results.FORMAT:
        raise RigError(f"{path} is no result of this benchmark")
    return document


def command_compare(options):
    lines, worse = compare.report(_read(options.old), _read(options.new))
    print("\n".join(lines))
    return 1 if worse else 0


def command_report(options):
    document = _read(options.json)
    if options.html:
        pathlib.Path(options.html).write_text(page.make(document))
    return show(document)


def _names(known):
    def names(text):
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {word}; there are: {', '.join(known)}")
        return words
    return names


def _add_common(parser):
    parser.add_argument("--kernel", choices=["lts", "mainline"], default="mainline",
                        help="of guest and dom0 (default: mainline)")
    parser.add_argument("--out", default=os.environ.get("BENCH_OUT"), metavar="DIR",
                        help="where results and logs go (default: $BENCH_OUT, or the rig's cache)")


def _parser():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("run", help="measure")
    _add_common(one)
    one.add_argument("--quick", action="store_true", default=os.environ.get("QUICK", "0") not in ("", "0"),
                     help="less of everything, within ten minutes (default: $QUICK)")
    one.add_argument("--targets", type=_names(plan.TARGETS), default=list(plan.TARGETS),
                     help=f"of {','.join(plan.TARGETS)}")
    one.add_argument("--boots", type=_names(("counted", "scaling")),
                     default=["counted", "scaling"], help="of counted,scaling")
    one.set_defaults(act=command_run)
    one = commands.add_parser("budget", help="tell where operations spend their instructions")
    _add_common(one)
    one.add_argument("--write", default=str(TOP / "Documentation/budget.rst"),
                     metavar="FILE", help="the page to write (default: %(default)s)")
    one.set_defaults(act=command_budget)
    one = commands.add_parser("units", help="measure single operations beside diod's")
    _add_common(one)
    one.set_defaults(act=command_part, part="units")
    one = commands.add_parser("disks", help="measure the block pair beside the kernel's")
    _add_common(one)
    one.set_defaults(act=command_part, part="disks")
    one = commands.add_parser("roots", help="measure a boot from 9P beside one from a disk")
    _add_common(one)
    one.set_defaults(act=command_part, part="roots")
    one = commands.add_parser("compare", help="tell what changed beyond noise")
    one.add_argument("old")
    one.add_argument("new")
    one.set_defaults(act=command_compare)
    one = commands.add_parser("report", help="show results again")
    one.add_argument("json")
    one.add_argument("--html", metavar="FILE", help="write the page there")
    one.set_defaults(act=command_report)
    return parser


def main():
    options = _parser().parse_args(sys.argv[1:] or ["run"])
    try:
        return options.act(options)
    except RigError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
