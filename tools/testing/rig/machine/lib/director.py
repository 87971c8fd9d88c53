# SPDX-License-Identifier: GPL-2.0
"""Runs in dom0 and does what the run is about, from the backend to the verdict."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import disk as disks
import guest as guests
import job as jobs
import link
from guest import Guest, GuestError
from report import LogFeed, Report
from store import StoreError

NAME = "guest"
# What the host gets besides the consoles; the first without Xen, too
LOGS = [("dom0-dmesg.log", ["dmesg"]), ("xen.log", ["xl", "dmesg"]),
        ("xenstore.log", ["xenstore-ls", "-fp"]), ("xl-list.log", ["xl", "list"])]


class Director:
    """One run."""

    def __init__(self):
        self.job = jobs.load()
        self.report = Report()
        self.watched = self.job["dom0_kernel"] in self.job["watched"]
        self.faults = []
        self.statuses = []
        self.feed = LogFeed(self.report, "/var/log/xen", 10 if self.job["counted"] else 1)

    def fault(self, text):
        self.faults.append(text)
        self.report.progress(f"FAULT: {text}")

    def note_status(self, who, status):
        self.statuses.append(status)
        self.report.progress(f"the {who} script ended with status {status}")

    # What dom0 runs itself

    def command(self, *argv, seconds=60):
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds,
                                  check=False)
        except subprocess.TimeoutExpired:
            self.fault(f"{' '.join(argv)} did not end within {seconds} s")
            self.show_tasks()
            return None
        if done.returncode:
            self.fault(f"{' '.join(argv)} failed with {done.returncode}: "
                       f"{(done.stdout + done.stderr).strip()}")
        return done

    def show_tasks(self):
        """Have the kernels say where their blocked tasks wait."""
        with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
            file.write("w")
        for name in guests.known():
            subprocess.run(["xl", "sysrq", name, "w"], timeout=20, check=False,
                           capture_output=True)
        time.sleep(2)

    def prepare(self):
        job = self.job
        if self.watched:
            self.command("rig-leaks", "clear")
        os.makedirs(job["export"], exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "export", job["export"]],
                       check=True)
        for module in jobs.modules(job):
            self.command("modprobe", module)
        if job["blk_back"] == "ours" and job["xen"]:
            self.command("disk-backend", "ours")
        disks.set_backend(job["disk_opts"])

    def _disk_of(self, options):
        if not options["disk"]:
            return ""
        return (f", a disk of {options['disk']} MiB, {options['blk_front']} frontend, "
                f"{self.job['blk_back']} backend")

    def start_guest(self):
        guest = Guest(NAME)
        options = guests.options_of(self.job)
        self.report.progress(f"creating the guest: {options['type']}, {options['kernel']} kernel, "
                             f"{options['vcpus']} vCPUs, {options['front']} frontend, "
                             f"{options['back']} backend{self._disk_of(options)}")
        began = time.monotonic()
        guest.create(options)
        self.report.progress(f"the guest is up after {time.monotonic() - began:.1f} s")
        return guest

    def mount(self, guest):
        job = self.job
        if not job["p9"]:
            return
        try:
            status = self.in_guest(guest, ["rig-mount", job["tag"], job["mount"],
                                           jobs.mount_options(job)], 300)
        except link.TookTooLong:
            self.show_stuck_mount(guest)
            raise GuestError(f"mounting {job['tag']} in the guest did not end within 300 s; what "
                             "hangs where is in the logs") from None
        if status:
            raise GuestError(f"the guest could not mount {job['tag']} (status {status})")
        self.report.progress(f"the guest has mounted {job['tag']} at {job['mount']}")

    def in_guest(self, guest, argv, seconds):
        return guest.run(argv, out=self.report.lines(b"o"), err=self.report.lines(b"e"),
                         seconds=seconds)

    def show_stuck_mount(self, guest):
        self.show_tasks()
        found = subprocess.run(["xenstore-ls", "-f", "/local/domain/0/backend/9pfs"],
                               capture_output=True, text=True, timeout=20, check=False).stdout
        self.report.progress(f"9P backends in xenstore:\n{found}")
        try:
            self.in_guest(guest, ["sh", "-c", "grep . /sys/bus/xen/devices/9pfs-*/state; "
                                  "ps -eo pid,stat,wchan:30,args | grep -v ' \\['"], 60)
        except (GuestError, link.TookTooLong) as error:
            self.report.progress(f"the guest does not answer either: {error}")

    # Scripts

    def dom0_script(self, guest=""):
        script = jobs.script("dom0")
        process = subprocess.Popen([script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True, cwd="/",
                                   env={**os.environ, **jobs.environment(self.job, guest)})
        readers = []
        for stream, kind in ((process.stdout, b"o"), (process.stderr, b"e")):
            reader = threading.Thread(target=self._pass_on, args=(stream, kind), daemon=True)
            reader.start()
            readers.append(reader)
        try:
            status = process.wait(self.job["timeout"])
        except subprocess.TimeoutExpired:
            self.fault(f"the dom0 script did not end within {self.job['timeout']} s")
            self.show_tasks()
            os.killpg(process.pid, signal.SIGKILL)
            status = 124
        for reader in readers:
            reader.join(2)
        self.note_status("dom0", 128 - status if status < 0 else status)

    def _pass_on(self, stream, kind):
        write = self.report.lines(kind)
        while data := os.read(stream.fileno(), 65536):
            write(data)
        write(b"")

    def guest_script(self, guest):
        out, err = self.report.lines(b"o"), self.report.lines(b"e")
        try:
            status = guest.run([jobs.script("guest")], out=out, err=err,
                               env=jobs.environment(self.job, guest.name),
                               seconds=self.job["timeout"])
        except link.TookTooLong:
            self.fault(f"the guest script did not end within {self.job['timeout']} s")
            self.show_tasks()
            status = 124
        except (GuestError, StoreError) as error:
            self.fault(str(error))
            status = 125
        out(b"")
        err(b"")
        self.note_status("guest", status)

    def scripts(self):
        with_guest = self.job["with_guest"]
        if not with_guest:
            self.dom0_script()
            return
        guest = self.start_guest()
        self.mount(guest)
        beside = None
        if jobs.script("dom0"):
            beside = threading.Thread(target=self.dom0_script, args=(guest.name,))
            beside.start()
        if jobs.script("guest"):
            self.guest_script(guest)
        if beside:
            beside.join()

    # The end

    def collect(self, name):
        """Fetch what a guest's scripts left in $OUT."""
        folder = f"/out-of/{name}"
        os.makedirs(folder, exist_ok=True)
        with subprocess.Popen(["tar", "-C", folder, "-xf", "-"], stdin=subprocess.PIPE) as tar:
            status = Guest(name).run(["tar", "-C", "/out", "-cf", "-", "."],
                                     out=tar.stdin.write, seconds=300)
        if status or tar.returncode:
            self.fault(f"could not fetch what {name} left in $OUT")

    def end_guest(self, name):
        guest = Guest(name)
        if guest.domid() is None:
            return
        try:
            self.collect(name)
            guest.shutdown()
        except (GuestError, StoreError, link.TookTooLong) as error:
            self.fault(f"{name} did not end as it should: {error}")
        if guest.domid() is not None:
            self.show_tasks()
            self.destroy(guest)

    def destroy(self, guest):
        try:
            guest.destroy()
        except (GuestError, StoreError) as error:
            self.fault(str(error))

    def end(self):
        for name in guests.known():
            self.end_guest(name)
        left = guests.domains() if self.job["xen"] else {}
        for domid, (name, state) in left.items():
            self.fault(f"domain {domid} ({name}, state {state}) is left in xl list")
        if self.job["blk_back"] == "ours" and self.job["xen"] and not left:
            self.command("disk-backend", "stock")
        for module in [] if left else reversed(jobs.modules(self.job)):
            self.command("modprobe", "-r", module)
        self.command("umount", self.job["export"])
        if self.watched:
            self.command("rig-leaks", "find", seconds=guests.LEAK_TIME)

    def collect_coverage(self):
        """What dom0's kernel has counted; it keeps that of modules that are gone."""
        self.command("rig-coverage", "/out/coverage.tar", seconds=300)

    def send_logs(self):
        for name, argv in LOGS if self.job["xen"] else LOGS[:1]:
            try:
                text = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      timeout=20, check=False).stdout
            except subprocess.TimeoutExpired:
                self.fault(f"{' '.join(argv)} did not end within 20 s")
                continue
            self.report.log(name, text)
        self.feed.finish()
        os.makedirs("/out-of", exist_ok=True)
        if os.listdir("/out"):
            subprocess.run(["cp", "-a", "/out", "/out-of/dom0"], check=True)
        self.report.archive("/out-of")

    def shell(self):
        """An interactive run: a shell on the terminal that the host has passed on."""
        guest = ""
        if self.job["with_guest"]:
            machine = self.start_guest()
            self.mount(machine)
            guest = machine.name
        environment = {**os.environ, **jobs.environment(self.job, guest),
                       "TERM": self.job["term"]}
        self.report.progress("the shell is yours; leave it to end the machine")
        with open("/dev/hvc1", "r+b", buffering=0) as terminal:
            rows, columns = self.job["size"]
            subprocess.run(["stty", "rows", str(rows), "columns", str(columns)],
                           stdin=terminal, check=False)
            argv = ["xl", "console", guest] if self.job["shell"] == "guest" else ["bash"]
            subprocess.run(["setsid", "-c", *argv], stdin=terminal, stdout=terminal,
                           stderr=terminal, env=environment, cwd="/root", check=False)

    def run(self):
        self.feed.start()
        self.report.progress("dom0 is up")
        try:
            self.prepare()
            if self.job.get("shell"):
                self.shell()
            else:
                self.scripts()
        except (GuestError, StoreError, link.TookTooLong) as error:
            self.fault(str(error) or "a command in the guest took too long")
        self.report.progress("ending")
        try:
            self.end()
        except (GuestError, StoreError) as error:
            self.fault(str(error))
        if self.job["coverage"] and self.watched:
            self.collect_coverage()
        self.send_logs()
        status = next((status for status in self.statuses if status), 0)
        self.report.verdict(status, self.faults)


def main():
    director = Director()
    try:
        director.run()
    except Exception:
        trace = traceback.format_exc()
        director.fault(f"the director failed:\n{trace}")
        director.send_logs()
        director.report.verdict(1, director.faults)
        return 1
    return 0


sys.exit(main())
