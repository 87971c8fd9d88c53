# SPDX-License-Identifier: GPL-2.0
"""What a client can make the server hold, and that it gets it all back."""
import errno
import os
import subprocess
import threading
import time

import p9raw
from harness import Skip, check, equal, one_of, test
from raw_framing import call, fails

BATCH = 200
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM, errno.EDQUOT)


def until_refused(s, make, first, most):
    """Pipelines make(fid) for rising fids, until some of a batch are refused.

    Those of a batch run side by side, so it may be any of them. How many went
    well in all, and the errno.
    """
    good = 0
    for start in range(first, first + most, BATCH):
        got = list(s.pipeline([make(fid) for fid in range(start, start + BATCH)]))
        codes = [one.errno for one in got if isinstance(one, p9raw.P9Error)]
        good += len(got) - len(codes)
        if codes:
            return good, codes[0]
    return good, 0


def limited(env):
    if not env.limited_socket:
        raise Skip("no --limited-socket")
    return env.session(where=env.limited_socket)


@test("fids have a limit; beyond it is an error, and the session goes on")
def fid_limit(env):
    most = env.limits[0]
    with limited(env) as s:
        # One is the root's
        count, code = until_refused(s, lambda fid: p9raw.walk(0, fid), 10, 2 * most)
        one_of(code, FULL, f"errno of fid {count}")
        equal(count, most - 1, "fids")
        s.clunk(10)
        s.walk(0, 10)
        equal(s.getattr(11).qid, s.getattr(0).qid, "another fid")
        with limited(env) as other:
            other.walk(0, 1)


@test("open files have a limit; beyond it is an error, and the session goes on")
def open_limit(env):
    most = env.limits[1]
    with limited(env) as s:
        until_refused(s, lambda fid: p9raw.walk(0, fid), 10, 2 * most)
        count, code = until_refused(s, p9raw.lopen, 10, 2 * most)
        one_of(code, FULL, f"errno after {count} files")
        equal(count, most, "open files")
        s.readdir(10, 0, 4096)
        s.clunk(11)
        s.walk(0, 11)
        s.lopen(11)
        env.alive()


@test("a default client may have many fids, and many of them open")
def default_limits(env):
    with env.session() as s:
        equal(until_refused(s, lambda fid: p9raw.walk(0, fid), 10, 2000), (2000, 0), "fids")
        equal(until_refused(s, p9raw.lopen, 10, 1000), (1000, 0), "open files")


def free_space(path):
    return os.statvfs(path).f_bfree * os.statvfs(path).f_frsize


@test("fids that a dropped connection leaves are released, and their files")
def dropped_fids(env):
    size = 64 << 20
    with env.dir(msize=1 << 20) as (s, path):
        before = free_space(path)
        if before < 2 * size:
            raise Skip("not enough room for a file of 64 MiB")
        s.walk(1, 2)
        s.lcreate(2, "file")
        s.write_all(2, b"x" * size)
        s.fsync(2)
        s.unlinkat(1, "file")
        check(before - free_space(path) > size // 2, "the file has no size")
        s.close()
        for _ in range(200):
            if before - free_space(path) < size // 2:
                return
            time.sleep(0.1)
        check(False, "20 s later the space is not free")


@test("sessions that ended are gone from the server's statistics")
def dropped_sessions(env):
    if not os.path.isdir(env.stats):
        raise Skip(f"no {env.stats}: debugfs is not mounted, or the server "
                   "runs elsewhere")

    def sessions():
        return {n for n in os.listdir(env.stats)
                if os.path.isdir(os.path.join(env.stats, n))}

    time.sleep(1)
    before = sessions()
    alive = [p9raw.Session(p9raw.connect(env.socket)) for _ in range(20)]
    for s in alive:
        s.version()
        s.attach(0)
        until_refused(s, lambda fid: p9raw.walk(0, fid), 10, BATCH)
    equal(len(sessions() - before), 20, "sessions")
    for s in alive:
        s.close()
    for _ in range(100):
        if not sessions() - before:
            return
        time.sleep(0.1)
    check(False, f"left over: {sessions() - before}")


@test("a client that does not read its replies stops nobody else")
def slow_reader(env):
    with env.dir(msize=1 << 20) as (s, path):
        with open(path + "/file", "wb") as f:
            f.write(b"x" * (1 << 20))
        s.walk(1, 2, "file")
        s.lopen(2)
        s.sock.settimeout(1)
        try:
            for tag in range(5000):
                s.send(p9raw.read(2, 0, 1000000), tag)
        except p9raw.ProtocolError:
            pass
        start = time.monotonic()
        env.alive()
        check(time.monotonic() - start < 10, "another session had to wait")
    env.alive()


def blocked_tasks():
    """How often the kernel found a task that hung."""
    found = subprocess.run(["dmesg"], capture_output=True, check=False)
    return found.stdout.count(b" blocked for more than ")


@test("a client that never reads makes no task of the server look hung")
def slow_reader_alarm(env):
    knob = "/proc/sys/kernel/hung_task_timeout_secs"
    if not os.path.exists(knob) or not os.path.isdir(env.stats):
        raise Skip("the kernel does not look for hung tasks, or the server "
                   "is none of this kernel")
    with env.dir(msize=1 << 20) as (s, path), open(knob, "r+",
                                                   encoding="ascii") as f:
        with open(path + "/file", "wb") as data:
            data.write(b"x" * (1 << 20))
        s.walk(1, 2, "file")
        s.lopen(2)
        before = blocked_tasks()
        old = f.read()
        f.seek(0)
        f.write("5\n")
        f.flush()
        try:
            for tag in range(6):
                s.send(p9raw.read(2, 0, 1000000), tag)
            s.send(p9raw.version(8192), p9raw.NOTAG)
            time.sleep(16)
        finally:
            f.seek(0)
            f.write(old)
        equal(blocked_tasks(), before, "hung tasks that were found")
    env.alive()


@test("requests beyond the server's limit wait and are all answered")
def many_requests(env):
    with env.dir(msize=1 << 20) as (s, _):
        s.lcreate(1, "file")
        data = os.urandom(1 << 18)
        count = 600
        received = []

        def receive():
            for _ in range(count):
                received.append(s.receive()[:2])

        thread = threading.Thread(target=receive)
        thread.start()
        for tag in range(count):
            s.send(p9raw.write(1, (tag % 8) << 18, data), tag)
        thread.join(120)
        equal(len(received), count, "replies")
        equal({r[1] for r in received}, set(range(count)), "tags")
        for n in range(8):
            equal(s.read_all(1, 1 << 18)[:99], data[:99], f"data {n}")


@test("connections that come and go, many at a time, leave a good server")
def come_and_go(env):
    for _ in range(30):
        some = [p9raw.Session(p9raw.connect(env.socket, env.timeout))
                for _ in range(10)]
        for n, s in enumerate(some):
            if n % 3:
                s.version()
            if n % 2:
                s.send(p9raw.attach(0), 1)
        for s in some:
            s.close()
    env.alive()


@test("a request still running when its client goes does no harm")
def gone_in_flight(env):
    for _ in range(30):
        with env.dir(msize=1 << 20) as (s, _):
            s.lcreate(1, "file")
            s.send_bytes(b"".join(
                p9raw.frame(p9raw.write(1, n << 16, b"x" * 65536), n)
                for n in range(16)) +
                p9raw.frame(p9raw.fsync(1), 20))
            s.close()
    env.alive()


@test("Tversion while requests run ends or outlasts them, and starts anew")
def version_in_flight(env):
    for _ in range(20):
        with env.dir(msize=1 << 20) as (s, _):
            s.lcreate(1, "file")
            s.send_bytes(b"".join(
                p9raw.frame(p9raw.write(1, n << 16, b"x" * 65536), n)
                for n in range(16)) +
                p9raw.frame(p9raw.version(8192), p9raw.NOTAG))
            while s.receive()[0] != p9raw.TVERSION + 1:
                pass
            fails(errno.EBADF, s.getattr, 1)
            s.attach(0)
            equal(call(s, p9raw.getattr_(0)), 0, "getattr")
