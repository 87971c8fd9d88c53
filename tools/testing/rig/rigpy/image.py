# SPDX-License-Identifier: GPL-2.0
"""The disk image that is dom0's root and every guest's root.

It holds what of the tree a running machine needs. Modules are stored
uncompressed, since an emulated CPU takes long to unpack them.
"""

import lzma
import os
import pathlib
import shutil
import stat
import subprocess

from . import cache
from .say import RigError, Step

# Paths below the tree's root that stay out of the image.
LEAVE_OUT = {
    "dev", "proc", "sys", "tmp", "run", "boot", "rig.json", "src", "build",
    "var/cache", "var/lib/apt", "var/lib/dpkg/info",
    "usr/bin/qemu-system-x86_64", "usr/bin/qemu-system-i386",
    "usr/lib/gcc", "usr/libexec/gcc", "usr/lib/ocaml", "usr/lib/coccinelle",
    "usr/bin/spatch", "usr/bin/spatch.opt", "usr/bin/shellcheck", "usr/bin/gdb",
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
    "usr/share/gdb", "usr/lib/x86_64-linux-gnu/dri",
}

# Drivers of hardware that the emulated machine does not have.
NO_HARDWARE = {
    "kernel/drivers/" + name for name in (
        "accel", "android", "ata", "atm", "auxdisplay", "bluetooth", "char/tpm",
        "comedi", "counter", "cpufreq", "crypto", "dpll", "edac", "extcon",
        "firewire", "fpga", "gnss", "gpio", "gpu", "greybus", "hid", "hwmon", "i2c",
        "i3c", "iio", "infiniband", "input", "isdn", "leds", "mcb", "media",
        "memstick", "message", "mfd", "misc", "mmc", "mtd", "net/can",
        "net/ethernet", "net/fddi", "net/hamradio", "net/ieee802154", "net/phy",
        "net/usb", "net/wireless", "net/wwan", "nfc", "ntb", "parport", "pcmcia",
        "phy", "pinctrl", "platform", "power", "rapidio", "rtc", "scsi",
        "slimbus", "soundwire", "spi", "ssb", "staging", "thunderbolt",
        "usb", "video", "w1",
    )
} | {"kernel/sound", "kernel/net/bluetooth", "kernel/net/mac80211",
     "kernel/net/wireless", "build", "source"}


def _copy_attributes(source, info, target):
    os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)


def _farm(source, target, leave_out, relative=""):
    """Rebuild a folder out of hard links, without what is to be left out."""
    os.mkdir(target)
    for item in os.scandir(source):
        name = os.path.join(relative, item.name)
        if name in leave_out:
            continue
        there = os.path.join(target, item.name)
        if item.is_dir(follow_symlinks=False):
            _farm(item.path, there, leave_out, name)
        else:
            os.link(item.path, there, follow_symlinks=False)
    _copy_attributes(source, os.lstat(source), target)


def _unpack_modules(source, target):
    """Copy one kernel's modules, uncompressed."""
    for folder, subfolders, names in os.walk(source):
        relative = os.path.relpath(folder, source)
        subfolders[:] = [name for name in subfolders
                         if os.path.normpath(os.path.join(relative, name)) not in NO_HARDWARE]
        there = target / relative
        there.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".ko.xz"):
                (there / name[:-3]).write_bytes(lzma.decompress(pathlib.Path(path).read_bytes()))
            elif not name.startswith("modules.") or "builtin" in name or "order" in name:
                if not os.path.islink(path):
                    shutil.copy(path, there / name)


# Checked or parsed whenever a module is loaded, at a cost that an emulated CPU
# feels: the signature goes with the first objcopy, the type information by name.
STRIP = """cd /mnt && find . -name '*.ko' -print0 |
xargs -0 -P "$(nproc)" -I{} objcopy -R .BTF -R .BTF.base {}"""


def _strip_modules(tree, folder):
    done = tree.run(["sh", "-c", STRIP], binds=[(folder, "/mnt")], capture_output=True, text=True)
    if done.returncode:
        raise RigError(f"could not strip the modules in {folder}: {done.stderr.strip()}")


def index_modules(tree, base, release, kernel=None):
    """Run the tree's depmod on a folder that holds lib/modules/RELEASE.

    kernel: a folder to have there as RELEASE/kernel while it runs.
    """
    binds = [(base, "/mnt")]
    if kernel:
        binds.append((kernel, f"/mnt/lib/modules/{release}/kernel"))
    done = tree.run(["depmod", "-b", "/mnt", release], binds=binds, nested=True,
                    capture_output=True, text=True)
    if done.returncode:
        raise RigError(f"depmod failed for {release}: {done.stderr.strip()}")


def _make_plain(tree, path):
    with Step("unpacking the kernels' modules", 15):
        path.mkdir()
        for kernel in ("lts", "mainline"):
            release = tree.release(kernel)
            _unpack_modules(tree.path / "usr/lib/modules" / release, path / release)
        _strip_modules(tree, path)


def plain_modules(tree):
    """A folder with both kernels' modules as the image has them, uncompressed."""
    key = cache.key_of(tree.key, pathlib.Path(__file__))
    return cache.entry("modules", key, lambda path: _make_plain(tree, path))


def _stage(tree, stage):
    leave_out = LEAVE_OUT | {"usr/lib/modules"}
    for kind in ("headers", "kbuild"):
        leave_out |= {f"usr/src/{path.name}" for path in (tree.path / "usr/src").iterdir()
                      if tree.release("lts").rsplit("-", 1)[0] in path.name
                      or path.name.startswith(f"linux-{kind}") and kind == "kbuild"}
    _farm(tree.path, stage, leave_out)
    plain = plain_modules(tree)
    (stage / "usr/lib/modules").mkdir()
    for name in ("dev", "proc", "sys", "tmp", "run", "run/rig", "rig", "boot", "mnt"):
        (stage / name).mkdir(parents=True, exist_ok=True)
    os.chmod(stage / "tmp", 0o1777)
    for kernel in ("lts", "mainline"):
        release = tree.release(kernel)
        shutil.copy(tree.path / "boot" / f"vmlinuz-{release}", stage / "boot")
        _farm(plain / release, stage / "usr/lib/modules" / release, set())
        index_modules(tree, stage, release)
    for name in ("poweroff", "reboot", "halt"):
        cache.remove(stage / "usr/sbin" / name)
        (stage / "usr/sbin" / name).symlink_to("/run/rig/machine/halt")
    cache.remove(stage / "etc/hostname")
    (stage / "etc/hostname").write_text("dom0\n")


def make_filesystem(folder, path, label, spare=0.10, inodes=200):
    """An ext4 image of a folder, with room for SPARE more of it and INODES more files."""
    done = subprocess.run(["du", "-s", "-B4096", "--apparent-size", str(folder)], check=True,
                          capture_output=True, text=True)
    counted = sum(1 for _ in pathlib.Path(folder).rglob("*"))
    kib = int(int(done.stdout.split()[0]) * 4 * (1 + spare)) + counted * 5 + 4096
    done = subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-L", label, "-m", "0", "-b", "4096",
         "-N", str(counted + inodes), "-O", "^has_journal,^resize_inode",
         "-E", "root_owner=0:0", "-d", str(folder), str(path), f"{kib}k"],
        capture_output=True, text=True)
    if done.returncode:
        cache.remove(path)
        raise RigError(f"mkfs.ext4 could not make the image {label} of {kib} KiB: "
                       f"{done.stderr.strip()}")


def _make(tree, path):
    stage = path.with_suffix(".stage")
    cache.remove(stage)
    with Step("making the disk image", 60):
        try:
            _stage(tree, stage)
            make_filesystem(stage, path, "rig-root", spare=0.05)
        finally:
            cache.remove(stage)


def get(tree):
    key = cache.key_of(tree.key, pathlib.Path(__file__))
    return cache.entry("image", key, lambda path: _make(tree, path))
