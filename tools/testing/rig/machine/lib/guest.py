# SPDX-License-Identifier: GPL-2.0
"""Guests: create, wait for, shut down, destroy. Runs in dom0."""

import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import time

import disk as disks
import job as jobs
import link
from store import Store

FOLDER = "/run/guests"
CONSOLE = "/var/log/xen/console"
QEMU = "/usr/libexec/xen-qemu-system-i386"
# What two scans for leaks may take on an emulated CPU
LEAK_TIME = 300
# How long a guest may take to boot. Minutes, not seconds: the host may be busy.
BOOT = {"pv": 300, "pvh": 600}


class GuestError(Exception):
    """A guest that does not do what it should."""


def _xl(*arguments, seconds=120):
    try:
        done = subprocess.run(["xl", *arguments], capture_output=True, text=True,
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise GuestError(f"xl {' '.join(arguments)} did not end within {seconds} s") from error
    if done.returncode:
        raise GuestError(f"xl {' '.join(arguments)} failed with {done.returncode}:\n"
                         f"{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def domains():
    """Ids of all domains but dom0, also of those that are only half gone."""
    found = {}
    for line in _xl("list").splitlines()[1:]:
        match = re.match(r"(\S.*?)\s+(\d+)\s+\d+\s+\d+\s+(\S+)\s", line)
        if match and match.group(2) != "0":
            found[int(match.group(2))] = (match.group(1), match.group(3))
    return found


class Guest:
    """One guest, known by its name; its record survives a reboot of it."""

    def __init__(self, name):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}", name):
            raise GuestError(f"{name!r} is no name for a guest: letters, digits, _ . and - only")
        self.name = name
        self.path = f"{FOLDER}/{name}.json"

    @property
    def record(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            raise GuestError(f"there is no guest {self.name}; there are: "
                             f"{', '.join(known()) or 'none'}") from None

    @property
    def address(self):
        return f"10.9.{self.record['number']}.2"

    @property
    def watched(self):
        """Whether its kernel is one for finding mistakes, leaks among them."""
        return self.record["kernel"] in jobs.load()["watched"]

    def domid(self, store=None):
        """Its domain's id, or None if it has no domain just now."""
        store = store or Store()
        for domid in store.list("/local/domain"):
            if store.read(f"/local/domain/{domid}/name") == self.name:
                return int(domid)
        return None

    def _take_number(self, options):
        with open(f"{FOLDER}/.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(self.path):
                raise GuestError(f"there is a guest {self.name} already: shut it down "
                                 "or destroy it first")
            taken = {Guest(name).record["number"] for name in known()}
            number = min(set(range(1, 250)) - taken)
            record = {**options, "number": number}
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(record, file)
        return record

    def _words(self, record, address):
        """What its kernel's command line says."""
        job = jobs.load()
        words = ["console=hvc0", "rig.role=guest", f"rig.name={self.name}",
                 f"rig.ip={address}", f"rig.front={record['front']}", *job["linux_append"],
                 *job["kernel_append"][record["kernel"]],
                 *disks.words(record["disk_opts"]), *record.get("append", [])]
        if record.get("shell"):
            words.append("rig.shell=1")
        if record["root"]:
            words.append("rig.root=memory")
        if self.watched:
            # A disk that keeps its grants would look like a leak of some
            words += ["rig.leaks=1", "xen_blkfront.feature_persistent=0"]
        return words

    def _kernel(self, record):
        kernel = f"/run/rig/boot/vmlinux-{record['kernel']}"
        if not os.path.exists(kernel):
            raise GuestError(f"this run has no kernel {record['kernel']}; it has: " + ", ".join(
                sorted(path.split("-", 1)[1] for path in glob.glob("/run/rig/boot/vmlinux-*"))))
        return kernel

    def _ramdisk(self, record):
        ramdisk = f"/run/rig/boot/initrd-guest-{record['kernel']}"
        if record["blk_front"] == "ours":
            ramdisk += "-ours"
            if not os.path.exists(ramdisk):
                raise GuestError("this run has no xen-blkfront of the checkout: was it built "
                                 "for this kernel, and does the run have the modules?")
        if not record["root"]:
            return ramdisk
        # A kernel unpacks one archive after the other
        whole = f"{FOLDER}/{self.name}.initrd"
        with open(whole, "wb") as target:
            for part in (ramdisk, record["root"]):
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, target)
        return whole

    def _config(self, record):
        address = f"10.9.{record['number']}.2"
        settings = {
            "name": self.name, "type": record["type"],
            "vcpus": int(record["vcpus"]), "memory": int(record["memory"]),
            "kernel": self._kernel(record), "ramdisk": self._ramdisk(record),
            "extra": " ".join(self._words(record, address)), "on_crash": "destroy",
            # Else Xen traps every rdtsc, for it calls an emulated TSC unsafe: a
            # third of a guest's time under load
            "tsc_mode": "native",
            "disk": disks.lines(record, f"{FOLDER}/{self.name}.disk"),
            "vif": [f"script=rig-vif,ip={address}"], "p9": record["p9"],
        }
        path = f"{FOLDER}/{self.name}.cfg"
        with open(path, "w", encoding="utf-8") as file:
            for name, value in settings.items():
                file.write(f"{name} = {json.dumps(value)}\n")
            for line in record.get("config", []):
                file.write(line + "\n")
        return path

    def create(self, options, seconds=None):
        """Create the guest; unless it is to stay paused, wait for its agent."""
        if options["p9"] and options["disk"] and options["blk_back"] == "qdisk":
            raise GuestError("QEMU, which serves the disk of a guest with --blk-back qdisk, ends when "
                             "that guest has a 9P device as well: say --no-p9")
        record = self._take_number(options)
        by_qemu = record["back"] == "qemu" and record["p9"]
        pause = ["-p"] if by_qemu or record["paused"] else []
        try:
            _xl("create", "-q", *pause, self._config(record), seconds=600)
        except GuestError:
            self._forget()
            raise
        if by_qemu:
            self._start_qemu(record)
        if record["paused"]:
            return
        if pause:
            self.unpause()
        self.wait(seconds)

    def _start_qemu(self, record):
        """Debian's libxl starts no QEMU for a 9P device: do what it should."""
        store = Store()
        domid = self.domid(store)
        with open(f"/var/log/xen/qemu-9p-{self.name}.log", "ab") as log:
            process = subprocess.Popen(
                [QEMU, "-xen-domid", str(domid), "-xen-attach", "-name", self.name,
                 "-nographic", "-vga", "none", "-nic", "none", "-M", "xenpv", "-m", str(record["memory"]),
                 "-monitor", "none", "-serial", "none", "-parallel", "none"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        backend = f"/local/domain/0/backend/9pfs/{domid}"

        def serves():
            if process.poll() is not None:
                raise GuestError(f"QEMU, the 9P backend of {self.name}, ended with "
                                 f"{process.returncode}: see qemu-9p-{self.name}.log")
            return all((store.read(f"{backend}/{device}/state") or "0") >= "2"
                       for device in store.list(backend))

        if not store.wait_for(serves, 60):
            raise GuestError(f"QEMU did not offer the 9P devices of {self.name} within 60 s")

    def unpause(self):
        _xl("unpause", self.name)

    def wait(self, seconds=None):
        """Wait until the agent answers."""
        seconds = seconds or BOOT[self.record["type"]]
        store = Store()
        deadline = time.monotonic() + seconds
        while not link.reachable(self.address):
            if self.domid(store) is None:
                time.sleep(1)  # a guest that reboots has none for a moment
                if self.domid(store) is None:
                    raise GuestError(f"{self.name} is gone while it was to boot. Its "
                                     f"console ends:\n{self.console(20)}")
            if time.monotonic() > deadline:
                raise GuestError(f"the agent of {self.name} does not answer after {seconds} s. "
                                 f"Its console ends:\n{self.console(20)}")

    def alive(self):
        """A test for a running command: does its domain still exist?"""
        store = Store()
        began = self.domid(store)

        def test():
            return store.read(f"/local/domain/{began}/name") == self.name
        return test

    def run(self, argv, **options):
        """Run a command in the guest; its exit status."""
        try:
            return link.run(self.address, argv, alive=self.alive(), **options)
        except link.Gone as error:
            raise GuestError(f"{self.name}: {error}. Its console ends:\n"
                             f"{self.console(20)}") from error

    def console(self, lines=None):
        try:
            with open(f"{CONSOLE}/guest-{self.name}.log", errors="replace",
                      encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return "(no console log yet)"
        if lines:
            full = [line for line in text.splitlines() if line.strip()]
            text = "\n".join(full[-lines:])
        return text

    def _wait_gone(self, domid, seconds):
        deadline = time.monotonic() + seconds
        # An xl takes dom0's CPU from those who take the domain apart, a look at
        # xenstore hardly any: so that is asked first
        store = Store()
        store.wait_for(lambda: str(domid) not in store.list("/local/domain"), seconds)
        while domid in domains():
            if time.monotonic() > deadline:
                name, state = domains().get(domid, ("?", "?"))
                raise GuestError(
                    f"domain {domid} of {self.name} is still there {seconds} s after its end "
                    f"(name {name}, state {state}): somebody keeps its pages mapped or its "
                    "devices open")
            time.sleep(0.2)

    def _forget(self):
        disks.release(f"{FOLDER}/{self.name}.disk")
        for path in glob.glob(f"{FOLDER}/{self.name}.*"):
            os.unlink(path)

    def look_for_leaks(self):
        found = []
        status = self.run(["rig-leaks", "find"], out=found.append, err=found.append,
                          seconds=LEAK_TIME)
        if status:
            text = b"".join(found).decode(errors="replace").rstrip()
            raise GuestError(f"{self.name} leaves behind what it should not:\n{text}")

    def collect_coverage(self, domid):
        if not jobs.load()["coverage"]:
            return
        with open(f"/out/coverage-{domid}.tar", "wb") as file:
            if self.run(["rig-coverage", "/dev/stdout"], out=file.write, seconds=300):
                raise GuestError(f"{self.name} could not say which lines have run")

    def shutdown(self, seconds=120):
        """Shut it down and wait until it is gone; before, see what it has left."""
        domid = self.domid()
        watched = self.watched
        try:
            if watched and domid is not None:
                self.look_for_leaks()
                self.collect_coverage(domid)
        finally:
            if domid is not None:
                _xl("shutdown", str(domid))
                self._wait_gone(domid, seconds)
            self._forget()

    def destroy(self):
        domid = self.domid()
        self.record
        if domid is not None:
            _xl("destroy", str(domid))
            self._wait_gone(domid, 30)
        self._forget()


def known():
    return sorted(os.path.basename(path)[:-5] for path in glob.glob(f"{FOLDER}/*.json"))


def options_of(job):
    """What a guest is made of if nobody says otherwise."""
    return {"type": job["type"], "kernel": job["kernel"], "vcpus": job["vcpus"],
            "blk_front": job["blk_front"], "blk_back": job["blk_back"], "disk": job["disk"],
            "disk_opts": job["disk_opts"], "root": None,
            "memory": job["memory"], "front": job["front"], "back": job["back"],
            "p9": [job["p9"]] if job["p9"] else [], "paused": False, "append": [], "config": [],
            "shell": bool(job.get("shell"))}
