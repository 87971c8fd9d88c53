# SPDX-License-Identifier: GPL-2.0
"""What tests of the disks' backend share: its disks, its parameters, pages and
requests, and how to look at what it does and takes.
"""

import contextlib
import os

from domain import BACKEND
from frontend import FLUSH, OKAY, PAGE, READ, SECTOR, WRITE, Device, Pages, Tree
from harness import check, equal

MIB = 1 << 20
PARAMETERS = "/sys/module/xen_blkback/parameters"


class Env:
    """What tests have."""

    def __init__(self, folder):
        self.folder = folder
        self.tree = Tree()
        self.loops = []
        self.disk = self.loop("disk", 32 * MIB)

    def path(self, name):
        return os.path.join(self.folder, name)

    def loop(self, name, size, *options):
        BACKEND.shell(': >"$1"; truncate -s "$2" "$1"', self.path(name), str(size))
        device = BACKEND.command("losetup", "--find", "--show", *options, self.path(name))
        self.loops.append(device)
        return device

    def write(self, name, offset, data):
        """Into a file under a disk whose cache does not matter."""
        BACKEND.run("dd", f"of={self.path(name)}", "bs=1M", "oflag=seek_bytes",
                    f"seek={offset}", "conv=notrunc", "status=none", data=data)

    def read(self, name, offset, length):
        return BACKEND.run("dd", f"if={self.path(name)}", "bs=1M", "status=none",
                           "iflag=skip_bytes,count_bytes", f"skip={offset}", f"count={length}")

    def device(self, disk=None, **nodes):
        if "physical_device" not in nodes:
            disk = disk or self.disk
        return Device(self.tree, disk, **nodes)

    def close(self):
        for device in self.loops:
            BACKEND.run("losetup", "-d", device)


@contextlib.contextmanager
def parameter(name, value):
    """A parameter of the module, for a time."""
    path = f"{PARAMETERS}/{name}"
    before = BACKEND.read(path)
    BACKEND.write(path, str(value))
    try:
        yield
    finally:
        BACKEND.write(path, before)


@contextlib.contextmanager
def shared(count):
    pages = Pages(count)
    try:
        yield pages
    finally:
        pages.close()


def whole(pages, first=0, count=None):
    """Segments of whole pages."""
    refs = pages.refs[first:] if count is None else pages.refs[first:first + count]
    return [(ref, 0, 7) for ref in refs]


def status_of(ring, request, number=1):
    replies = ring.ask(request)
    check(number in replies, f"no reply to {number}, but {replies}")
    return replies[number].status


def descriptors(page, segments):
    """A page of segments for an indirect request."""
    page.set(0, b"".join(ref.to_bytes(4, "little") + bytes([first, last, 0, 0])
                         for ref, first, last in segments))


def goes_around(env, ring, pages, seed):
    """Data written are there, and data there are read."""
    count = min(pages.count, 11)
    data = bytes((seed + n // 8) % 251 for n in range(count * PAGE))
    pages.set(0, data)
    equal(status_of(ring, ring.request(WRITE, 1, 64, whole(pages, 0, count))), OKAY, "write")
    equal(status_of(ring, ring.request(FLUSH, 1, 0, [])), OKAY, "flush")
    check(env.read("disk", 64 * SECTOR, len(data)) == data, "what was written is not there")
    pages.set(0, bytes(count * PAGE))
    equal(status_of(ring, ring.request(READ, 1, 64, whole(pages, 0, count))), OKAY, "read")
    check(pages.get(0, len(data)) == data, "what was read is something else")


def switches(device, kind=""):
    """How often its threads have given up a CPU."""
    found = 0
    for pid in device.threads():
        found += sum(int(line.split()[1])
                     for line in BACKEND.read(f"/proc/{pid}/status").splitlines()
                     if line.startswith(kind) and "ctxt_switches" in line)
    return found


def used():
    """Memory of the kernel's own, KiB."""
    lines = dict(line.split(":") for line in BACKEND.read("/proc/meminfo").splitlines())
    return sum(int(lines[name].split()[0]) for name in ("Slab", "KernelStack", "VmallocUsed"))


@contextlib.contextmanager
def mapped(name, table):
    """A disk of device mapper's."""
    BACKEND.run("dmsetup", "create", name, "--table", table)
    try:
        yield "/dev/" + BACKEND.command("dmsetup", "info", "-c", "--noheadings",
                                        "-o", "blkdevname", name)
    finally:
        BACKEND.run("dmsetup", "remove", "--retry", name)


def slow(env, milliseconds):
    """A disk that takes its time to write."""
    return mapped("slow", f"0 {64 * MIB // 2 // SECTOR} delay {env.disk} 0 0 "
                          f"{env.disk} 0 {milliseconds}")
