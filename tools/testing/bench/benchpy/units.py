# SPDX-License-Identifier: GPL-2.0
"""Single operations of the server, beside diod's, over a socket: no pass or fail."""

import json
import pathlib
import statistics

from rigpy import tree
from rigpy.say import RigError, say

from . import boot
from .boot import HERE

SECONDS = 900
# "traced" is ours while its tracepoints are recorded
SERVERS = ["ours", "diod", "traced"]

# What a server that does nothing takes for a message of about that size
FLOOR = {"read-4k": "echo-4k", "read-128k": "echo-128k"}


def build(folder):
    """Compile the client in the rig's tree."""
    folder.mkdir(parents=True, exist_ok=True)
    done = tree.get().run(["make", "-s", "-C", "/src", "O=/build"],
                          binds=[(HERE / "units-src", "/src"), (folder, "/build")])
    if done.returncode:
        raise RigError(f"{HERE / 'units-src'} does not build: see above")
    return folder / "units"


def summary(lines):
    """(server, work) -> median, lowest and highest ns of an operation, and msize."""
    found = {}
    for line in lines:
        one = json.loads(line)
        found[one["server"], one["work"]] = {
            "median": statistics.median(one["ns"]), "low": min(one["ns"]),
            "high": max(one["ns"]), "msize": one["msize"]}
    return found


def document(found, kernel, diod):
    """What is kept: for each work the three times, in ns."""
    works = list(dict.fromkeys(work for server, work in found if server in SERVERS))
    results = []
    for work in works:
        entry = {"work": work, "floor": found["echo", FLOOR.get(work, "echo")]}
        entry.update({server: found[server, work] for server in SERVERS})
        results.append(entry)
    return {"kernel": kernel, "diod": diod, "unit": "ns", "results": results}


def run(folder, kernel):
    """Boot a machine without Xen and measure; the document."""
    program = build(folder / "build")
    boot.stage(folder, {}, program)
    say("bench: booting for single operations: no Xen, time counted in instructions")
    status = boot.run_rig("units", folder, "units", ["--no-xen", "--counted", "--modules",
                                                     "--kernel", kernel], SECONDS)
    if status:
        raise RigError(f"the machine ended with {status}: see {folder}/log")
    out = pathlib.Path(folder) / "dom0"
    found = summary((out / "units.jsonl").read_text().splitlines())
    return document(found, kernel, (out / "diod-version").read_text().strip())


def missing(said):
    """What there is no result of, with the reason."""
    if "missing" in said:
        yield "single operations", said["missing"]


def lines(said):
    """The table: microseconds of an operation, and without what the socket takes."""
    if "missing" in said:
        yield f"single operations: missing: {said['missing']}"
        return
    yield f"single operations on TCP on loopback, us ({said['kernel']}, diod {said['diod']})"
    yield (f"{'':14}{'ours':>10}{'diod':>10}{'floor':>10}"
           f"{'ours net':>10}{'diod net':>10}{'diod/ours':>11}{'tracing':>10}")
    for one in said["results"]:
        floor, ours, diod, traced = (one[name]["median"] / 1000
                                     for name in ("floor", *SERVERS))
        yield (f"{one['work']:14}{ours:10.1f}{diod:10.1f}{floor:10.1f}"
               f"{ours - floor:10.1f}{diod - floor:10.1f}{diod / ours:11.2f}"
               f"{traced - ours:10.1f}")
    yield ("floor: a server that does nothing, with a reply of that size (16 bytes, 4 KiB, "
           "128 KiB); tracing: what ours takes more while its tracepoints are recorded")
    yield (f"msize: ours {said['results'][0]['ours']['msize']}, "
           f"diod {said['results'][0]['diod']['msize']}: larger reads take several messages")
