# SPDX-License-Identifier: GPL-2.0
"""The run's own disk, which dom0 and guests see at /run/rig.

  machine/     the programs of the rig that run inside (see ../machine)
  boot/        kernels and initrds for guests, those with the disks' frontend
               that is under test as well, if there is one
  modules/     by kernel release: the modules under test, with an index
  tools/       the checkout's userspace tools, in PATH
  scripts/     dom0 and guest: the run's scripts
  add/         the content of the --add folder, at /rig inside
  job.json     the run's options
"""

import fnmatch
import json
import os
import shutil

from . import image, initrd, inside
from .checkout import indexed_modules

NOT_TOOLS = ["*.o", "*.a", "*.d", ".*", "*.cmd"]


def _copy_script(source, target):
    target.parent.mkdir(exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755)


def _link(source, target):
    """A hard link if both are on one filesystem, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _add_initrd(initrd_file, target, modules):
    """An initrd for guests whose disks go through the frontend under test."""
    ours = [path for path in modules if path.name == "xen-blkfront.ko"]
    if ours:
        target.write_bytes(initrd.with_modules(initrd_file.read_bytes(), ours))


def make(tree, boots, folder, job, parts):
    """Write the disk folder/run.img.

    boots: pairs of a kernel and the folder that it boots from
    parts: modules (name of a kernel -> list of files), tools, add, dom0_script,
    guest_script; each may be missing.
    """
    stage = folder / "stage"
    stage.mkdir()
    shutil.copytree(inside.get(tree), stage / "machine", symlinks=True)
    (stage / "boot").mkdir()
    (stage / "modules").mkdir()
    for kernel, boot in boots:
        for name in (f"vmlinux-{kernel.name}", f"initrd-guest-{kernel.name}"):
            if (boot / name).exists():
                _link(boot / name, stage / "boot" / name)
        if kernel.name in parts["modules"]:
            indexed_modules(tree, kernel, parts["modules"][kernel.name],
                            stage / "modules" / kernel.release)
            name = f"initrd-guest-{kernel.name}"
            _add_initrd(boot / name, stage / "boot" / f"{name}-ours",
                        parts["modules"][kernel.name])
    if parts.get("tools"):
        shutil.copytree(parts["tools"], stage / "tools", symlinks=True,
                        ignore=lambda _, names: [name for name in names if any(
                            fnmatch.fnmatch(name, pattern) for pattern in NOT_TOOLS)])
    for who in ("dom0", "guest"):
        if parts.get(f"{who}_script"):
            _copy_script(parts[f"{who}_script"], stage / "scripts" / who)
    if parts.get("add"):
        shutil.copytree(parts["add"], stage / "add", symlinks=True)
    else:
        (stage / "add").mkdir()
    (stage / "job.json").write_text(json.dumps(job, indent=1))
    image.make_filesystem(stage, folder / "run.img", "rig-run")
    shutil.rmtree(stage)
