# SPDX-License-Identifier: GPL-2.0
"""Proves, without Xen, that the benchmark measures, compares and reports."""

import contextlib
import copy
import io
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

from rigpy import tree
from rigpy.say import RigError

from . import boot, browser, budget, cli, compare, costs, disks, page, plan, results, roots
from . import units, xentrace

GROUPS = {"write-4k": "data", "read-4k": "data", "read-1m": "data", "create": "files",
          "stat": "files", "open": "files", "untar": "trees", "build": "trees"}


def program(folder, *words):
    """Runs the program in the tree on a directory; its status and records."""
    boot.build(folder / "build")
    (folder / "work").mkdir()
    done = tree.get().run(["/build/bench", "--json", *words, "/work"],
                          binds=[(folder / "build", "/build"), (folder / "work", "/work")],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def all_results(folder):
    """the program gives every result, for each number of processes and round"""
    status, records = program(folder, "--rounds", "2", "--procs", "1,2", "--scale", "20",
                              "--cc", "gcc")
    groups = boot.build(folder / "build")
    found = {(r["work"], r["procs"], r["round"]) for r in records
             if r.get("ops", 0) > 0 and r["seconds"] > 0}
    lacks = {(w, p, r) for w in groups for p in (1, 2) for r in (0, 1)} - found
    assert status == 0 and not lacks, f"status {status}, lacks {sorted(lacks)}"
    assert records[-1] == {"end": True}, records[-1]
    assert set(groups.values()) == {"data", "files", "trees"}, groups


def no_compiler(folder):
    """a compiler that is missing leaves one result missing, and the others there"""
    status, records = program(folder, "--rounds", "1", "--works", "build,stat", "--cc", "no-such")
    by_work = {r["work"]: r for r in records if "work" in r}
    assert status == 1 and "ops" in by_work["stat"], records
    assert "make ended with status" in by_work["build"]["missing"], by_work["build"]
    assert records[-1] == {"end": False}, records[-1]


def hang(folder):
    """what hangs is given up, and so is the rest"""
    slow = folder / "build"
    slow.mkdir()
    (slow / "slow").write_text("#!/bin/sh\nsleep 300\n")
    (slow / "slow").chmod(0o755)
    status, records = program(folder, "--rounds", "2", "--works", "build", "--timeout", "1",
                              "--cc", "/build/slow")
    said = [r["missing"] for r in records if "work" in r]
    assert status == 1 and len(said) == 2, records
    assert "the work did not end within 1 s" in said[0], said
    assert "not tried" in said[1], said


def _canned(seed=1, gone=()):
    """A result such as boots bring, out of random figures; some may be missing."""
    noise = random.Random(seed)
    document = {"format": results.FORMAT, "when": "2024-01-01 00:00:00", "quick": False,
                "commit": "canned", "versions": {"xen": "4.20", "qemu": "10.0"},
                "host": {"cpu": "a <CPU> & more", "cpus": 2, "kernel": "6.1", "load": 0.5},
                "boots": [], "results": [], "costs": []}
    for one in plan.boots(False):
        steps = [step for step in one.job["steps"] if step["pass"] == "speed"]
        for step in steps:
            step["works"] = "*"
        records = [r for step in steps for r in _records(one, step, noise, gone)]
        document["boots"].append({"name": one.name, "text": one.text, "counted": one.counted, "kernel": "lts",
                                  "steps": one.job["steps"],
                                  "status": 0, "vcpus": 1, "seconds": 60, "logs": "/nowhere"})
        document["results"] += results.speed(one, records, GROUPS, 0)
    for target in plan.IN_GUEST:
        for work in ("stat", "read-4k"):
            document["costs"].append(_canned_costs(target, work, noise, gone))
    return document


def _records(one, step, noise, gone):
    found = []
    for target, mode, work, procs in plan.wanted(one, step, GROUPS):
        where = {"target": target, "mode": mode, "pass": "speed", "work": work, "procs": procs}
        usual = (10 + 100 * len(work)) * (1 + list(plan.TARGETS).index(target)) / procs
        for number in range(step["rounds"]):
            if (target, work) in gone:
                found.append({**where, "round": number, "missing": "it <died>"})
                continue
            each = usual * noise.uniform(0.99, 1.01)
            found.append({**where, "round": number, "ops": 100, "bytes": 409600,
                          "seconds": each * 100 / 1e6})
    return found


def _canned_costs(target, work, noise, gone):
    entry = {"boot": "counted", "target": target, "mode": None, "work": work, "per_op": {},
             "missing": {}}
    for metric, _ in costs.METRICS:
        if (target, work) in gone:
            entry["missing"][metric] = "it died"
        else:
            entry["per_op"][metric] = noise.uniform(10, 10.1)
    return entry


def ignores_noise(_folder):
    """two runs of the same differ in nothing but noise"""
    lines, worse = compare.report(_canned(1), _canned(2))
    assert not worse and lines[-1].endswith(" 0 changes beyond noise"), lines


def finds_change(_folder):
    """a figure that became worse, one that became better and a cost are found"""
    old, new = _canned(1), _canned(2)
    for one in new["results"]:
        factor = {"stat": 1.5, "create": 0.6}.get(one["work"])
        if factor and one["boot"] == "counted" and one["target"] == "ours":
            one.update(results.summary([s * factor for s in one["samples"]]))
    new["costs"][0]["per_op"]["messages"] *= 2
    lines, worse = compare.report(old, new)
    text = "\n".join(lines)
    assert worse and lines[-1].endswith(" 7 changes beyond noise"), text
    for word in ("counted ours none stat: slower", "counted ours loose create: faster",
                 "messages: 10"):
        assert word in text, text


def finds_missing(_folder):
    """a result that is missing now is a change for the worse"""
    lines, worse = compare.report(_canned(1), _canned(2, {("stock", "stat")}))
    assert worse and any("stock none stat: gone: it <died>" in line for line in lines), lines


def _show(document):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        status = cli.show(document)
    return status, text.getvalue()


def whole_passes(_folder):
    """a whole result ends with status 0"""
    status, text = _show(_canned())
    assert status == 0 and "missing" not in text, text


def missing_fails(_folder):
    """a missing result is named, with the reason, and the status is not 0"""
    status, text = _show(_canned(1, {("stock", "stat")}))
    assert status == 1 and "counted stock none: stat: it <died>" in text, text


def boot_fails(_folder):
    """of a machine that brings nothing home every result is missing"""
    document = _canned()
    one = plan.boots(True)[0]
    document["results"] = results.speed(one, [], GROUPS, 1)
    assert document["results"] and all("brought no result" in r["missing"]
                                       for r in document["results"])
    document["costs"] = []
    assert _show(document)[0] == 1
    document["results"] = []
    document["boots"][0]["status"] = 1
    assert _show(document)[0] == 1


def failed_target(_folder):
    """a target that dies halfway keeps what it has, and says why the rest is missing"""
    one = plan.boots(True)[0]
    where = {"target": "stock", "mode": "none", "pass": "speed"}
    records = [{**where, "work": "stat", "procs": 1, "round": 0, "ops": 1, "bytes": 0,
                "seconds": 1}, {**where, "failed": "QEMU died"}]
    found = {r["work"]: r for r in results.speed(one, records, GROUPS, 1)
             if r["target"] == "stock"}
    assert found["stat"]["median"] == 1e6 and "1 of 2 rounds: QEMU died" in \
        found["stat"]["incomplete"], found["stat"]
    assert found["open"]["missing"] == "QEMU died", found["open"]


def _page_is_drawn(document):
    found = browser.look(page.make(document))
    assert not found["troubles"], found["troubles"]
    assert len(found["plots"]) >= 3, found
    for plot in found["plots"]:
        assert plot["width"] > 300 and plot["height"] > 100, plot
        assert plot["said"] == plot["drawn"] > 0, plot
        assert not plot["outside"], plot


def page_whole(_folder):
    """a browser opens the page without an error and draws every plot"""
    _page_is_drawn(_canned())


def page_missing(_folder):
    """it does so with results missing"""
    _page_is_drawn(_canned(1, {("stock", "stat"), ("ours", "read-4k"), ("nfs", "build")}))


def page_alone(_folder):
    """the page needs nothing else"""
    text = page.make(_canned())
    for word in ("src=", "href=", "url(", "@import"):
        assert word not in text, word
    assert "4.20" in text and "a &lt;CPU&gt; &amp; more" in text


def browser_sees(_folder):
    """the browser notices a plot that is not drawn, and an error"""
    broken = page.make(_canned()).replace('class="mark" cx="', 'class="mark" cx="-9', 3)
    found = browser.look(broken.replace("</body>", "<script>fails()</script></body>"))
    assert any(plot["drawn"] < plot["said"] for plot in found["plots"])
    assert any("fails" in trouble for trouble in found["troubles"]), found["troubles"]


def _record(event, *words, tsc=None):
    head = event | len(words) << 28 | (tsc is not None) << 31
    time = struct.pack("<Q", tsc) if tsc is not None else b""
    return struct.pack("<I", head) + time + struct.pack(f"<{len(words)}I", *words)


def _trace():
    def runs(domain):
        return _record(xentrace.RUNSTATE_CHANGE | 1 << 8, domain << 16, tsc=1)

    def call(number):
        return _record(xentrace.HYPERCALL, number, tsc=2)
    return (_record(xentrace.CPU_CHANGE, 0, 100) + runs(0) + call(32) + call(20) + runs(5)
            + call(32) + call(32) + call(29) + runs(xentrace.IDLE) + runs(0) + call(23))


def trace_counts(_folder):
    """Xen's trace is counted by domain"""
    calls, switches = xentrace.count(_trace())
    assert calls == {(0, "event_channel_op"): 1, (0, "grant_table_op"): 1, (0, "iret"): 1,
                     (5, "event_channel_op"): 2, (5, "sched_op"): 1}, calls
    assert switches == 2, switches


def trace_broken(_folder):
    """a trace that is cut, or has lost records, counts as none"""
    for data in (_trace()[:-3], _trace() + _record(xentrace.LOST_RECORDS, 7)):
        try:
            xentrace.count(data)
        except xentrace.TraceError:
            continue
        raise AssertionError("a broken trace was counted")


COUNTERS = """== stat
ctxt {0}
== interrupts
            CPU0
  24:      {0}   xen-percpu  -virq      timer0
  33:      {1}   xen-dyn  -event     9pfs
== hist 9p/9p_client_req
{{ type:         24 }} hitcount:         {1}
== hist kmem/kmalloc
{{ common_cpu:          0 }} hitcount:        {0}
"""


def _counted_records(kind):
    where = {"target": "ours", "mode": "none", "pass": kind}
    for work, switches, events in (("nothing", 10, 0), ("stat", 210, 100)):
        for when, factor in (("begin", 0), ("end", 1)):
            text = COUNTERS.format(1000 + factor * switches, 500 + factor * events)
            for who in ("guest", "dom0"):
                yield {**where, "counters": who, "about": [when, work, "1", "0"], "text": text,
                       **({"cpu_ns": {"dom0": factor * switches * 1000}} if who == "dom0" else {})}
        yield {**where, "work": work, "ops": 50, "bytes": 0, "seconds": 1, "procs": 1, "round": 0}


def costs_counted(_folder):
    """costs are differences, less what counting costs, by operation"""
    records = [*_counted_records("costs"), *_counted_records("traced")]
    found = costs.of(records, ["nothing", "stat"], [("ours", "none")],
                     lambda target, work: _trace() * (1 if work == "nothing" else 51))
    per_op = found[0]["per_op"]
    wanted = {"switches guest": 4, "events guest": 2, "messages": 2, "allocations dom0": 4,
              "cpu dom0": 4, "grant calls": 1, "event calls guest": 2, "hypercalls dom0": 3}
    for metric, value in wanted.items():
        assert abs(per_op[metric] - value) < 1e-9, (metric, per_op)
    assert "cpu guest" in found[0]["missing"], found


def costs_missing(_folder):
    """a cost that was not counted is missing, never a number"""
    records = list(_counted_records("costs"))
    found = costs.of(records, ["nothing", "stat"], [("ours", "none")], lambda *_: None)
    assert "messages" in found[0]["missing"] and "messages" not in found[0]["per_op"], found
    document = copy.deepcopy(_canned())
    document["costs"] = [{**found[0], "boot": "counted"}]
    assert _show(document)[0] == 1


def _budget_records():
    guest = """# tracer: nop
           bench-7       [000] d..1. 1000: sys_enter: NR 262 (1, 2)
           bench-7       [000] d..1. 1100: front: (p9_xen_transmit+0x0/0x1)
           bench-7       [000] d..1. 1300: front_r: (a <- p9_xen_transmit) value=0x0
          <idle>-0       [000] d..1. 2600: event: (p9_xen_event+0x0/0x1)
          <idle>-0       [000] d..1. 2700: event_r: (a <- p9_xen_event) value=0x1
           bench-7       [000] d..1. 2740: fetch: (p9_xen_fetch+0x0/0x1)
           bench-7       [000] d..1. 2780: fetch_r: (a <- p9_xen_fetch) value=0x0
           bench-7       [000] d..1. 2800: rpc_r: (a <- p9_client_rpc) value=0xffff
           bench-7       [000] d..1. 3000: sys_exit: NR 262 = 0
"""
    dom0 = """
         python3-8       [000] d..1. 100: null: (__x64_sys_getppid+0x0/0x1)
         python3-8       [000] d..1. 100: null_r: (a <- __x64_sys_getppid) value=0x1
            bash-8       [000] d..1. 1650: getattr: (vfs_getattr+0x0/0x1)
          <idle>-0       [000] d..1. 1600: event: (xen_9pback_event+0x0/0x1)
    9pback/1.0-0-9       [000] d..1. 1700: recv: (xen_9pback_recv+0x0/0x1)
    9pback/1.0-0-9       [000] d..1. 1800: recv_r: (a <- xen_9pback_recv) value=0xff
    9pback/1.0-0-9       [000] d..1. 1900: getattr: (vfs_getattr+0x0/0x1)
    9pback/1.0-0-9       [000] d..1. 2050: getattr_r: (a <- vfs_getattr) value=0x0
    9pback/1.0-0-9       [000] d..1. 2100: send: (xen_9pback_send+0x0/0x1)
    9pback/1.0-0-9       [000] d..1. 2200: send_r: (a <- xen_9pback_send) value=0x0
    9pback/1.0-0-9       [000] d..1. 2250: recv: (xen_9pback_recv+0x0/0x1)
    9pback/1.0-0-9       [000] d..1. 2300: recv_r: (a <- xen_9pback_recv) value=0x0
"""
    where = {"target": "ours", "mode": "none"}
    for name in ("plain", "probes", "xen"):
        yield {**where, "pass": name, "work": "stat", "ops": 1, "seconds": 2e-6}
        for who, text in (("guest", guest), ("dom0", dom0)):
            yield {**where, "pass": name, "counters": who, "about": ["end", "stat", "1", "0"],
                   "text": text}


def _budget_trace(work):
    if work != "stat":
        raise OSError("there is no trace")

    def runs(domain, tsc):
        return _record(xentrace.RUNSTATE_CHANGE | 1 << 8, domain << 16, tsc=tsc)
    return _record(xentrace.CPU_CHANGE, 0, 100) + runs(5, 900) + runs(0, 1400) + runs(5, 2500)


def budget_adds_up(_folder):
    """a budget has every nanosecond of a call once, in its phase"""
    found = budget.of(_budget_records(), _budget_trace)
    wanted = {budget.CLIENT: 320, budget.FRONT: 200, budget.SLEEP: 100, budget.TO_DOM0: 200,
              budget.BACK_EVENT: 100, budget.BACK_RECV: 150, budget.SERVER: 200, budget.VFS: 150,
              budget.BACK_SEND: 100, budget.IDLE_DOM0: 200, budget.TO_GUEST: 100,
              budget.FRONT_REPLY: 100, budget.WAKE_GUEST: 40, budget.WAKE_DOM0: 0,
              budget.FETCH: 40}
    assert found["stat"]["phases"] == wanted, found["stat"]
    assert "there is no trace" in found["open"]["missing"], found["open"]
    text = budget.document(found, {"xen": "4.20"}, "canned")
    assert re.search(r"^sum +500 +missing", text, re.M), text


def units_floor(folder):
    """the client of single operations talks to the server that does nothing"""
    units.build(folder / "build")
    done = tree.get().run(["/build/units", "echo"], binds=[(folder / "build", "/build")],
                          stdout=subprocess.PIPE, text=True)
    found = units.summary(done.stdout.splitlines())
    assert done.returncode == 0, done.returncode
    assert set(found) == {("echo", work) for work in ("echo", "echo-4k", "echo-128k")}, found
    assert all(0 < one["low"] <= one["median"] <= one["high"] for one in found.values()), found


def units_table(_):
    """a table of single operations says what is measured, and what the floor is"""
    said = [json.dumps({"server": server, "work": work, "msize": 65536, "ns": ns})
            for server, work, ns in (
                ("echo", "echo", [1000, 1000, 1000]), ("echo", "echo-4k", [2000, 2000, 2000]),
                ("ours", "walk", [4000, 3000, 5000]), ("diod", "walk", [9000, 8000, 7000]),
                ("ours", "read-4k", [6000]), ("diod", "read-4k", [12000]),
                ("traced", "walk", [4500]), ("traced", "read-4k", [7000]))]
    document = units.document(units.summary(said), "mainline", "1.0")
    rows = {line.split()[0]: line.split()[1:] for line in units.lines(document)}
    assert rows["walk"] == ["4.0", "8.0", "1.0", "3.0", "7.0", "2.00", "0.5"], rows["walk"]
    assert rows["read-4k"] == ["6.0", "12.0", "2.0", "4.0", "10.0", "2.00", "1.0"], rows["read-4k"]


def disks_table(_):
    """a table of disks has both pairs of each work, and says what is missing"""
    def record(pair, seconds, cpu):
        return {"pair": pair, "disk": "null", "work": "w", "round": 0, "ios": 1000, "beside": None,
                "seconds": seconds, "cpu": {"dom0": cpu, "guest": cpu}}
    said = [record("stock", 0.3, 60000), record("stock", 0.2, 60000), record("ours", 0.1, 30000),
            record("floor", 0.04, 10000), record("plain", 0.125, 45000),
            record("copied", 0.05, 20000), record("mapped", 0.075, 40000),
            {"pair": "stock", "disk": "null", "traced": "start", "ios": 1},
            {"pair": "stock", "disk": "null", "traced": "w", "ios": 3},
            {"pair": "ours", "disk": "null", "traced": "start", "ios": 1},
            {"pair": "ours", "disk": "null", "traced": "w", "ios": 9},
            {"pair": "ours", "disk": "null", "idle": 20, "wakeups": 2},
            {"pair": "ours", "disk": "null", "memory": {"dom0": 55.4, "guest": 800}},
            {"pair": "ours", "disk": "null", "work": "alone", "round": 0, "ios": 1,
             "beside": None, "seconds": 1, "cpu": {"dom0": 1, "guest": 1}},
            {"pair": "ours", "failed": "it broke"}]
    kept = disks.summary(said, lambda pair, work: _trace() * (1 if work == "start" else 3))
    # The host was half as fast when the second pair was measured
    beside = [{**record("stock", 0.3, 60000), "beside": 1e-4},
              {**record("ours", 0.3, 60000), "beside": 2e-4}]
    document = {"kernel": "mainline", "counted": kept, "scaling": disks.summary(beside, None)}
    rows = list(disks.lines(document))
    assert "null w 300.0 300.0 100/200 2.00 120.0 120.0 0.50".split() in [row.split() for row in rows], rows
    assert "null w 250.0 125.0 100.0 40.0 2.50 120.0 90.0 60.0 0.50".split() in [row.split() for row in rows], rows
    assert not any("alone" in row for row in rows), rows
    assert "  w           copied 50.0 20.0, mapped 75.0 40.0" in rows, rows
    assert any(row.split()[:5] == ["w", "ours", "hypercalls", "guest", "0.75,"] for row in rows)
    assert any(row.endswith("ours: 6") for row in rows), rows
    assert any(row.endswith("ours: 55 KiB in dom0, 800 KiB in the guest") for row in rows), rows
    assert list(disks.missing(document)) == [("disks, counted", "ours: it broke")]


def roots_table(_):
    """a table of roots has those that there were, and says what is missing"""
    found = roots.summary("disk\t30.5\t2.0\t28.0\t1200\t30000000\t8000000\t\n"
                          "mmap\t40.25\t9.5\t30.1\t48000\t31000000\t9000000\t\n")
    document = {"kernel": "mainline", "status": 1, "results": found}
    rows = [" ".join(row.split()) for row in roots.lines(document)]
    assert "ext4, disk 30.5 2.0 28.0 1200 30.0 8.0" in rows, rows
    assert "9p, mmap 40.2 9.5 30.1 48000 31.0 9.0" in rows, rows
    assert [name for name, _ in roots.missing(document)] == ["boot, loose"], document


def counted_side_by_side(_):
    """boots in counted time run two at a time, the others alone, and none is forgotten"""
    running, most = [], {True: 0, False: 0}

    def task(counted, name):
        def run():
            running.append(name)
            most[counted] = max(most[counted], len(running))
            time.sleep(0.2)
            running.remove(name)
            return {"boots": [counted], "disks": {name: counted}}
        return counted, run
    tasks = [task(True, "a"), task(False, "b"), task(True, "c"), task(False, "d"), task(True, "e")]
    document = {"boots": []}
    for found in cli.outcomes(tasks):
        cli.add_to(document, found)
    assert most == {True: 2, False: 1}, most
    assert document["boots"] == [True, True, True, False, False], document
    assert set(document["disks"]) == set("abcde"), document


TESTS = [all_results, no_compiler, hang, ignores_noise, finds_change, finds_missing,
         whole_passes, missing_fails, boot_fails, failed_target, page_whole, page_missing,
         page_alone, browser_sees, trace_counts, trace_broken, costs_counted, costs_missing,
         budget_adds_up, units_floor, units_table, disks_table, roots_table,
         counted_side_by_side]


def main():
    failed = 0
    print(f"KTAP version 1\n1..{len(TESTS)}", flush=True)
    for number, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
                outcome = "ok"
            except (AssertionError, OSError, RigError) as error:
                outcome = "not ok"
                failed += 1
                print("\n".join(f"# {line}" for line in str(error).splitlines()))
        print(f"{outcome} {number} {test.__doc__}", flush=True)
    return 1 if failed else 0


sys.exit(main())
