# SPDX-License-Identifier: GPL-2.0
"""Builds the program, boots the machine, and brings home what it measured."""

import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

from rigpy import tree
from rigpy.say import RigError, say

HERE = pathlib.Path(__file__).resolve().parents[1]
RIG = HERE.parent / "rig" / "rig"
# The rig's bound for the script, and ours around the rig: waiting for the
# machine, building, booting
SECONDS = 5400
AROUND = 3600


def build(folder):
    """Compile the program in the rig's tree; works and their groups by name."""
    one = tree.get()
    folder.mkdir(parents=True, exist_ok=True)
    done = one.run(["sh", "-c", "make -s -C /src O=/build && /build/bench --list"],
                   binds=[(HERE / "src", "/src"), (folder, "/build")],
                   stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RigError(f"{HERE / 'src'} does not build: see above")
    return dict(line.split() for line in done.stdout.splitlines())


def versions():
    """What the rig consists of."""
    done = subprocess.run([RIG, "versions"], check=True, stdout=subprocess.PIPE, text=True)
    return {line.split(None, 1)[0]: line.split(None, 1)[1] for line in done.stdout.splitlines()}


def stage(folder, job, *files):
    """What dom0 finds at /rig: its part of the benchmark, what to do, and files."""
    shutil.copytree(HERE / "machine", folder / "add/machine",
                    ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "add/job.json").write_text(json.dumps(job))
    for path in files:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / "add" / path.name)


def _relay(lines, name):
    """What the rig says, after which machine it is: there may be two at a time."""
    for line in lines:
        sys.stderr.write(f"{name}: {line}")
        sys.stderr.flush()


def run_rig(name, folder, script, words, seconds):
    """Boot for a script of machine/ with what was staged; the rig's exit status."""
    argv = [RIG, "run", *words, "--dom0-script", HERE / "machine" / script,
            "--add", folder / "add", "--out", folder, "--timeout", seconds]
    with subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, errors="replace") as process:
        relay = threading.Thread(target=_relay, args=(process.stderr, name))
        relay.start()
        try:
            return process.wait(seconds + AROUND)
        except subprocess.TimeoutExpired:
            process.kill()
            return 124
        finally:
            relay.join()
            shutil.rmtree(folder / "add")


def run(boot, program, folder, kernel):
    """Boot once; a dict of what is to be said of the boot. Results are in folder."""
    folder.mkdir(parents=True)
    stage(folder, boot.job, program)
    say(f"bench: booting {boot.name}: {boot.text}")
    began = time.monotonic()
    status = run_rig(boot.name, folder, "dom0", [*boot.words, "--kernel", kernel,
                                                 "--vcpus", boot.job["vcpus"]], SECONDS)
    return {"name": boot.name, "text": boot.text, "counted": boot.counted, "kernel": kernel,
            "steps": boot.job["steps"], "status": status,
            "vcpus": boot.job["vcpus"], "seconds": round(time.monotonic() - began),
            "logs": str(folder / "log")}
