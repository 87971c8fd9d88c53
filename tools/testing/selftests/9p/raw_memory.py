# SPDX-License-Identifier: GPL-2.0
"""What sessions and fids cost the serving machine in memory."""
import errno
import os
import statistics
import time

import p9raw
from harness import Skip, check, comment, test

SESSION_LIMIT = 256 << 10
FID_LIMIT = 512

# No session is without a thread
STACK = 16 << 10

# How long it may take until all but one thread of each session have ended
IDLE = 60


def need(env):
    if not os.path.isdir(env.sysfs):
        raise Skip(f"no {env.sysfs}: the server is none of this kernel")
    # KASAN or lockdep, which make everything larger
    if os.path.exists("/proc/lockdep") or os.path.exists("/sys/kernel/debug/kmemleak"):
        raise Skip("this kernel looks for mistakes, which takes memory")


def used():
    """Bytes that are in use, what can be reclaimed left out."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3\n")
    with open("/proc/meminfo", encoding="ascii") as f:
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in f}
    return -sizes["MemFree"] * 1024


def slabs():
    """Bytes of objects that the kernel has allocated from slabs."""
    used()
    with open("/proc/slabinfo", encoding="ascii") as f:
        lines = [line.split() for line in f if not line.startswith(("slabinfo", "#"))]
    return sum(int(line[1]) * int(line[3]) for line in lines)


def settled():
    """Frees what was left by others: sessions that end, lists of each CPU."""
    last = used()
    for _ in range(30):
        time.sleep(0.2)
        now = used()
        if abs(now - last) < 64 << 10:
            return now
        last = now
    return last


def threads_of(env, name):
    """How many threads a session has; none if it has ended since it was seen."""
    try:
        with open(os.path.join(env.sysfs, name, "threads"), encoding="ascii") as f:
            return int(f.read())
    except OSError as err:
        if err.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        return 0


def idle(env):
    """Waits until each session is left with one thread, and that without a buffer."""
    end = time.monotonic() + IDLE
    while time.monotonic() < end:
        threads = [threads_of(env, name) for name in os.listdir(env.sysfs)]
        if max(threads, default=1) == 1:
            # The last one gives it back when the others end, or a moment later
            time.sleep(2)
            return
        time.sleep(0.5)
    raise AssertionError(f"threads that do not end: {threads}")


def measure(env, count, work, wait=lambda env: None):
    """Bytes that each of @count sessions costs after @work(session) and @wait(env)."""
    sessions = []
    # Whatever is allocated once and for all
    with env.session(msize=1 << 20) as s:
        work(s)
    wait(env)
    before = settled()
    try:
        for _ in range(count):
            s = p9raw.Session(p9raw.connect(env.socket, env.timeout))
            sessions.append(s)
            s.version(1 << 20)
            s.attach(0)
            work(s)
        wait(env)
        return (settled() - before) / count
    finally:
        for s in sessions:
            s.close()


@test("a session without open files costs at most 256 KiB")
def session_memory(env):
    need(env)
    # What else is used or freed meanwhile counts, too, so: the one in the middle
    cost = statistics.median(measure(env, 100, lambda s: s.getattr(0)) for _ in range(3))
    comment(f"a session: {cost / 1024:.1f} KiB")
    check(cost <= SESSION_LIMIT, f"{cost / 1024:.1f} KiB")
    check(cost >= STACK, f"{cost / 1024:.1f} KiB, less than its thread's stack")


@test("a session that is idle again after much work costs no more")
def idle_memory(env):
    need(env)
    path = os.path.join(env.export, f"big-{os.getpid()}")
    with open(path, "wb") as f:
        f.write(b"x" * (1 << 20))

    def work(s):
        s.walk(0, 1, os.path.basename(path))
        s.lopen(1)
        for got in s.pipeline([p9raw.read(1, 0, 1 << 20)] * 4):
            check(len(got) > 1 << 19, f"read: {len(got)} bytes")
        s.clunk(1)

    try:
        cost = measure(env, 60, work, idle)
    finally:
        os.remove(path)
    comment(f"an idle session: {cost / 1024:.1f} KiB")
    check(cost <= SESSION_LIMIT, f"{cost / 1024:.1f} KiB")


@test("a fid costs at most 512 bytes beside its dentry")
def fid_memory(env):
    need(env)
    count = 10000

    def each(s, make):
        for start in range(1, count + 1, 200):
            for got in s.pipeline(make(fid) for fid in range(start, start + 200)):
                check(not isinstance(got, p9raw.P9Error), f"{got}")

    with env.session() as s:
        # So that what requests need in passing is there
        each(s, lambda fid: p9raw.getattr_(0))
        settled()
        before = slabs()
        each(s, lambda fid: p9raw.walk(0, fid))
        settled()
        cost = (slabs() - before) / count
    comment(f"a fid: {cost:.0f} bytes")
    check(cost <= FID_LIMIT, f"{cost:.0f} bytes")
    check(cost >= 64, f"{cost:.0f} bytes, which is less than a fid can be")
