# SPDX-License-Identifier: GPL-2.0
"""What this run is about: the options that the host was given."""

import json
import os

FOLDER = "/run/rig"


def load():
    with open(f"{FOLDER}/job.json", encoding="utf-8") as file:
        return json.load(file)


def modules(job):
    """Our modules that dom0 loads, in that order."""
    if job["back"] != "ours":
        return []
    return ["9pnet_server", "xen-9pback"] if job["xen"] else ["9pnet_server"]


def environment(job, guest=""):
    """What scripts find in their environment, in dom0 and in guests."""
    return {
        "OUT": "/out", "MOUNT": job["mount"] if job["p9"] else "", "TAG": job["tag"],
        "GUEST": guest,
        "RIG_EXPORT": job["export"], "RIG_ADD": "/rig",
        "RIG_KERNEL": job["kernel"], "RIG_DOM0_KERNEL": job["dom0_kernel"],
        "RIG_KERNEL_WORDS": " ".join(job["linux_append"] + job["kernel_append"][job["kernel"]]),
        "RIG_TYPE": job["type"], "RIG_FRONT": job["front"], "RIG_BACK": job["back"],
        "RIG_DISK": "/dev/xvdc" if job["disk"] else "",
        "RIG_BLK_FRONT": job["blk_front"], "RIG_BLK_BACK": job["blk_back"],
        "RIG_VCPUS": str(job["vcpus"]), "RIG_MEMORY": str(job["memory"]),
        "RIG_MSIZE": str(job["msize"]), "RIG_MOUNT_OPTIONS": job["mount_options"],
        "RIG_XEN": "1" if job["xen"] else "", "RIG_MODULES": " ".join(modules(job)),
        "RIG_COUNTED": "1" if job["counted"] else "",
        "RIG_VERBOSE": "1" if job["verbose"] else "",
        "RIG_TIMEOUT": str(job["timeout"]),
    }


def mount_options(job):
    extra = job["mount_options"]
    return f"msize={job['msize']}" + (f",{extra}" if extra else "")


def script(name):
    path = f"{FOLDER}/scripts/{name}"
    return path if os.path.exists(path) else None
