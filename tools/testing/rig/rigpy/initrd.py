# SPDX-License-Identifier: GPL-2.0
"""What boots: the unpacked hypervisor, the kernels, and a small initrd for each.

An initrd holds the first program, machine/src/initrd.c, and the modules that
reach the root disk.
"""

import gzip
import pathlib
import re
import stat
import struct
import subprocess

from . import cache, inside, kernels
from .say import RigError

MODULES = {
    "dom0": ["nvme", "ext4", "overlay"],
    "guest": ["xen-blkfront", "ext4", "overlay", "xen-netfront"],
}


class Archive:
    """A cpio archive of the kind that a kernel unpacks (newc)."""

    def __init__(self):
        self.data = bytearray()
        self.number = 0

    def _add(self, name, mode, content=b""):
        self.number += 1
        encoded = name.encode() + b"\0"
        fields = [self.number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0,
                  len(encoded), 0]
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (encoded, content):
            self.data += part
            self.data += b"\0" * (-len(self.data) % 4)

    def folder(self, name):
        self._add(name, stat.S_IFDIR | 0o755)

    def file(self, name, content, mode=0o755):
        self._add(name, stat.S_IFREG | mode, content)

    def finish(self):
        self._add("TRAILER!!!", 0)
        return bytes(self.data)


def _closure(folder, wanted):
    """Module files in the order in which to insert them."""
    depends = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        name, rest = line.split(":", 1)
        depends[name] = rest.split()
    builtin = (folder / "modules.builtin").read_text()
    by_name = {re.sub(r"\.ko.*", "", pathlib.PurePath(path).name).replace("-", "_"): path
               for path in depends}
    order = []

    def add(path):
        for other in reversed(depends[path]):
            add(other)
        if path not in order:
            order.append(path)

    for name in wanted:
        plain = name.replace("-", "_")
        if plain in by_name:
            add(by_name[plain])
        elif f"/{name}.ko" not in builtin:
            raise RigError(f"{folder} has no module {name}, which the initrd needs")
    # Checksum drivers that ext4 asks for by an alias, not by a symbol.
    for name in ("crc32c_generic", "crc32c_cryptoapi", "libcrc32c", "crc32c_intel"):
        if name in by_name:
            add(by_name[name])
    return order


def _untraced(module):
    """A module without the list of its functions for ftrace, and so without its signature.

    To look up the name of each of these, at each boot, takes an emulated CPU two
    seconds for ext4; and nobody traces what a guest has its root on.
    """
    return module.replace(b"__mcount_loc\0", b"__untraced__\0").removesuffix(
        b"~Module signature appended~\n")


def _build(tree, kernel, role):
    folder, plain = kernel.packed_modules(), kernel.modules()
    archive = Archive()
    for name in ("dev", "proc", "sys", "modules", "base", "top", "root"):
        archive.folder(name)
    order = []
    for path in _closure(folder, MODULES[role]):
        name = re.sub(r"\.ko.*", ".ko", pathlib.PurePath(path).name)
        module = (plain / path.removesuffix(".xz")).read_bytes()
        archive.file(f"modules/{name}", _untraced(module) if role == "guest" else module, 0o644)
        order.append(name)
    archive.file("modules/order", ("\n".join(order) + "\n").encode(), 0o644)
    archive.file("init", (inside.get(tree) / "initrd").read_bytes())
    return archive.finish()


def with_modules(initrd, modules):
    """An initrd that has these module files in place of its own of those names.

    A kernel unpacks one archive after the other, a file over the one before.
    """
    archive = Archive()
    for path in modules:
        archive.file(f"modules/{path.name}", path.read_bytes(), 0o644)
    return initrd + archive.finish()


def _unpacked(data):
    """The ELF image in a kernel's file, which may be a bzImage.

    The kernel's Documentation/arch/x86/boot.rst says where it lies in one. Xen
    and xl would unpack it too, but on an emulated CPU. What is packed in another
    way than with zstd is left to them.
    """
    if data[0x202:0x206] != b"HdrS":
        return data
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    packed = data[start:start + length - 4]
    if not packed.startswith(b"\x28\xb5\x2f\xfd"):
        return data
    return subprocess.run(["zstd", "-dc"], input=packed, stdout=subprocess.PIPE,
                          check=True).stdout


def _make(tree, kernel, path):
    path.mkdir()
    packed = tree.path / "boot/xen-4.20-amd64.gz"
    (path / "xen").write_bytes(gzip.decompress(packed.read_bytes()))
    (path / f"vmlinux-{kernel.name}").write_bytes(_unpacked(kernel.image()))
    for role in MODULES if kernel.name not in kernels.BARE else ():
        (path / f"initrd-{role}-{kernel.name}").write_bytes(_build(tree, kernel, role))


def get(tree, kernel):
    """A folder with xen, and with vmlinux-NAME and initrd-ROLE-NAME of a kernel that
    has one."""
    key = cache.key_of(tree.key, kernel.name, kernel.key, inside.get(tree).name, pathlib.Path(__file__))
    return cache.entry("boot", key, lambda path: _make(tree, kernel, path), keep=8)
