#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What becomes of those who look when the server goes: its sessions come and go, and
its module is unloaded and loaded again, while processes read every file that the
server has in sysfs, debugfs and tracefs, and while its tracepoints are recorded.

Nothing may use what is gone, wait for ever, or be left behind; whoever runs this
looks at the kernel's log as well. The module must not be in use by anybody else.
"""
import argparse
import contextlib
import ctypes
import errno
import os
import subprocess
import sys
import tempfile
import time

import harness
import p9raw
from device import DEVICE, Device
from harness import GONE, Failed, check, cut_off, equal, test

MODULE = "9pnet_server"
TRACEFS = "/sys/kernel/tracing"
EVENTS = TRACEFS + "/events/9p_server"
SHOWN = ("/sys/kernel/9p-server", "/sys/kernel/debug/9p-server", EVENTS)

# What a file may say whose session, or whose module, ends just then
# Files that are written only, or that wait for something to come
NOT_READ = ("trigger", "hist_debug", "inject")

O_NONBLOCK = os.O_NONBLOCK
libc = ctypes.CDLL(None, use_errno=True)


class Env:
    def __init__(self, args):
        self.seconds = args.seconds
        self.export = tempfile.mkdtemp(prefix="9p-unload-")


def loaded():
    return os.path.isdir(f"/sys/module/{MODULE}")


def load():
    subprocess.run(["modprobe", MODULE], check=True)
    for _ in range(100):
        if os.path.exists(DEVICE):
            return
        time.sleep(0.05)
    raise Failed(f"{DEVICE} does not appear")


def try_unload():
    """0 or the error that unloading the module gave."""
    if not libc.delete_module(MODULE.encode(), O_NONBLOCK):
        return 0
    return ctypes.get_errno()


def unload(seconds=20):
    """Unloads the module as soon as nobody has one of its files open."""
    end = time.monotonic() + seconds
    tries = 0
    while (code := try_unload()):
        tries += 1
        # In use; modprobe says so, and an admin asks again
        if code not in (errno.EAGAIN, errno.EBUSY):
            raise Failed(f"unloading: {os.strerror(code)}")
        check(time.monotonic() < end, f"in use after {seconds} s and {tries} tries")
        time.sleep(0.01)
    for path in *SHOWN, DEVICE:
        check(not os.path.exists(path), f"{path} is left")


def read_file(path):
    """True if it was read, false if it was gone."""
    try:
        with open(path, "rb") as f:
            while f.read(65536):
                pass
    except OSError as err:
        if err.errno not in GONE:
            raise
        return False
    return True


def read_all(counts):
    """Reads all there is, once."""
    for top in SHOWN:
        for where, _, names in os.walk(top):
            for name in names:
                if name not in NOT_READ:
                    counts[read_file(os.path.join(where, name))] += 1


def reader(stop, report):
    """Reads until @stop can be read from; a process of its own."""
    counts = [0, 0]
    try:
        os.set_blocking(stop, False)
        while True:
            read_all(counts)
            try:
                if os.read(stop, 1) == b"":
                    break
            except BlockingIOError:
                # The module can be unloaded only while nobody reads
                time.sleep(0.005)
        said = f"{counts[1]} {counts[0]}"
    except Exception as err:  # pylint: disable=broad-except
        said = f"{type(err).__name__}: {err}"
    os.write(report, said.encode() + b"\n")
    os._exit(0)


@contextlib.contextmanager
def readers(count):
    """Processes that read everything; afterwards yields' list has what they say."""
    stop, stopping = os.pipe()
    report, reporting = os.pipe()
    pids = []
    said = []
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os.close(stopping)
            reader(stop, reporting)
        pids.append(pid)
    os.close(reporting)
    try:
        yield said
    finally:
        os.close(stopping)
        with open(report, encoding="utf-8") as f:
            said += f.read().splitlines()
        for pid in pids:
            os.waitpid(pid, 0)
        os.close(stop)


def trace(value):
    if os.path.isdir(EVENTS):
        with open(EVENTS + "/enable", "w", encoding="ascii") as f:
            f.write(value)


def work(device, busy):
    """A session that has done something of most kinds; what is left open is."""
    s = device.session()
    s.version()
    s.attach(0)
    s.mkdir(0, "dir")
    s.walk(0, 1)
    s.lcreate(1, "file")
    s.write(1, 0, b"x" * 5000)
    s.lock(1, p9raw.LOCK_WRLCK)
    s.walk(0, 2)
    s.lopen(2)
    s.entries(2)
    s.unlinkat(0, "file")
    s.unlinkat(0, "dir", p9raw.AT_REMOVEDIR)
    if busy:
        # Not waited for: they run as the session ends
        s.send_bytes(b"".join(p9raw.frame(p9raw.readdir(2, 0, 8192), tag)
                              for tag in range(20)))
    return s


def come_and_go(export, count):
    """Sessions that end by their client, and those that end with the device."""
    with Device(export) as device:
        some = [work(device, n % 2) for n in range(count)]
        equal(try_unload(), errno.EAGAIN, "unloading with sessions")
        for s in some[::2]:
            s.close()
    for s in some[1::2]:
        s.close()


@test("the module is unloaded and loaded while all it shows is read and traced")
def read_while_unloaded(env):
    if loaded():
        unload()
    rounds = 0
    with readers(2) as said:
        end = time.monotonic() + env.seconds
        while time.monotonic() < end or rounds < 3:
            load()
            # Also such that are not recorded when the module goes
            trace("1" if rounds % 3 else "0")
            come_and_go(env.export, 6)
            unload()
            rounds += 1
        load()
    harness.comment(f"{rounds} rounds; files read, and gone: {', '.join(said)}")
    equal(len(said), 2, "readers that came to their end")
    for one in said:
        check(one.replace(" ", "").isdigit(), one)
        check(int(one.split()[0]) > 20 * rounds, f"only {one} files were read")
    with Device(env.export) as device, contextlib.closing(work(device, False)) as s:
        s.getattr(0)


@test("a file that is open keeps the module, and reads as gone after its session")
def open_file_keeps(env):
    with contextlib.ExitStack() as files:
        with Device(env.export) as device, contextlib.closing(work(device, False)):
            names = [os.path.join(where, name) for top in SHOWN[:2]
                     for where, _, some in os.walk(top) for name in some]
            check(len(names) > 10, f"only {names} are shown")
            opened = [files.enter_context(open(name, "rb")) for name in names]
        check(loaded(), "no module")
        for _ in range(100):
            if not os.listdir(SHOWN[0]):
                break
            time.sleep(0.05)
        equal(os.listdir(SHOWN[0]), [], "sessions that are left")
        for f in opened:
            cut_off(f)
        # Those of debugfs hold it; those of sysfs do not and are cut off
        equal(try_unload(), errno.EAGAIN, "unloading under an open file")
    unload()
    load()


@test("files of sysfs that are open when the module goes are cut off from it")
def open_attribute(env):
    with Device(env.export) as device, contextlib.closing(work(device, False)):
        session = os.path.join(SHOWN[0], os.listdir(SHOWN[0])[0])
        opened = [open(os.path.join(session, name), "rb")
                  for name in os.listdir(session)]
    unload()
    for f in opened:
        with f:
            cut_off(f)
    load()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30,
                        help="how long the first test goes on")
    parser.add_argument("--only", help="run the tests with this in their text")
    args = parser.parse_args()
    if os.geteuid():
        print("1..0 # SKIP must be run by root")
        sys.exit(harness.SKIP)
    if subprocess.run(["modprobe", "-nq", MODULE], check=False).returncode:
        print(f"1..0 # SKIP no module {MODULE}")
        sys.exit(harness.SKIP)
    load()
    env = Env(args)
    try:
        code = harness.run(env, args.only)
    finally:
        os.rmdir(env.export)
    sys.exit(code)


if __name__ == "__main__":
    main()
