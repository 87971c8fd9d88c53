# SPDX-License-Identifier: GPL-2.0
"""The command line: results are KTAP, one for each fuzzer and planted fault."""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

from rigpy import checkout, tree
from rigpy.say import RigError, say

from . import clang

HERE = pathlib.Path(__file__).resolve().parents[1]
TOP = HERE.parents[2]
SERVER = TOP / "net/9p/server"
# How much of the time each gets: what is behind it decides
FUZZERS = {"fuzz_session": 0.6, "fuzz_wire": 0.2, "fuzz_ring": 0.2}
# For a build, and for a fuzzer to end after its time
BUILD, AROUND = 600, 60


@dataclasses.dataclass(frozen=True)
class Fault:
    """A mistake that a fuzzer has to find: a line of a file of the server's."""

    what: str
    fuzzer: str
    file: str
    old: str
    new: str


FAULTS = [
    Fault("a length that is not checked", "fuzz_wire", "wire.c",
          "in->err || len > (size_t)(in->end - in->pos)", "in->err || len > 65535"),
    Fault("a fid that is used after its end", "fuzz_session", "ops_io.c",
          "	struct file *file = p9s_fid_file(rq->fid);\n\n	if (!file)\n		*err = -EBADF;",
          "	struct file *file = p9s_fid_file(rq->fid);\n\n"
          "	if (rq->msg.read.count == 100)\n		p9s_fid_put(rq->fid);\n"
          "	if (!file)\n		*err = -EBADF;"),
    Fault("a reference that is left", "fuzz_session", "ops_walk.c",
          "		err = p9s_walk_arrive(rq, &path);\n	path_put(&path);",
          "		err = p9s_walk_arrive(rq, &path);\n	if (nr >= 0)\n		path_put(&path);"),
    Fault("room that is not given back", "fuzz_session", "request.c",
          "	rq->room = NULL;\n	channel->transport->commit(channel, 0);",
          "	rq->room = NULL;\n	(void)channel;"),
]


class Room:
    """Where things are built and run: a folder of the checkout's in the cache."""

    def __init__(self):
        self.tree = tree.get()
        self.checkout = checkout.Checkout(self.tree)
        self.path = self.checkout.room / f"fuzz-{self.tree.key}"
        self.path.mkdir(exist_ok=True)
        self.clang = clang.get(self.tree)

    def run(self, argv, seconds, **options):
        """Run it in the tree, in the room, which is /build there."""
        return self.tree.run(argv, cwd="/build", timeout=seconds, env=clang.environment(),
                             binds=[(TOP, TOP), (self.path, "/build"),
                                    (self.clang, clang.INSIDE)],
                             text=True, errors="replace", **options)

    def build(self, folder, fuzzers, server=None):
        words = [f"SERVER={server}"] if server else []
        done = self.run(["make", "-s", f"-j{os.cpu_count()}", "-C", str(HERE),
                         f"O=/build/{folder}", *words,
                         *(f"/build/{folder}/{name}" for name in fuzzers)],
                        BUILD, stdout=sys.stderr)
        if done.returncode:
            raise RigError(f"the fuzzers do not build: make ended with {done.returncode}")

    def fuzz(self, folder, name, seconds, corpus):
        """Whether it found nothing, and what it said."""
        (self.path / corpus / name).mkdir(parents=True, exist_ok=True)
        done = self.run([f"/build/{folder}/{name}", f"-max_total_time={seconds}",
                         "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048",
                         f"-artifact_prefix=/build/found-{name}-",
                         f"/build/{corpus}/{name}", f"/build/seeds/{name}"],
                        seconds + AROUND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0, done.stdout


def _tell(good, number, name, output):
    """One result; of what went wrong the report, without the first inputs' noise."""
    if not good:
        kept = [line for line in output.splitlines() if not line.startswith(("INFO:", "#"))]
        print("\n".join(f"# {line}" for line in kept[:60]))
    print(f"{'ok' if good else 'not ok'} {number} {name}", flush=True)
    return good


def _runs(output):
    found = re.search(r"Done (\d+) runs", output)
    return int(found.group(1)) if found else 0


def _all(room, seconds):
    """Every fuzzer for its part of the time."""
    room.build("good", FUZZERS)
    good = True
    for number, (name, part) in enumerate(FUZZERS.items(), 1):
        clean, output = room.fuzz("good", name, max(5, int(seconds * part)), "corpus")
        print(f"# {name}: {_runs(output)} inputs", flush=True)
        good &= _tell(clean and _runs(output) > 0, number, f"{name} finds nothing", output)
    return good


def _plant(room, fault, number):
    """Whether a fuzzer that begins with the seeds finds it within a minute."""
    server = room.path / f"server-{number}"
    shutil.rmtree(server, ignore_errors=True)
    shutil.copytree(SERVER, server)
    text = (server / fault.file).read_text()
    if text.count(fault.old) != 1:
        raise RigError(f"{fault.file} has changed: where is '{fault.old}'? The fault "
                       f"'{fault.what}' has to be planted elsewhere")
    (server / fault.file).write_text(text.replace(fault.old, fault.new))
    room.build(f"bad-{number}", [fault.fuzzer], f"/build/{server.name}")
    corpus = f"corpus-{number}"
    shutil.rmtree(room.path / corpus, ignore_errors=True)
    clean, output = room.fuzz(f"bad-{number}", fault.fuzzer, 60, corpus)
    found = not clean and re.search(r"ERROR: \w+|runtime error|fuzz: ", output)
    return bool(found), output


def main():
    parser = argparse.ArgumentParser(prog="run", description="Run the fuzzers. What one has "
                                     "found lies in the cache, and is told.")
    parser.add_argument("--seconds", type=int, default=600, help="for all of them (600)")
    parser.add_argument("--selftest", action="store_true",
                        help="show as well that planted faults are found")
    options = parser.parse_args()
    room = Room()
    shutil.rmtree(room.path / "seeds", ignore_errors=True)
    subprocess.run([sys.executable, HERE / "seeds.py", room.path / "seeds"], check=True)
    print(f"KTAP version 1\n1..{len(FUZZERS) + len(FAULTS) * options.selftest}", flush=True)
    good = _all(room, options.seconds)
    for number, fault in enumerate(FAULTS if options.selftest else [], 1):
        found, output = _plant(room, fault, number)
        good &= _tell(found, len(FUZZERS) + number, f"{fault.fuzzer} finds {fault.what}", output)
    return 0 if good else 1


try:
    sys.exit(main())
except RigError as error:
    say(f"error: {error}")
    sys.exit(1)
