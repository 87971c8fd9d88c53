# SPDX-License-Identifier: GPL-2.0
"""What is measured: which boots there are, and what each of them does.

A further boot is a further entry; a further target is a class in
machine/targets.py and a name here.
"""

import dataclasses

from .budget import CALLS

TARGETS = {
    "ours": "this project's frontend and backend",
    "stock": "the kernel's frontend, QEMU's backend",
    "nfs": "NFSv4.2 from dom0's knfsd over netfront",
    "dom0-tmpfs": "the same work in dom0, on the tmpfs that is exported",
    "dom0-ext4": "the same work in dom0, on ext4",
}
# Dom0 first: what is cheap to have should not wait for what may break
ORDER = ["dom0-tmpfs", "dom0-ext4", "stock", "nfs", "ours"]
MODED = {"ours", "stock"}
IN_GUEST = {"ours", "stock", "nfs"}

COSTLY = "data,stat,create,open,readdir-100,rename,unlink"
SCALING = "read-4k,read-64k,randread-4k,write-64k,create,stat,open,build"


@dataclasses.dataclass
class Boot:
    """One boot: how the machine is made, and the job that it is given."""

    name: str
    text: str
    counted: bool
    words: list
    job: dict


def _step(kind, works, rounds, procs, scale, modes):
    return {"pass": kind, "works": works, "rounds": rounds, "procs": procs, "scale": scale,
            "modes": modes}


def _job(targets, vcpus, modes, steps):
    return {"targets": [name for name in ORDER if name in targets], "modes": modes,
            "vcpus": vcpus, "msize": 524288, "timeout": 120, "steps": steps}


def _counted(quick, targets):
    """The quick way measures the trees once: they take longest and vary least."""
    if quick:
        speed = [_step("speed", "data,files", 2, [1], 20, ["none"]),
                 _step("speed", "trees", 1, [1], 20, ["none"])]
    else:
        speed = [_step("speed", "*", 2, [1], 60, ["none", "mmap", "loose"])]
    costly = f"nothing,{'read-4k,stat' if quick else COSTLY}"
    counts = [_step(kind, costly, 1, [1], 30, ["none"]) for kind in ("costs", "traced")]
    return Boot("counted", "time counted in instructions, one vCPU a domain", True,
                ["--counted", "--dom0-vcpus", "1"],
                _job(targets, 1, ["none"] if quick else ["none", "mmap", "loose"],
                     speed + counts))


def _scaling(quick, targets):
    works = "read-64k,randread-4k,stat" if quick else SCALING
    steps = [_step("speed", works, 2, [1, 4] if quick else [1, 2, 4], 50, ["none"])]
    return Boot("scaling", "plain emulation, four vCPUs a domain on two CPUs", False,
                ["--dom0-vcpus", "4"], _job(targets, 4, ["none"], steps))


def boots(quick, targets=tuple(TARGETS), names=("counted", "scaling")):
    """The boots of a run."""
    made = {"counted": _counted, "scaling": _scaling}
    return [made[name](quick, targets) for name in names]


def budget():
    """The boot that tells where single operations spend their instructions."""
    works = ",".join(CALLS)
    steps = [_step(kind, works, 1, [1], 50, ["none"]) for kind in ("plain", "probes", "xen")]
    return Boot("budget", "time counted in instructions, one vCPU a domain", True,
                ["--counted", "--dom0-vcpus", "1"], _job(["ours"], 1, ["none"], steps))


def modes_of(target, step):
    """Where there are no modes, what is done for none of them is done once."""
    if target in MODED:
        return step["modes"]
    return [None] if "none" in step["modes"] else []


def wanted(boot, step, works):
    """All that a step is to bring: (target, mode, work, procs)."""
    for target in boot.job["targets"]:
        if step["pass"] != "speed" and target not in IN_GUEST:
            continue
        for mode in modes_of(target, step):
            for work in works:
                for procs in step["procs"]:
                    yield target, mode, work, procs
