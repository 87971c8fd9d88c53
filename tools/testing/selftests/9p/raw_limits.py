# SPDX-License-Identifier: GPL-2.0
"""What a client can make the server hold, and that it gets it all back."""
import contextlib
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


def stats_of(env, options, msize):
    """A session of its own, and the numbers in its stats by name."""
    if not os.path.isdir(env.stats):
        raise Skip(f"no {env.stats}: debugfs is not mounted")
    before = set(os.listdir(env.stats))
    with env.served(env.export, options, msize=msize) as s:
        (name,) = set(os.listdir(env.stats)) - before

        def read():
            with open(f"{env.stats}/{name}/stats", encoding="ascii") as f:
                words = [line.split() for line in f]
            return {w[0]: [int(n) for n in w[1:] if n.isdigit()] for w in words}

        yield s, read


bounded = contextlib.contextmanager(stats_of)


def crowd(s, stats, name, most):
    """Sends more than may be in flight, reads late: the most that stats told."""
    count, seen, received = 60, 0, []
    equal(stats()[name][1], most, f"limit of {name}")
    s.lcreate(0, f"crowd-{os.getpid()}")
    s.write_all(0, b"x" * (1 << 20))
    # The replies of the first ones fill the socket, and nobody reads them
    requests = [p9raw.read(0, 0, 1 << 19) for _ in range(count)] + \
        [p9raw.write(0, 0, b"y" * (1 << 16)) for _ in range(count)]

    def send():
        for tag, request in enumerate(requests):
            s.send(request, tag)

    thread = threading.Thread(target=send)
    thread.start()
    for _ in range(20):
        seen = max(seen, stats()[name][0])
        time.sleep(0.05)
    for _ in requests:
        kind, tag, _ = s.receive()
        equal(kind, requests[tag][0] + 1, "type of reply")
        received.append(tag)
        seen = max(seen, stats()[name][0]) if len(received) % 10 == 0 else seen
    thread.join()
    equal(set(received), set(range(len(requests))), "tags")
    s.remove(0)
    return seen


@test("requests in flight have a limit; those beyond it wait, and are answered")
def request_limit(env):
    with bounded(env, "max_requests=5", 1 << 20) as (s, stats):
        equal(crowd(s, stats, "requests", 5), 5, "requests at once")


@test("bytes of requests have a limit; what is beyond it waits")
def buffered_limit(env):
    with bounded(env, "max_buffered=200000", 1 << 20) as (s, stats):
        seen = crowd(s, stats, "buffered", 200000)
        check(100000 < seen <= 200000, f"bytes at once: {seen}")


@test("a request larger than may be buffered is still served, alone")
def buffered_one(env):
    with bounded(env, "max_buffered=1", 65536) as (s, _):
        s.lcreate(0, f"one-{os.getpid()}")
        s.write_all(0, b"x" * 200000)
        equal(s.read_all(0, 300000), b"x" * 200000, "data")
        s.remove(0)


@test("threads have a limit, and one alone does all")
def thread_limit(env):
    for most in 1, 3:
        with bounded(env, f"max_threads={most}", 1 << 20) as (s, stats):
            equal(crowd(s, stats, "threads", most), most, "threads at once")


@test("the limits of a default session are those that are documented")
def default_limits_shown(env):
    with bounded(env, "", 65536) as (_, stats):
        got = stats()
        equal({name: got[name][1] for name in
               ("fids", "open", "requests", "buffered", "threads")},
              {"fids": 65536, "open": 16384, "requests": 256,
               "buffered": 16 << 20, "threads": 16}, "limits")
