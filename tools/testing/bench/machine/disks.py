# SPDX-License-Identifier: GPL-2.0
"""Runs in dom0: this project's block pair beside the kernel's, on disks of no cost.

For each pair a guest of its own, whose frontend is that pair's too, and the same
work by fio on a null_blk, which forgets what is written, and on a brd, which copies
it. Writes /out/disks.jsonl: a line for each run of each work, with the CPU time that
both domains took for it as Xen counts it.
"""

import json
import os
import statistics
import sys
import time

import counts
from common import ADD, Missing, run, say

OUT = "/out/disks.jsonl"
NAME = "disks"
VDEV = "xvdc"
# The disks, and how they are made
DISKS = {
    "null": ("/dev/nullb0", ["null_blk", "nr_devices=5", "queue_mode=2", "irqmode=0", "bs=512",
                             "gb=1"]),
    "brd": ("/dev/ram0", ["brd", "rd_nr=1", "rd_size=131072"]),
}
# A disk of the guest's own
FLOOR = "nullb0"
# Further ones, for what a ring takes of memory
MORE = {f"xvd{letter}": f"/dev/nullb{number}" for number, letter in enumerate("defg", 1)}
SIZE = "96m"
# What fio would do for itself only
LEAN = ["--gtod_reduce=1", "--norandommap", "--random_generator=lfsr", "--thread",
        "--group_reporting", "--output-format=json"]


class Session:
    """One boot's measurements."""

    def __init__(self, job, out):
        self.job = job
        self.out = out
        self.whole = True
        self.times = counts.CpuTimes()
        self.domid = None
        # CPU time of a run with one request a job, by the number of jobs
        self.start_costs = {}

    def note(self, **what):
        json.dump(what, self.out)
        self.out.write("\n")
        self.out.flush()

    # The guest and its disk

    def start(self, pair):
        run("disk-backend", "ours" if pair == "ours" else "stock")
        with open("/sys/module/xen_blkback/parameters/max_queues", "w", encoding="ascii") as file:
            file.write(str(self.job["vcpus"]))
        front = "ours" if pair == "ours" else "upstream"
        run("rig-guest", "create", NAME, "--blk-front", front, "--no-p9", "--memory", "384",
            "--vcpus", str(self.job["vcpus"]), "--timeout", "900", seconds=960)
        self.domid = int(run("rig-guest", "domid", NAME))
        self.guest(" ".join(["modprobe", *DISKS["null"][1]]))

    def end(self):
        run("rig-guest", "destroy", NAME)
        self.domid = None

    def guest(self, script, seconds=600):
        return run("rig-guest", "exec", NAME, "--timeout", str(seconds), "--", "bash",
                   "-euo", "pipefail", "-c", script, seconds=seconds + 60)

    def plug(self, device, vdev=VDEV):
        run("xl", "block-attach", NAME, f"format=raw,vdev={vdev},access=w,backendtype=phy,"
            f"script=rig-block,target={device}")
        self.guest(f"for ((n = 0; n < 300; n++)); do [ ! -b /dev/{vdev} ] || exit 0; sleep 0.1; "
                   f"done; echo no {vdev} came; exit 1")

    def unplug(self, vdev=VDEV):
        run("xl", "block-detach", NAME, vdev)
        self.guest(f"for ((n = 0; n < 300; n++)); do [ -b /dev/{vdev} ] || exit 0; sleep 0.1; "
                   f"done; echo {vdev} stays; exit 1")

    # Measurements

    def cpu(self):
        return self.times.of({"dom0": 0, "guest": self.domid})

    def fio(self, work, ios, vdev=VDEV):
        """One run of fio; its own account of it, and the CPU time that it took."""
        words = [f"--name={work['name']}", f"--filename=/dev/{vdev}", "--allow_file_create=0",
                 "--direct=1", "--ioengine=libaio", f"--size={SIZE}",
                 f"--rw={work['rw']}", f"--bs={work['bs']}", f"--iodepth={work['depth']}",
                 f"--numjobs={work['jobs']}", f"--number_ios={ios}", *LEAN]
        before = self.cpu()
        said = self.guest("fio " + " ".join(words))
        after = self.cpu()
        job = json.loads(said[said.index("{"):])["jobs"][0]
        if job["error"]:
            raise Missing(f"fio ended with error {job['error']}")
        side = job["write" if "write" in work["rw"] else "read"]
        return side, {who: after[who] - before[who] for who in before}

    def start_cost(self, work, vdev):
        """CPU time of a run that does hardly anything."""
        runs = [self.fio(work, 1, vdev)[1] for _ in range(3)]
        return {who: statistics.median(one[who] for one in runs) for who in runs[0]}

    def measure(self, where, work, vdev=VDEV):
        """What a run takes beyond one that does hardly anything."""
        jobs = work["jobs"]
        if jobs not in self.start_costs:
            self.start_costs[jobs] = self.start_cost(work, vdev)
        idle = self.start_costs[jobs]
        for number in range(self.job["rounds"]):
            beside = self.beside(work) if self.job["beside"] else None
            side, cpu = self.fio(work, work["ios"] // jobs, vdev)
            done = side["total_ios"]
            self.note(**where, work=work["name"], round=number, ios=done, beside=beside,
                      seconds=side["runtime"] / 1000,
                      cpu={who: (cpu[who] - idle[who]) / (done - jobs) for who in cpu})
            say(f"{where['pair']} {where['disk']} {work['name']}: "
                f"{side['runtime'] * 1000 / done:.1f} us")

    def beside(self, work):
        """What a request takes on a disk of the guest's own, just before it is measured."""
        side, _ = self.fio(work, work["ios"] // work["jobs"], FLOOR)
        return side["runtime"] / 1000 / side["total_ios"]

    def trace(self, where, work, name, ios):
        """Hypercalls of one run, which the host counts out of Xen's trace."""
        trace = counts.Trace(f"{where['pair']}-{name}", counts.CALLS)
        side, _ = self.fio(work, ios)
        trace.stop()
        self.note(**where, traced=name, ios=side["total_ios"])

    def trace_all(self, where):
        """Those of each work, and of what fio does to begin and to end."""
        self.trace(where, self.job["works"][0], "start", 1)
        for work in self.job["works"]:
            self.trace(where, work, work["name"], work["ios"] // work["jobs"])

    def switches(self):
        """How often threads of the backend came to run, since they began."""
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                    lines = file.read().splitlines()
            except OSError:
                continue  # it has ended
            # Both backends call them after the guest's disk
            if f"{self.domid}.{VDEV}" in lines[0]:
                found += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return found

    def idle(self, where):
        """What an idle disk costs, after all that was to be done has been."""
        time.sleep(self.job["settle"])
        before = self.switches()
        if not before:
            raise Missing("no thread of the backend is found")
        time.sleep(self.job["idle"])
        self.note(**where, idle=self.job["idle"], wakeups=self.switches() - before)

    def free(self):
        """Memory that is free in both domains when all that can be read again is gone, KiB."""
        script = "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; grep MemFree /proc/meminfo"
        return {who: int(text.split()[-2]) for who, text in
                (("dom0", run("sh", "-c", script)), ("guest", self.guest(script)))}

    def memory(self, where, work):
        """What a ring holds that was at work and is not yet idle for long."""
        (first, device), *others = MORE.items()
        # What all disks share is there with the first
        self.plug(device, first)
        before = self.free()
        for vdev, device in others:
            self.plug(device, vdev)
            self.fio(work, work["ios"] // 8, vdev)
        after = self.free()
        rings = len(others) * self.job["vcpus"]
        self.note(**where, memory={who: (before[who] - after[who]) / rings for who in before})
        for vdev in MORE:
            self.unplug(vdev)

    def floor(self):
        """The same work on a disk of the guest's own: what no pair can save."""
        self.start_costs = {}
        for work in self.job["works"]:
            self.measure({"pair": "floor", "disk": "null"}, work, FLOOR)

    def plain(self):
        """The kernel's pair without a scheduler, as this project's comes."""
        self.guest(f"echo none >/sys/block/{VDEV}/queue/scheduler")
        for work in self.job["works"]:
            if work["name"] in self.job["plain"]:
                self.measure({"pair": "plain", "disk": "null"}, work)

    def parameter(self, name, value):
        with open(f"/sys/module/xen_blkback/parameters/{name}", "r+", encoding="ascii") as file:
            before = file.read().strip()
            file.write(str(value))
        return before

    def border(self):
        """Requests whose data are all copied, and all mapped, where no page stays mapped."""
        self.start_costs = {}
        persistent = self.parameter("feature_persistent", "N")
        self.plug(DISKS["null"][0])
        copied = self.parameter("max_copy_bytes", 0)
        for pair, most in (("mapped", 0), ("copied", 1 << 20)):
            self.parameter("max_copy_bytes", most)
            for work in self.job["border"]:
                self.measure({"pair": pair, "disk": "null"}, work)
        self.parameter("max_copy_bytes", copied)
        self.parameter("feature_persistent", persistent)
        self.unplug()

    def of_pair(self, pair):
        self.start_costs = {}
        for disk in self.job["disks"]:
            where = {"pair": pair, "disk": disk}
            self.plug(DISKS[disk][0])
            # What others do with a new disk is over when that has ended
            self.fio(self.job["works"][0], 1)
            for work in self.job["works"]:
                self.measure(where, work)
            if self.job["traced"] and disk == "null":
                self.trace_all(where)
            if self.job["idle"] and disk == "null":
                self.idle(where)
            if pair == "stock" and disk == "null":
                self.plain()
            self.unplug()
            # What an idle ring gives back meanwhile would be taken for less
            if self.job["memory"] and disk == "null":
                self.memory(where, self.job["memory"])

    def run(self):
        for device, words in (DISKS[disk] for disk in self.job["disks"]):
            run("modprobe", *words)
            # What was never written costs less to read; the last pair would pay for it
            if words[0] == "brd":
                run("dd", "if=/dev/zero", f"of={device}", f"bs={SIZE.upper()}", "count=1")
        for pair in ("stock", "ours"):
            say(f"{pair}: a guest boots")
            try:
                self.start(pair)
                self.of_pair(pair)
                if pair == "ours":
                    if self.job["border"]:
                        self.border()
                    if not self.job["beside"]:
                        self.floor()
                self.end()
            except Missing as error:
                self.whole = False
                say(f"{pair}: MISSING: {error}")
                self.note(pair=pair, failed=str(error))
                # It may be there even if it did not come up
                if any(line.split()[0] == NAME for line in run("rig-guest", "list").splitlines()):
                    self.end()


def main():
    with open(f"{ADD}/job.json", encoding="utf-8") as file:
        job = json.load(file)
    with open(OUT, "w", encoding="utf-8") as out:
        session = Session(job, out)
        session.run()
    return 0 if session.whole else 1


sys.exit(main())
