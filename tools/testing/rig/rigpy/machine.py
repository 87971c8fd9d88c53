# SPDX-License-Identifier: GPL-2.0
"""The emulated machine: QEMU's command line and its process."""

import os
import re
import signal
import subprocess
import time

from . import kernels
from .monitor import Monitor
from .say import RigError, say

# What Xen's emulator of PVH guests does not know (pku, rdtscp), and what TCG is
# slow at (erms, fsrm: it steps through string copies byte by byte).
CPU_TCG = "max,-pku,-rdtscp,-erms,-fsrm"
# QEMU's own model is of a family on which Linux avoids string instructions. That suits
# emulation, which is slow at them; but where instructions are counted, a page would cost
# three times as many to copy as on the families on which Linux uses them, all of today's.
CPU_COUNTED = f"{CPU_TCG},family=16,model=10"
CPU_KVM = "host"
# How often a silent machine is looked at
SAMPLES = 5


# What costs an emulated CPU seconds at boot and protects nobody here. Without
# eager-fpu programs die at random: lazy switching of vector registers and TCG
# do not go together.
XEN_FAST = ["bootscrub=0", "spec-ctrl=no,eager-fpu=1", "xpti=no", "pv-l1tf=no"]
# With nohz every nap of a vCPU stops the tick and sets the local APIC's timer,
# which is dear to emulate and more than the few ticks that an idle vCPU saves. A guest
# that is idle beside one at work is another matter: its ticks are a tenth of the CPU,
# and what QEMU forgets at each of them slows the other one by a third.
LINUX_FAST = ["mitigations=off", "lsm=capability", "audit=0", "random.trust_cpu=on",
              "clocksource=xen", "tsc=unstable", "nohz=off"]


def kvm_works():
    """/dev/kvm may exist on a CPU that cannot do it: look at both."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", file.read(), re.M):
            return False
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError:
        return False
    return True


def accelerator(wanted, counted):
    if counted and wanted == "kvm":
        raise RigError("--counted needs emulation: it counts instructions, which KVM cannot")
    if wanted == "kvm" and not kvm_works():
        raise RigError("KVM is of no use here: the CPU shows neither vmx nor svm, or /dev/kvm "
                       "does not open; use --accel tcg")
    if wanted == "auto":
        wanted = "kvm" if not counted and kvm_works() else "tcg"
    return wanted


def _escape(text):
    return text.replace(",", ",,")


class Machine:
    """One QEMU, and the files through which it speaks."""

    def __init__(self, tree, folder):
        self.tree = tree
        self.folder = folder
        self.console = folder / "console.log"
        self.report = folder / "report"
        self.errors = folder / "qemu.log"
        self.monitor = Monitor()
        self.process = None

    def _xen_words(self, options):
        words = ["console=com1", "com1=115200,8n1", "loglvl=info", "guest_loglvl=info",
                 *XEN_FAST,
                 f"dom0_mem={options['dom0_memory']}M,max:{options['dom0_memory']}M",
                 f"dom0_max_vcpus={options['dom0_vcpus']}", *options["xen_append"]]
        if options["counted"]:
            words.append("x2apic=0")
        return " ".join(words)

    def _accel(self, options):
        if options["accel"] == "kvm":
            return ["-accel", "kvm", "-cpu", CPU_KVM]
        if options["counted"]:
            return ["-accel", "tcg,thread=single", "-icount", "shift=2,sleep=off",
                    "-cpu", CPU_COUNTED]
        return ["-accel", "tcg,thread=multi", "-cpu", CPU_TCG]

    def _boot(self, options, boot):
        """What QEMU loads: Xen, which then finds dom0, or the kernel alone."""
        linux = f"{boot}/vmlinux-{options['dom0_kernel']}"
        initrd = f"{boot}/initrd-dom0-{options['dom0_kernel']}"
        words = " ".join(["console=hvc0" if options["xen"] else "console=ttyS0,115200",
                          "rig.role=dom0", *LINUX_FAST,
                          *kernels.append(options["dom0_kernel"]),
                          *options["dom0_append"]])
        if not options["xen"]:
            return ["-kernel", linux, "-append", words, "-initrd", initrd]
        return ["-kernel", f"{boot}/xen", "-append", self._xen_words(options),
                "-initrd", f"{linux} {_escape(words)},{initrd}"]

    def arguments(self, options, boot, disks):
        line = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-machine", "q35", *self._accel(options),
                "-smp", str(options["cpus"]), "-m", str(options["machine_memory"]),
                *self.monitor.arguments(),
                *self._boot(options, boot),
                "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                "-chardev", f"file,id=report,path={self.report}",
                "-device", "virtio-serial-pci,disable-legacy=on,iommu_platform=on",
                "-device", "virtserialport,chardev=report,name=rig",
                "-device", "nvme,id=disk,serial=rig"]
        for number, path in enumerate(disks, 1):
            line += ["-drive", f"file={path},format=raw,if=none,id=drive{number},snapshot=on",
                     "-device", f"nvme-ns,drive=drive{number},bus=disk,nsid={number}"]
        if options["shell"]:
            line += ["-chardev", "stdio,id=terminal,signal=off",
                     "-device", "virtconsole,chardev=terminal"]
        return line + options["qemu_append"]

    def start(self, options, boot, disks):
        line = self.arguments(options, boot, disks)
        if options["verbose"]:
            say(" ".join(line))
        binds = [(path, path) for path in dict.fromkeys(
            (self.folder, boot, *(disk.parent for disk in disks)))]
        stdin = None if options["shell"] else subprocess.DEVNULL
        stdout = None if options["shell"] else subprocess.DEVNULL
        for path in (self.console, self.report):
            path.touch()
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(self.tree.command(
                line, binds=binds, env={"TMPDIR": "/tmp"}), stdin=stdin,
                                            stdout=stdout, stderr=errors,
                                            pass_fds=[self.monitor.theirs.fileno()],
                                            start_new_session=not options["shell"])

    def ended(self):
        """QEMU's exit status, or None while it runs."""
        return self.process.poll()

    def nudge(self):
        """An interrupt from outside: a key is pressed that means nothing by itself.

        QEMU 10 changes a CPU's interrupt_request without its lock when an emulated SVM
        guest is entered or left (target/i386/tcg: helper_vmrun(), do_vmexit()), and loses
        an interrupt that comes at that moment. If it was the timer's and Xen then goes
        idle, it stays in HLT for ever with the vector pending in the local APIC. With the
        next interrupt, whatever it is, it finds that one as well.
        """
        self.monitor.ask("sendkey shift")

    def write_state(self):
        """Where its CPUs are, a few times, to a file of its logs; the file's name."""
        path = self.folder / "cpus.log"
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(SAMPLES):
                file.write(f"{time.strftime('%X')}\n{self.monitor.ask('info registers -a')}\n")
                time.sleep(1)
        return path.name

    def stop(self):
        self.monitor.close()
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
