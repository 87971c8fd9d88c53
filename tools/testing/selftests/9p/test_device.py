#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What /dev/9p-server takes and what it refuses, and when its sessions end.

Each session is one half of a socket pair, so nothing has to listen.
"""
import argparse
import contextlib
import errno
import os
import socket
import subprocess
import sys
import time

import harness
import p9raw
from device import DEVICE, SERVE, SIZE, Device
from harness import Failed, Skip, check, equal, one_of, test

class Env:
    def __init__(self, args):
        self.export = args.export
        self.stats = args.stats


def errno_of(function, *args):
    try:
        function(*args)
    except OSError as err:
        return err.errno
    return 0


@contextlib.contextmanager
def opened(path, flags):
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def refused(device, code, what, **kw):
    """An ioctl() that must fail with @code and leave its socket alone."""
    mine, kernels = socket.socketpair()
    with mine, kernels:
        equal(errno_of(lambda: device.ioctl(kernels.fileno(), **kw)), code,
              what)
        mine.send(b"x")
        equal(kernels.recv(9), b"x", "what comes through the socket")


@test("a socket and a directory make a session")
def serves(env):
    with Device(env.export) as device, \
            contextlib.closing(device.session()) as s:
        equal(s.version(), (65536, b"9P2000.L"), "Rversion")
        s.attach(0)
        equal(s.getattr(0).mode, os.stat(env.export).st_mode, "mode")


@test("the message size is limited by the caller, and that limit is checked")
def msize(env):
    with Device(env.export) as device:
        with contextlib.closing(device.session(msize=8192)) as s:
            equal(s.version(1 << 20)[0], 8192, "msize")
        for value in 1, 4095, (1 << 20) + 25, 0xffffffff:
            refused(device, errno.ERANGE, f"msize {value}", msize=value)


@test("fields that must be zero are checked, and the size as well")
def reserved_fields(env):
    with Device(env.export) as device:
        for bit in 0, 1, 31:
            refused(device, errno.EINVAL, "a flag", flags=1 << bit)
            refused(device, errno.EINVAL, "a reserved bit", reserved=1 << bit)
        for size in 0, 4, SIZE - 1, 1 << 20, 0xffffffff:
            refused(device, errno.EINVAL, f"size {size}", size=size)
        device.session(size=SIZE + 8, tail=bytes(8)).close()
        refused(device, errno.E2BIG, "an unknown field", size=SIZE + 8,
                tail=b"\1" + bytes(7))
        refused(device, errno.ENOTTY, "another ioctl", cmd=SERVE ^ 1)


@test("only connected stream sockets are taken")
def socket_kinds(env):
    with Device(env.export) as device:
        equal(errno_of(device.ioctl, -1), errno.EBADF, "no descriptor")
        equal(errno_of(device.ioctl, 9999), errno.EBADF, "no descriptor")
        with opened("/dev/null", os.O_RDWR) as fd:
            equal(errno_of(device.ioctl, fd), errno.ENOTSOCK, "/dev/null")
        equal(errno_of(device.ioctl, device.root), errno.EBADF, "O_PATH")
        for family, kind in [(socket.AF_UNIX, socket.SOCK_DGRAM),
                             (socket.AF_UNIX, socket.SOCK_SEQPACKET),
                             (socket.AF_INET, socket.SOCK_DGRAM)]:
            with socket.socket(family, kind) as s:
                equal(errno_of(device.ioctl, s.fileno()),
                      errno.ESOCKTNOSUPPORT, f"{family} {kind}")
        for family in socket.AF_UNIX, socket.AF_INET:
            with socket.socket(family) as s:
                equal(errno_of(device.ioctl, s.fileno()), errno.ENOTCONN,
                      "a socket that is not connected")
        with socket.socket() as s:
            s.listen()
            equal(errno_of(device.ioctl, s.fileno()), errno.ENOTCONN,
                  "a socket that listens")


@test("a socket serves one session at a time")
def socket_busy(env):
    with Device(env.export) as device:
        mine, kernels = socket.socketpair()
        with mine, kernels:
            device.ioctl(kernels.fileno())
            equal(errno_of(device.ioctl, kernels.fileno()), errno.EBUSY,
                  "a second session")


@test("only a directory is served, and only by an open descriptor")
def roots(env):
    with Device(env.export) as device:
        refused(device, errno.EBADF, "no descriptor", root=9999)
        for path, flags in [("/etc/passwd", os.O_PATH),
                            ("/etc/passwd", os.O_RDONLY),
                            ("/proc/self/exe", os.O_PATH | os.O_NOFOLLOW),
                            ("/dev/null", os.O_RDWR)]:
            with opened(path, flags) as fd:
                refused(device, errno.ENOTDIR, path, root=fd)
        with opened(env.export, os.O_RDONLY | os.O_DIRECTORY) as fd:
            device.session(root=fd).close()


@test("options are checked one by one")
def options(env):
    with Device(env.export) as device:
        for good in "", "readonly=1", "security_model=none,readonly=0", \
                "security_model=passthrough", "security_model=server", \
                ",readonly=1,", "crossmnt=0,crossmnt=1", "devices=1", "devices=0", \
                "max_fids=5000,max_open=0", "max_locks=7,max_xattrs=100000", \
                "max_requests=1,max_buffered=1,max_threads=1", \
                "security_model=squash,squash_uid=1,squash_gid=2":
            device.session(options=good).close()
        for bad in "x", "x=1", "max_fids=-1", "max_open=x", \
                "max_requests=", "max_buffered=1k", "max_threads=4294967296", \
                "max_locks=", "max_xattrs=-1", "devices=2", \
                "readonly", "readonly=", "readonly=2", "crossmnt=yes", \
                "security_model=", "security_model=mapped", "=", "=1", \
                "security_model=squash,squash_uid=-1", \
                "security_model=squash,squash_uid=4294967295", \
                "readonly=1,x=2", "readonly=1 ":
            refused(device, errno.EINVAL, f"options {bad!r}", options=bad)
        refused(device, errno.EFAULT, "a bad address", address=1 << 40)
        one_of(errno_of(lambda: device.session(options="," * 5000)),
               (errno.EINVAL, errno.E2BIG), "options without an end")


def last_line(what):
    """The newest line of the kernel's log with @what in it."""
    log = subprocess.run(["dmesg"], capture_output=True, check=True, text=True)
    return ([""] + [l for l in log.stdout.splitlines() if what in l])[-1]


@test("an option that is refused is explained in the log, with what is known")
def options_explained(env):
    with Device(env.export) as device:
        refused(device, errno.EINVAL, "model", options="security_model=mapped")
        line = last_line("security_model=mapped")
        for word in "none", "passthrough", "squash", "server":
            check(word in line, f"no {word} in {line!r}")
        refused(device, errno.EINVAL, "key", options="red_only=1")
        line = last_line("red_only=1")
        for word in "security_model", "squash_uid", "readonly", "crossmnt", \
                "max_fids", "max_open", "max_requests", "max_buffered", \
                "max_threads":
            check(word in line, f"no {word} in {line!r}")


@test("in what order options are given does not matter")
def options_order(env):
    with Device(env.export) as device:
        for order in "squash_uid=0,squash_gid=0,security_model=squash", \
                "security_model=squash,squash_uid=0,squash_gid=0":
            with contextlib.closing(device.session(options=order)) as s:
                s.version()
                s.attach(0, uid=1000)
                name = f"order-{os.getpid()}"
                s.mkdir(0, name)
                path = os.path.join(env.export, name)
                equal(os.stat(path).st_uid, 0, f"owner with {order}")
                os.rmdir(path)


@test("closing the device ends its sessions, at once and wholly")
def device_closed(env):
    device = Device(env.export)
    sessions = [device.session() for _ in range(10)]
    for s in sessions[:7]:
        s.version()
        s.attach(0)
    sessions[0].send_bytes(b"\7\0")
    device.close()
    for s in sessions:
        try:
            s.receive()
            raise Failed("a reply from a session that has ended")
        except p9raw.Closed:
            s.close()


@test("a device that is closed leaves the sessions of another alone")
def devices_apart(env):
    with Device(env.export) as one, Device(env.export) as other, \
            contextlib.closing(one.session()) as s:
        other.session().close()
        other.close()
        s.version()
        s.attach(0)


@test("closing the device does not wait for a client that does not read")
def device_closed_blocked(env):
    path = os.path.join(env.export, f"big-{os.getpid()}")
    with open(path, "wb") as f:
        f.write(b"x" * (1 << 20))
    device = Device(env.export)
    s = device.session()
    s.version(1 << 20)
    s.attach(0)
    s.walk(0, 1, os.path.basename(path))
    s.lopen(1)
    for tag in range(50):
        s.send(p9raw.read(1, 0, 1000000), tag)
    time.sleep(0.5)
    start = time.monotonic()
    device.close()
    took = time.monotonic() - start
    os.unlink(path)
    s.close()
    check(took < 10, f"took {took:.1f} s")


@test("half of each session's life: closing while requests come")
def device_closed_busy(env):
    for _ in range(50):
        device = Device(env.export)
        s = device.session()
        s.version()
        s.attach(0)
        s.send_bytes(b"".join(p9raw.frame(p9raw.getattr_(0), tag)
                              for tag in range(200)))
        device.close()
        s.close()


@test("a peer that closes ends its session, though the device stays open")
def peer_closed(env):
    if not os.path.isdir(env.stats):
        raise Skip(f"no {env.stats}: debugfs is not mounted")
    with Device(env.export) as device:
        before = set(os.listdir(env.stats))
        sessions = [device.session() for _ in range(10)]
        for s in sessions[:5]:
            s.version()
        equal(len(set(os.listdir(env.stats)) - before), 10, "sessions")
        for s in sessions:
            s.close()
        for _ in range(100):
            if not set(os.listdir(env.stats)) - before:
                return
            time.sleep(0.1)
        raise Failed(f"left: {set(os.listdir(env.stats)) - before}")


@test("requests that came before the socket was handed over are answered")
def early_requests(env):
    with Device(env.export) as device:
        mine, kernels = socket.socketpair()
        mine.settimeout(30)
        s = p9raw.Session(mine)
        s.send(p9raw.version(8192), p9raw.NOTAG)
        with kernels:
            device.ioctl(kernels.fileno())
        equal(s.receive()[0], p9raw.TVERSION + 1, "answer")
        s.close()
        mine, kernels = socket.socketpair()
        mine.close()
        with kernels:
            one_of(errno_of(device.ioctl, kernels.fileno()),
                   (0, errno.ENOTCONN), "a peer that is gone already")


@test("a user without rights is refused, with an open device as well")
def rights(env):
    with Device(env.export) as device:
        pid = os.fork()
        if not pid:
            os.setgroups([])
            os.setresgid(1000, 1000, 1000)
            os.setresuid(1000, 1000, 1000)
            mine, kernels = socket.socketpair()
            good = errno_of(os.open, DEVICE, os.O_RDWR) == errno.EACCES
            good = good and errno_of(device.ioctl,
                                     kernels.fileno()) == errno.EPERM
            mine.close()
            os._exit(0 if good else 1)
        equal(os.waitpid(pid, 0)[1], 0, "what the user could do")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--export", required=True,
                        help="a directory to serve")
    parser.add_argument("--stats", default="/sys/kernel/debug/9p-server",
                        help="the server's debugfs directory")
    parser.add_argument("--only", help="run the tests with this in their text")
    args = parser.parse_args()
    if not os.path.exists(DEVICE):
        print(f"1..0 # SKIP no {DEVICE}: the module 9pnet_server is not "
              "loaded")
        sys.exit(harness.SKIP)
    harness.main(Env(args), args.only)


if __name__ == "__main__":
    main()
