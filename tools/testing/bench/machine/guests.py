# SPDX-License-Identifier: GPL-2.0
"""The guest that is measured.

It has two 9P devices that show the same directory: one that xen-9pback serves,
one that QEMU does. Only one module can drive them at a time, so the guest loads
the kernel's own first, and this project's after it.
"""

import signal
import subprocess
import time

from common import EXPORT, Missing, last_line, run

NAME = "bench"
OURS, STOCK = 0, 1
QEMU = "/usr/libexec/xen-qemu-system-i386"
QEMU_LOG = "/var/log/xen/qemu-9p-bench.log"
DRIVERS = "/sys/bus/xen-backend/drivers"
DAEMON = "/local/domain/0/libxl/xen-9pfs/state"

LOAD = {
    "stock": "modprobe 9p && modprobe 9pnet_xen",
    "ours": "modprobe 9p && insmod /run/rig/modules/$(uname -r)/updates/9pnet_xen.ko",
}
# The kernel holds the module for each device that it drives
UNLOAD = """for device in /sys/bus/xen/devices/9pfs-*; do
	[ ! -e "$device/driver" ] || echo "${device##*/}" >"$device/driver/unbind"
done
rmmod 9pnet_xen"""
# This project's frontend is Closed until it mounts
CONNECTED = """n=0
until grep -qx 'Connected\\|Closed' /sys/bus/xen/devices/9pfs-%d/state; do
	n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1
done"""


class Guest:
    """The one guest; made when it is needed first, and again when it broke."""

    def __init__(self, job):
        self.job = job
        self.front = None
        self.qemu = None
        self.domid = None

    def shell(self, script, seconds=300):
        return run("rig-guest", "exec", NAME, "--timeout", str(seconds), "--",
                   "sh", "-c", script, seconds=seconds + 60)

    def _create(self):
        # Devices of this type are no business of QEMU's; who serves them has
        # to be there before libxl asks, or it starts its own daemon
        run("xenstore-write", DAEMON, "running")
        kind = "security_model=none,path=" + EXPORT
        run("rig-guest", "create", NAME, "--front", "upstream", "--back", "ours",
            "--vcpus", str(self.job["vcpus"]), "--paused",
            "--p9", f"type=xen_9pfsd,tag=ours,{kind}", "--p9", f"tag=stock,{kind}",
            seconds=600)
        self.domid = int(run("rig-guest", "domid", NAME))
        self._start_qemu()
        run("rig-guest", "unpause", NAME)
        run("rig-guest", "wait", NAME, seconds=600)

    def _start_qemu(self):
        """Take the second device from xen-9pback, and let QEMU serve it."""
        backend = f"/local/domain/0/backend/9pfs/{self.domid}/{STOCK}"
        with open(f"{DRIVERS}/xen-9pback/unbind", "w", encoding="ascii") as file:
            file.write(f"9pfs-{self.domid}-{STOCK}")
        run("xenstore-write", f"{backend}/state", "1")
        with open(QEMU_LOG, "ab") as log:
            self.qemu = subprocess.Popen(
                [QEMU, "-xen-domid", str(self.domid), "-xen-attach", "-name", NAME,
                 "-nographic", "-vga", "none", "-M", "xenpv", "-m", "512", "-monitor", "none",
                 "-serial", "none", "-parallel", "none"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while run("xenstore-read", f"{backend}/state").strip() != "2":
            if self.qemu.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"QEMU does not offer its device: {self.death() or 'no answer'}")
            time.sleep(0.1)

    def death(self):
        """How QEMU ended, if it did."""
        status = self.qemu.poll() if self.qemu else None
        if status is None:
            return ""
        how = f"of signal {signal.Signals(-status).name}" if status < 0 else f"with {status}"
        return f"QEMU, the backend, died {how}: {last_line(QEMU_LOG)}"

    def _end_qemu(self):
        """Before the frontend lets go: at that QEMU 10 dies with a fault of its own."""
        if self.qemu:
            if self.qemu.poll() is None:
                self.qemu.kill()
            self.qemu.wait()
            self.qemu = None

    def _unplug(self):
        """Take QEMU's device away: a frontend that is loaded waits minutes for it."""
        run("xenstore-rm", f"/local/domain/{self.domid}/device/9pfs/{STOCK}")
        run("xenstore-rm", f"/local/domain/0/backend/9pfs/{self.domid}/{STOCK}")

    def ensure(self):
        if self.domid is None:
            self._create()

    def use(self, front):
        """Have one of the two frontends drive the devices."""
        if front == "stock" and self.front == "ours":
            self.destroy()
        self.ensure()
        if self.front == front:
            return
        if self.front:
            self._end_qemu()
            self.shell(UNLOAD)
            self._unplug()
        self.shell(LOAD[front])
        self.shell(CONNECTED % (STOCK if front == "stock" else OURS), 120)
        self.front = front

    def destroy(self):
        if self.domid is None:
            return
        self._end_qemu()
        self.domid = self.front = None
        run("rig-guest", "destroy", NAME)
