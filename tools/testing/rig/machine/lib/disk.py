# SPDX-License-Identifier: GPL-2.0
"""Disks of guests: what xl is told of them, and what dom0 makes them of."""

import glob
import os
import subprocess

# The rig's own two, which guests share: the root's base, and the run's
OWN = {"xvda": "/dev/rig-root", "xvdb": "/dev/rig-run"}
VDEV = "xvdc"
# What xen-blkfront calls that of --disk-opts
PARAMETERS = {"queues": "max_queues", "order": "max_ring_page_order"}


def _line(vdev, target, access, backend="phy"):
    script = "script=rig-block, " if backend == "phy" else ""
    return f"format=raw, vdev={vdev}, access={access}, backendtype={backend}, {script}target={target}"


def _loop(path, sectors):
    return subprocess.run(["losetup", "--find", "--show", "--sector-size", str(sectors), path],
                          check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def words(options):
    """What a guest's kernel is told of --disk-opts."""
    return [f"xen_blkfront.{parameter}={options[name]}"
            for name, parameter in PARAMETERS.items() if name in options]


def set_backend(options):
    """Have xen-blkback offer so many queues; else it offers one a vCPU of dom0."""
    if "queues" in options:
        with open("/sys/module/xen_blkback/parameters/max_queues", "w", encoding="ascii") as file:
            file.write(str(options["queues"]))


def lines(record, path):
    """xl's lines for all disks of a guest.

    path: of the file behind the disk that the guest has for itself, if it has one
    """
    own = [] if record["root"] else [_line(vdev, target, "r") for vdev, target in OWN.items()]
    if not record["disk"]:
        return own
    with open(path, "wb") as file:
        file.truncate(record["disk"] << 20)
    if record["blk_back"] == "qdisk":
        return own + [_line(VDEV, path, "w", "qdisk")]
    return own + [_line(VDEV, _loop(path, record["disk_opts"].get("sectors", 512)), "w")]


def release(path):
    """Let go of the file behind a disk."""
    for backing in glob.glob("/sys/block/loop*/loop/backing_file"):
        with open(backing, encoding="utf-8") as file:
            if file.read().rstrip("\n") == path:
                subprocess.run(["losetup", "-d", f"/dev/{backing.split('/')[3]}"], check=True)
    if os.path.exists(path):
        os.unlink(path)
