# SPDX-License-Identifier: GPL-2.0
"""What is compared. A new target is a class here and a name in TARGETS.

For each mode of caching a target makes itself ready in start(), says by which
command it is mounted in the guest, and in stop() takes away what start() made.
A target without modes has one way of being mounted, None.
"""

import os
import time

from common import EXPORT, Missing, run
from guests import NAME

MOUNT = "/mnt"
# Seconds that NFS's server waits for clients of an earlier one
GRACE = 10


class Target:
    """Somewhere to work: a directory, in the guest or in dom0."""

    name = None
    in_guest = True
    has_modes = False

    def __init__(self, job, guest):
        self.job = job
        self.guest = guest

    @property
    def home(self):
        """The directory as dom0 sees it: the same for all that serve it."""
        return f"{EXPORT}/work"

    @property
    def dir(self):
        """The directory as the program sees it."""
        return f"{MOUNT}/work" if self.in_guest else self.home

    def modes(self):
        return self.job["modes"] if self.has_modes else [None]

    def start(self):
        self.guest.ensure()

    def mount_command(self, mode):
        raise NotImplementedError

    def fresh(self, mode):
        """Mount it anew, with nothing of it cached."""
        return f"umount {MOUNT} && {self.mount_command(mode)}" if self.in_guest else None

    def mount(self, mode):
        if self.in_guest:
            self.guest.shell(f"umount {MOUNT} 2>/dev/null; {self.mount_command(mode)}")

    def unmount(self):
        if self.in_guest:
            self.guest.shell(f"umount {MOUNT}")

    def why(self):
        """What may explain that results are missing."""
        return ""

    def stop(self):
        """Nothing of it is left behind."""


class Pair(Target):
    """A 9P frontend and backend."""

    has_modes = True

    def start(self):
        self.guest.use(self.name)

    def mount_command(self, mode):
        return (f"mount -t 9p -o trans=xen,version=9p2000.L,msize={self.job['msize']},"
                f"cache={mode} {self.name} {MOUNT}")


class Ours(Pair):
    """This project's frontend and backend."""

    name = "ours"


class Stock(Pair):
    """The kernel's frontend and QEMU's backend."""

    name = "stock"

    def why(self):
        return self.guest.death()


class Nfs(Target):
    """NFSv4.2 over netfront, from dom0's knfsd."""

    name = "nfs"
    served = False

    def start(self):
        super().start()
        if not Nfs.served:
            self._serve()
            Nfs.served = True

    def _serve(self):
        run("modprobe", "nfsd")
        if not os.path.ismount("/proc/fs/nfsd"):
            run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
        os.makedirs("/var/lib/nfs/v4recovery", exist_ok=True)
        for name in ("etab", "rmtab"):
            with open(f"/var/lib/nfs/{name}", "a", encoding="ascii"):
                pass
        run("exportfs", "-o", "rw,no_root_squash,no_subtree_check,fsid=0,insecure",
            f"10.9.0.0/16:{EXPORT}")
        # Nobody has anything to reclaim, but the server waits for it; no less than
        # that can be set
        for name in ("grace", "lease"):
            with open(f"/proc/fs/nfsd/nfsv4{name}time", "w", encoding="ascii") as file:
                file.write(str(GRACE))
        run("rpc.nfsd", "--no-nfs-version", "3", "--nfs-version", "4.2", "4")
        run("rpc.mountd", "--no-nfs-version", "3")
        time.sleep(GRACE + 2)

    def mount_command(self, mode):
        for line in run("rig-guest", "list").splitlines():
            name, _, address = line.split()
            if name == NAME:
                server = address.rsplit(".", 1)[0] + ".1"
                return (f"mount -i -t nfs4 -o vers=4.2,addr={server},clientaddr={address} "
                        f"{server}:/ {MOUNT}")
        raise Missing("the guest has no address")


class Dom0(Target):
    """The same work in dom0 itself."""

    in_guest = False

    def start(self):
        """There is nothing to start."""


class Dom0Tmpfs(Dom0):
    """On the very tmpfs that the others serve."""

    name = "dom0-tmpfs"


class Dom0Ext4(Dom0):
    """On ext4, on a disk of memory."""

    name = "dom0-ext4"
    place = "/srv/ext4"

    @property
    def home(self):
        return f"{self.place}/work"

    def start(self):
        run("modprobe", "brd", "rd_nr=1", "rd_size=524288")
        run("mkfs.ext4", "-q", "-F", "/dev/ram0")
        os.makedirs(self.place, exist_ok=True)
        run("mount", "-t", "ext4", "/dev/ram0", self.place)

    def stop(self):
        run("umount", self.place)
        run("rmmod", "brd")


TARGETS = {kind.name: kind for kind in (Ours, Stock, Nfs, Dom0Tmpfs, Dom0Ext4)}
