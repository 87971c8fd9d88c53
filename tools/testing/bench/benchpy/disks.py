# SPDX-License-Identifier: GPL-2.0
"""The block pair beside the kernel's own, on disks of no cost: no pass or fail."""

import collections
import json
import statistics

from rigpy.say import say

from . import boot, xentrace

SECONDS = 5400
PAIRS = ["stock", "ours"]


def _work(name, rw, bs, depth, ios, jobs=1):
    return {"name": name, "rw": rw, "bs": bs, "depth": depth, "jobs": jobs, "ios": ios}


# In instruction-counted time; requests of a run, so that each takes some seconds
COUNTED = [
    _work("randread-4k-d1", "randread", "4k", 1, 3000),
    _work("randwrite-4k-d1", "randwrite", "4k", 1, 3000),
    _work("randread-4k-d32", "randread", "4k", 32, 8000),
    _work("randwrite-4k-d32", "randwrite", "4k", 32, 8000),
    _work("read-64k-d8", "read", "64k", 8, 1500),
    _work("write-64k-d8", "write", "64k", 8, 1500),
    _work("read-1m-d8", "read", "1m", 8, 96),
    _work("write-1m-d8", "write", "1m", 8, 96),
]
# Depths at which all their pages can be copied at once
BORDER = [_work(f"{rw}-{kib}k", rw, f"{kib}k", depth, ios)
          for rw in ("read", "write")
          for kib, depth, ios in ((4, 8, 4000), (8, 8, 3000), (16, 4, 2000), (32, 2, 1200))]
SCALING = [_work(f"{rw}-4k-d{depth}-j{jobs}", rw, "4k", depth, ios, jobs)
           for rw in ("randread", "randwrite")
           for depth, ios in ((1, 3000), (32, 8000)) for jobs in (1, 4)]

BOOTS = {
    "counted": (["--counted", "--dom0-vcpus", "1"],
                {"vcpus": 1, "rounds": 2, "works": COUNTED, "settle": 25, "idle": 20,
                 "memory": COUNTED[2], "border": BORDER, "plain": [one["name"] for one in COUNTED[:4]],
                 "disks": ["null", "brd"], "traced": True, "beside": False}),
    "scaling": (["--dom0-vcpus", "4"],
                {"vcpus": 4, "rounds": 3, "works": SCALING, "settle": 0, "idle": 0, "memory": None,
                 "border": [], "plain": [], "disks": ["null"], "traced": False, "beside": True}),
}


def _of_runs(runs):
    """What a work's runs come to: us and CPU us of a request, and the spread."""
    each = [one["seconds"] * 1e6 / one["ios"] for one in runs]
    found = {"us": statistics.median(each), "low": min(each), "high": max(each)}
    if runs[0]["beside"]:
        found["beside"] = statistics.median(one["beside"] for one in runs) * 1e6
    for who in ("dom0", "guest"):
        found[f"cpu {who}"] = statistics.median(one["cpu"][who] for one in runs) / 1000
    return found


def _calls(data):
    """Hypercalls of a run, by domain; event channels' and grants' among them."""
    calls, _ = xentrace.count(data)
    found = collections.Counter()
    for (domain, name), number in calls.items():
        who = "guest" if domain else "dom0"
        found[f"hypercalls {who}"] += number
        if name == "event_channel_op":
            found[f"event calls {who}"] += number
        elif name == "grant_table_op":
            found["grant calls"] += number
    return found


def _calls_of(traced, trace):
    """Hypercalls for a request of each work, beyond those of a run that does hardly any."""
    (begun, start), = [(one["ios"], _calls(trace(one["pair"], one["traced"])))
                       for one in traced if one["traced"] == "start"]
    for one in traced:
        if one["traced"] == "start":
            continue
        calls = _calls(trace(one["pair"], one["traced"]))
        yield {"pair": one["pair"], "work": one["traced"],
               **{name: (calls[name] - start[name]) / (one["ios"] - begun)
                  for name in calls | start}}


def summary(records, trace):
    """What is kept of a boot's lines; trace(PAIR, WORK) has the bytes of Xen's trace."""
    runs, traced = collections.defaultdict(list), collections.defaultdict(list)
    kept = {"results": [], "calls": [], "idle": [], "memory": [], "missing": []}
    for one in records:
        if "failed" in one:
            kept["missing"].append(f"{one['pair']}: {one['failed']}")
        elif "wakeups" in one:
            kept["idle"].append({"pair": one["pair"],
                                 "a minute": one["wakeups"] * 60 / one["idle"]})
        elif "memory" in one:
            kept["memory"].append({"pair": one["pair"], **one["memory"]})
        elif "traced" in one:
            traced[one["pair"]].append(one)
        else:
            runs[one["disk"], one["work"], one["pair"]].append(one)
    for (disk, work, pair), some in runs.items():
        kept["results"].append({"disk": disk, "work": work, "pair": pair, **_of_runs(some)})
    for some in traced.values():
        kept["calls"] += _calls_of(some, trace)
    return kept


def _boot(name, folder, kernel):
    words, job = BOOTS[name]
    folder.mkdir(parents=True)
    boot.stage(folder, job)
    say(f"bench: booting for disks, {name}")
    status = boot.run_rig(f"disks, {name}", folder, "disks",
                          [*words, "--modules", "--kernel", kernel, "--vcpus", job["vcpus"]],
                          SECONDS)
    lines = folder / "dom0/disks.jsonl"
    said = lines.read_text().splitlines() if lines.exists() else []
    kept = summary(map(json.loads, said),
                   lambda pair, work: (folder / f"dom0/trace/{pair}-{work}").read_bytes())
    if (status or not said) and not kept["missing"]:
        kept["missing"].append(f"the machine ended with {status}: see {folder}/log")
    return kept


def run(folder, kernel, names=tuple(BOOTS)):
    """Boot for each of these and measure; what the document has of them."""
    return {"kernel": kernel, **{name: _boot(name, folder / name, kernel) for name in names}}


def missing(said):
    """What there is no result of, with the reason."""
    for name in BOOTS:
        for why in said.get(name, {}).get("missing", []):
            yield f"disks, {name}", why


def _by_pair(entries, *keys, pairs=tuple(PAIRS)):
    """Entries side by side, with plain and floor, by what they are of, if all pairs have it."""
    found = collections.defaultdict(dict)
    for one in entries:
        found[tuple(one[key] for key in keys)][one["pair"]] = one
    return {key: each for key, each in found.items() if set(each) >= set(pairs)}


def _speed(entries):
    yield (f"{'':24}{'stock us':>10}{'plain us':>10}{'ours us':>10}{'floor us':>10}{'speed':>8}"
           f"{'stock cpu':>11}{'plain cpu':>11}{'ours cpu':>10}{'cpu':>7}")
    for (disk, work), pairs in _by_pair(entries, "disk", "work").items():
        times = {pair: f"{one['us']:.1f}" for pair, one in pairs.items()}
        cpu = {pair: one["cpu dom0"] + one["cpu guest"] for pair, one in pairs.items()}
        plain = f"{cpu['plain']:.1f}" if "plain" in cpu else ""
        floor, faster = times.get("floor", ""), 1
        # How much faster the host was when this project's pair was measured
        if "beside" in pairs["ours"]:
            stock, ours = (pairs[pair]["beside"] for pair in PAIRS)
            floor, faster = f"{stock:.0f}/{ours:.0f}", stock / ours
        yield (f"{disk + ' ' + work:24}{times['stock']:>10}{times.get('plain', ''):>10}"
               f"{times['ours']:>10}{floor:>10}"
               f"{pairs['stock']['us'] / pairs['ours']['us'] / faster:8.2f}"
               f"{cpu['stock']:11.1f}{plain:>11}"
               f"{cpu['ours']:10.1f}{cpu['ours'] / cpu['stock'] * faster:7.2f}")


def _counts(entries):
    names = ["hypercalls guest", "hypercalls dom0", "event calls guest", "event calls dom0",
             "grant calls"]
    yield "for a request:"
    for (work,), pairs in _by_pair(entries, "work").items():
        for pair in PAIRS:
            yield f"  {work:20}{pair:6}" + ", ".join(
                f"{name} {round(pairs[pair].get(name, 0), 2) + 0:.2f}" for name in names)


def _border(entries):
    """Both ways of a request's data, and what each costs dom0."""
    sides = _by_pair(entries, "work", pairs=("copied", "mapped"))
    if sides:
        yield "us and dom0's CPU us of a request without persistent grants, by way of its data:"
    for (work,), each in sides.items():
        yield f"  {work:12}" + ", ".join(
            f"{way} {each[way]['us']:.1f} {each[way]['cpu dom0']:.1f}"
            for way in ("copied", "mapped"))


def lines(said):
    """The tables."""
    for name, (_, job) in BOOTS.items():
        yield (f"disks, {name}, {job['vcpus']} vCPUs ({said['kernel']}): time and CPU time of "
               "a request; plain: stock without a scheduler; floor: on a disk of the guest's own; "
               "speed: stock's time to ours; cpu: ours to stock's, both domains"
               + ("; both by the floor just before" if job["beside"] else ""))
        yield from _speed(said[name]["results"])
        yield from _border(said[name]["results"])
        if said[name]["calls"]:
            yield from _counts(said[name]["calls"])
        for one in said[name]["memory"]:
            yield (f"memory of a ring after work, {one['pair']}: {one['dom0']:.0f} KiB in dom0, "
                   f"{one['guest']:.0f} KiB in the guest")
        for one in said[name]["idle"]:
            yield f"wake-ups of an idle backend a minute, {one['pair']}: {one['a minute']:.0f}"
        yield ""
