# SPDX-License-Identifier: GPL-2.0
"""The kernels that can boot: two of Debian's, and those that the rig builds.
Some of these are for guests alone, which they boot without an initramfs.

All that differs between them is here: where the image and the modules come
from, and what modules under test are built against.
"""

from . import built, cache, image, merged
from .say import RigError

DEBIAN = ["lts", "mainline"]
# Those that look for mistakes
WATCHED = built.KERNELS
# What they boot with. Caches that are debugged have no arrays of free objects for
# each CPU: these keep pointers to objects long handed out, up to 60 of a cache,
# which kmemleak would take for users, so that little would ever count as leaked.
# Red zones (Z) are the cheapest to debug them by: F looks through a slab's list of
# free objects at each free, which made a guest with KASAN boot in three times 25 s.
WATCHED_APPEND = ["slab_debug=Z"]
# What the others boot with. A third of a PV guest's boot would go into a look through
# its page tables for code that can be written, which rodata=off spares it, and into
# certificates and tests of ciphers that nobody here uses.
PLAIN_APPEND = ["rodata=off", "cryptomgr.notests=1",
                "initcall_blacklist=load_system_certificate_list,jent_mod_init"]
# Those of them that count which lines of a module run, in dom0 as well as in guests
COUNTING = [name for name in WATCHED
            if built.has(name, "CONFIG_GCOV_KERNEL") and built.dom0_for(name) == name]
# Those that boot guests without an initramfs
BARE = merged.KERNELS
ALL = DEBIAN + WATCHED + BARE


class Debian:
    """A kernel of a Debian package, with its modules."""

    # Whether the disk image has its modules
    in_image = True

    def __init__(self, tree, name):
        self.tree = tree
        self.name = name
        self.release = tree.release(name)
        # What modules under test have to be built anew for
        self.key = self.release
        # What modules are built against, inside the tree
        self.build = f"/lib/modules/{self.release}/build"
        self.binds = []

    def image(self):
        """Its file, as packed as it comes."""
        return (self.tree.path / "boot" / f"vmlinuz-{self.release}").read_bytes()

    def packed_modules(self):
        """The folder of its modules and their index."""
        return self.tree.path / "usr/lib/modules" / self.release

    def modules(self):
        """The same, unpacked, as dom0 and guests have them."""
        return image.plain_modules(self.tree) / self.release


class Merged:
    """A kernel for guests, with the checkout's transport built in and no modules."""

    def __init__(self, tree, name):
        self.name = name
        self.path = merged.get(tree, name)
        self.release = (self.path / "release").read_text().strip()
        self.key = cache.key_of(self.path / "vmlinux")

    def image(self):
        return (self.path / "vmlinux").read_bytes()


class Built:
    """A kernel that the rig builds."""

    in_image = False

    def __init__(self, tree, name):
        self.name = name
        self.path, origin = built.get(tree, name)
        self.release = (self.path / "release").read_text().strip()
        self.key = f"{self.release}-{self.path.name}"
        self.build = "/kbuild"
        self.binds = [(origin, "/ksrc"), (self.path / "build", "/kbuild")]

    def image(self):
        return (self.path / "vmlinux").read_bytes()

    def packed_modules(self):
        return self.path / "modules"

    modules = packed_modules


def dom0_for(name):
    """The kernel of dom0 if nobody asks for another, by the name of the guests'."""
    if name in BARE:
        return "mainline"
    return built.dom0_for(name) if name in WATCHED else name


def guest_for(name):
    """The type of a guest with this kernel, if nobody asks for another."""
    return built.guest_for(name) if name in WATCHED else "pv"


def append(name):
    """Words for the command line of this kernel, wherever it boots."""
    return WATCHED_APPEND if name in WATCHED else PLAIN_APPEND


def get(tree, name):
    if name in DEBIAN:
        return Debian(tree, name)
    if name in WATCHED:
        return Built(tree, name)
    if name in BARE:
        return Merged(tree, name)
    raise RigError(f"there is no kernel {name}; there are: {' '.join(ALL)}")
