# SPDX-License-Identifier: GPL-2.0
"""One run: boot the machine, follow it to its end, and judge it."""

import json
import os
import pathlib
import resource
import shutil
import sys
import time

from . import cache, guestroot, image, initrd, kernels, rundisk, splats
from .checkout import MODULES, Checkout
from .machine import Machine, accelerator
from .report import Report
from .say import duration, say

BOOT_TIME = 600
# What dom0 may take beyond its scripts' time: create guests, end them, send logs.
MARGIN = 900
# Of silence, after which a machine is woken up that QEMU may have left asleep
NUDGE = 5
KEEP_RUNS = 20
# Of the faults that logs tell of
SHOWN = 10


class Run:
    """A run and its folder of logs."""

    def __init__(self, tree, options):
        self.tree = tree
        self.options = options
        self.folder = self._folder()
        self.logs = self.folder / "log"
        self.out = self.folder / "out"
        for path in (self.logs, self.out):
            path.mkdir()
        self.machine = Machine(tree, self.logs)
        # When a silent machine was last woken up, and how often
        self.nudged, self.nudges = 0.0, 0

    def _folder(self):
        runs = cache.directory("run")
        name = time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid())
        cache.hold(f"use-run-{name}")
        folder = runs / name
        folder.mkdir()
        cache.prune("run", KEEP_RUNS, folder)
        return folder

    def _modules_for(self, kernel):
        options = self.options
        if kernel.name in kernels.BARE:
            return []
        watched = kernel.name in kernels.WATCHED
        found = []
        halves = [options[name] for name in ("front", "back", "blk_front", "blk_back")]
        if "ours" in halves or options["modules"]:
            checkout = Checkout(self.tree)
            found += checkout.built_modules(checkout.build_modules(
                kernel, coverage=options["coverage"] and watched))
        if watched:
            checkout = Checkout(self.tree, MODULES)
            found += checkout.built_modules(checkout.build_modules(kernel))
        return found

    def _modules(self):
        found = {name: self._modules_for(kernel) for name, kernel in self.kernels.items()}
        return {name: modules for name, modules in found.items() if modules}

    def _guest_root(self):
        if not self.options["guest_root"]:
            return None
        kernel = self.kernels[self.options["kernel"]]
        modules = []
        if kernel.name in kernels.DEBIAN:
            checkout = Checkout(self.tree)
            modules = checkout.built_modules(checkout.build_modules(kernel))
        return guestroot.get(self.tree, kernel, modules)

    def prepare(self):
        options = self.options
        self.kernels = {name: kernels.get(self.tree, name)
                        for name in sorted({options["kernel"], options["dom0_kernel"]})}
        parts = {name: options[name] for name in ("dom0_script", "guest_script", "add")}
        parts["modules"] = self._modules()
        parts["tools"] = Checkout(self.tree).build_tools()
        self.boots = {name: initrd.get(self.tree, kernel)
                      for name, kernel in self.kernels.items()}
        self.image = image.get(self.tree)
        self.guest_root = self._guest_root()
        rundisk.make(self.tree, [(kernel, self.boots[name])
                                 for name, kernel in self.kernels.items()],
                     self.folder, options["job"], parts)

    def boot_and_follow(self):
        """Start the machine and act on its report; a list of what went wrong."""
        options = self.options
        machine_options = {**options, "accel": accelerator(options["accel"], options["counted"])}
        dom0 = self.kernels[options["dom0_kernel"]]
        what = "Xen with dom0" if options["xen"] else "without Xen"
        say(f"booting {what} {dom0.name} ({dom0.release}), "
            f"{machine_options['accel']}{', counted' if options['counted'] else ''}; logs: {self.logs}")
        disks = [self.image, self.folder / "run.img"]
        # Each with changes of its own
        disks += [self.guest_root] * 2 if self.guest_root else []
        self.machine.start(machine_options, self.boots[dom0.name], disks)
        self.report = Report(self.machine.report, self.logs, self.out)
        try:
            faults = self._follow()
        finally:
            self.machine.stop()
        if self.nudges:
            say(f"the machine was silent for {NUDGE} s or more, and woken up, {self.nudges} times")
        if not self.report.close():
            faults.append("the archive of results did not come whole")
        return faults

    def _is_heard(self):
        """Whether dom0 should be: in counted time a sign of life may be long in coming."""
        return self.report.began and not self.options["counted"]

    def _nudge(self, now):
        """Wake a machine up that has been silent, every few seconds."""
        if self._is_heard() and now > max(self.report.heard, self.nudged) + NUDGE:
            self.machine.nudge()
            self.nudged = now
            self.nudges += 1

    def _silent_until(self):
        """When silence means a hang."""
        if self.options["shell"] or not self._is_heard():
            return float("inf")
        return self.report.heard + self.options["silence"]

    def _follow(self):
        began = time.monotonic()
        deadline, told = began + BOOT_TIME, began
        while self.report.verdict is None:
            moved = self.report.poll()
            now = time.monotonic()
            if self.report.began and deadline == began + BOOT_TIME:
                say(f"dom0 took {duration(now - began)} to boot")
                deadline = now + self.options["timeout"] + MARGIN
                if self.options["shell"]:
                    deadline = float("inf")
            if moved:
                told = now
                continue
            if self.machine.ended() is not None:
                if self.report.poll():
                    continue
                return [f"the machine ended (QEMU's status {self.machine.ended()}) before dom0 "
                        f"gave its verdict, while: {self.report.last_progress}"]
            self._nudge(now)
            if now > self._silent_until():
                return [f"the machine hangs: nothing was heard of dom0 for "
                        f"{duration(now - self.report.heard)} (where its CPUs are: "
                        f"{self.machine.write_state()}), while: {self.report.last_progress}"]
            if now > deadline:
                return [f"the machine hangs: no verdict after {duration(now - began)}, "
                        f"while: {self.report.last_progress}"]
            if now - told > 30 and not self.options["shell"]:
                say(f"{duration(now - began)} so far, at: {self.report.last_progress}")
                told = now
            time.sleep(0.05)
        return list(self.report.verdict["faults"])

    def judge(self, faults):
        """Say what went wrong, and the run's exit status."""
        scanned = sorted(path for path in self.logs.iterdir() if path.name not in
                         ("report", "script.log", "xenstore.log", "dom0-dmesg.log", "xen.log"))
        found = splats.find(scanned)
        self._write_faults(faults, found)
        self._share_logs()
        for path, number, line in found[:SHOWN]:
            faults.append(f"{path.name}:{number}: {line}")
        if len(found) > SHOWN:
            faults.append(f"{len(found) - SHOWN} more in the logs: see faults.json there")
        verdict = self.report.verdict
        status = verdict["status"] if verdict else 0
        if faults:
            self._show(faults, found)
        say(f"{'FAILED' if faults or status else 'passed'}, script status {status if verdict else 'unknown'}; "
            f"logs in {self.logs}")
        return status or (1 if faults else 0)

    def _write_faults(self, faults, found):
        """All of them for programs to read: what, where, and what the log says there."""
        told = [{"text": text, "where": "the rig", "context": text} for text in faults]
        told += [{"text": line, "where": f"{path.name}:{number}",
                  "context": splats.context(path, number)} for path, number, line in found]
        (self.logs / "faults.json").write_text(json.dumps(told, indent=1))

    def _show(self, faults, found):
        sys.stdout.flush()
        if found:
            path, number, _ = found[0]
            say(f"{path.name} from line {number}:\n{splats.context(path, number)}")
        else:
            say(f"the console's last lines:\n{splats.tail(self.machine.console)}")
        if self.machine.errors.stat().st_size:
            say(f"QEMU said:\n{splats.tail(self.machine.errors, 10)}")
        for fault in faults:
            say(f"fault: {fault}")

    def _share_logs(self):
        for name in ("run.img", "report"):
            cache.remove(self.folder / name)
        cache.remove(self.logs / "report")
        wanted = self.options["out"]
        if not wanted:
            return
        target = pathlib.Path(wanted).absolute()
        target.mkdir(parents=True, exist_ok=True)
        for path in self.out.iterdir():
            shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(self.logs, target / "log", dirs_exist_ok=True)


def run(tree, options):
    one = Run(tree, options)
    began = time.monotonic()
    one.prepare()
    # A CPU that waits for another one which the host has set aside gets nothing done
    cpus = os.cpu_count()
    cache.take_slots(min(options["cpus"], cpus), cpus)
    faults = one.boot_and_follow()
    status = one.judge(faults)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"the run took {duration(time.monotonic() - began)}, and "
        f"{duration(used.ru_utime + used.ru_stime)} of CPU time")
    return status
