# SPDX-License-Identifier: GPL-2.0
"""Locks: seen by other sessions, by the host, and gone when they should be."""
import contextlib
import errno
import fcntl
import os
import random
import select
import struct
import threading
import time

import p9raw
from harness import Skip, check, equal, test
from raw_framing import call, fails
from raw_names import put

RW = p9raw.O_RDWR
RD, WR, UN = p9raw.LOCK_RDLCK, p9raw.LOCK_WRLCK, p9raw.LOCK_UNLCK
GOT, BLOCKED = p9raw.LOCK_SUCCESS, p9raw.LOCK_BLOCKED
BLOCK, RECLAIM = 1, 2


def open_at(s, path, *fids, flags=RW):
    """Opens "file" of a directory of the export by each of @fids."""
    for fid in fids:
        s.walk(0, fid, os.path.basename(path), "file")
        s.lopen(fid, flags)


def host_takes(path, kind=fcntl.LOCK_EX, length=0, start=0):
    """Whether a process of the host gets a lock, which it gives back."""
    with open(path, "r+b") as f:
        try:
            fcntl.lockf(f, kind | fcntl.LOCK_NB, length, start)
        except (BlockingIOError, PermissionError):
            return False
        return True


def until(what, function):
    for _ in range(100):
        if function():
            return
        time.sleep(0.1)
    check(False, what)


@test("locks conflict between sessions and with the host, and end with them")
def locks(env):
    with env.dir() as (s, path), env.session() as other:
        put(path + "/file", b"x" * 100)
        before = env.held(s)
        open_at(s, path, 2)
        open_at(other, path, 2)
        equal(s.lock(2, WR, start=10, length=10), GOT, "a first lock")
        equal(other.lock(2, WR, start=15, length=1), BLOCKED, "a conflict")
        got = other.getlock(2, WR)
        equal((got.type, got.start, got.length), (WR, 10, 10), "in the way")
        equal((got.proc, got.client), (0, b""), "of another session")
        equal(other.lock(2, WR, start=20, length=5), GOT, "beside it")
        check(not host_takes(path + "/file", length=5, start=12),
              "the host does not see the lock")
        equal(s.lock(2, UN, start=10, length=10), GOT, "unlock")
        equal(other.lock(2, WR, start=10, length=10), GOT, "after unlock")
        other.close()
        until("the lock outlives its session",
              lambda: s.lock(2, WR) == GOT)
        s.clunk(2)
        equal(env.held(s), before, "what the session holds")


@test("a process of the client conflicts with others, not with itself")
def owners(env):
    with env.dir() as (s, path):
        put(path + "/file")
        open_at(s, path, 2, 3)
        equal(s.lock(2, WR, proc=1), GOT, "process 1")
        equal(s.lock(3, WR, proc=1), GOT, "by another fid")
        equal(s.lock(3, RD, proc=2), BLOCKED, "process 2")
        equal(s.lock(3, RD, proc=1, client="other"), BLOCKED, "another client")
        got = s.getlock(3, RD, proc=2)
        equal(got, p9raw.Flock(WR, 0, 0, 1, b"p9raw"), "in the way")
        equal(s.getlock(3, WR, start=7, length=9, proc=1),
              p9raw.Flock(UN, 7, 9, 1, b"p9raw"), "nothing in the way")
        equal(s.lock(2, UN, proc=2), GOT, "an unlock of nothing")
        equal(s.lock(3, RD, proc=2), BLOCKED, "still")
        equal(s.lock(3, RD, proc=1), GOT, "made a read lock")
        equal(s.lock(2, RD, proc=2), GOT, "two read locks")
        equal(s.lock(2, WR, proc=2), BLOCKED, "of two the one alone")
        for proc in 0, 0xffffffff:
            equal(s.lock(2, RD, proc=proc, client=b""), GOT, f"process {proc}")


@test("what the host locks is in the client's way, and is not waited for long")
def host_first(env):
    with env.dir() as (s, path), open_host(path) as f:
        open_at(s, path, 2)
        fcntl.lockf(f, fcntl.LOCK_EX, 10, 5)
        start = time.monotonic()
        for flags in 0, BLOCK, RECLAIM, BLOCK | RECLAIM:
            equal(s.lock(2, WR, flags=flags), BLOCKED, f"flags {flags}")
        check(time.monotonic() - start < 5, "the server waited")
        got = s.getlock(2, RD, start=1, length=100)
        equal(got, p9raw.Flock(WR, 5, 10, 0, b""), "in the way")
        equal(s.lock(2, WR, start=15), GOT, "beside it")
        fcntl.lockf(f, fcntl.LOCK_UN)
        equal(s.lock(2, WR, flags=BLOCK), GOT, "after the host's unlock")
        # Linux's client asks with this, whatever its program wanted
        equal(s.getlock(2, UN), p9raw.Flock(UN, 0, 0, 1, b"p9raw"), "its own")
        equal(s.getlock(2, UN, proc=2).type, WR, "seen by another process")


def open_host(path):
    put(path + "/file", b"x" * 100)
    return open(path + "/file", "r+b")


@test("a lock goes with the fid that took it, and stays when another goes")
def clunks(env):
    with env.dir() as (s, path):
        file = path + "/file"
        put(file)
        before = env.held(s)
        open_at(s, path, 2, 3, 4)
        s.lock(2, WR, start=0, length=10)
        s.lock(3, WR, start=20, length=10)
        s.lock(2, WR, start=40, length=10)
        s.lock(2, WR, start=60, length=10, proc=2)
        s.clunk(4)
        equal([host_takes(file, start=n, length=1) for n in (5, 25, 45, 65)],
              [False] * 4, "after a clunk of neither")
        s.clunk(2)
        equal([host_takes(file, start=n, length=1) for n in (5, 25, 45, 65)],
              [True, False, True, True], "after the clunk of one")
        s.unlinkat(1, "file")
        call(s, p9raw.remove(3))
        equal(env.held(s), before, "what the session holds")
        # Unlocked by one, locked by another: the first one's clunk is late
        put(file)
        open_at(s, path, 2, 3)
        s.lock(2, WR)
        s.lock(2, UN)
        s.lock(3, WR)
        s.clunk(2)
        check(not host_takes(file), "another fid's clunk took the lock")
        s.version()
        check(host_takes(file), "the lock outlives Tversion")


@test("ranges and types that do not exist, fids that are not open")
def bad(env):
    with env.dir() as (s, path):
        put(path + "/file")
        before = env.held(s)
        open_at(s, path, 2)
        open_at(s, path, 3, flags=p9raw.O_RDONLY)
        open_at(s, path, 4, flags=p9raw.O_WRONLY)
        s.walk(1, 5, "file")
        top = 1 << 63
        for start, length in (top, 1), (top, 0), (2 * top - 1, 1):
            fails(errno.EINVAL, s.lock, 2, WR, start=start, length=length)
            fails(errno.EINVAL, s.getlock, 2, WR, start=start, length=length)
        for start, length in (1, top), (top - 1, 2), (5, 2 * top - 1):
            fails(errno.EOVERFLOW, s.lock, 2, WR, start=start, length=length)
        for kind in 3, 4, 255:
            fails(errno.EINVAL, s.lock, 2, kind)
            fails(errno.EINVAL, s.getlock, 2, kind)
        for flags in 4, 0x80000000, 0xffffffff:
            fails(errno.EINVAL, s.lock, 2, WR, flags=flags)
        for fid in 1, 5, 99:
            for kind in RD, WR, UN:
                fails(errno.EBADF, s.lock, fid, kind)
                fails(errno.EBADF, s.getlock, fid, kind)
        fails(errno.EBADF, s.lock, 3, WR)
        fails(errno.EBADF, s.lock, 4, RD)
        for client in "x" * 129, "x" * 40000:
            fails(errno.ENAMETOOLONG, s.lock, 2, WR, client=client)
            fails(errno.ENAMETOOLONG, s.getlock, 2, WR, client=client)
        equal(s.lock(2, WR, client="x" * 128), GOT, "the longest name")
        equal(s.getlock(2, WR).client, b"x" * 128, "the longest name")
        s.lock(2, UN, client="x" * 128)
        equal(s.lock(2, WR, start=top - 1, length=1), GOT, "the last byte")
        equal(s.lock(3, RD, proc=2, length=top - 1), GOT, "all but it")
        equal(s.getlock(3, WR, proc=3, start=top - 1).length, 0, "to the end")
        for fid in 2, 3, 4, 5:
            s.clunk(fid)
        equal(env.held(s), before, "what the session holds")


@test("locks have a limit; beyond it is ENOLCK, and unlocking goes on")
def lock_limit(env):
    most = env.limits[2]
    if not env.limited_socket:
        raise Skip("no --limited-socket")
    with env.dir(where=env.limited_socket) as (s, path):
        put(path + "/file")
        open_at(s, path, 2)
        for n in range(most):
            equal(s.lock(2, WR, start=2 * n, length=1), GOT, f"lock {n}")
        fails(errno.ENOLCK, s.lock, 2, WR, start=2 * most, length=1)
        fails(errno.ENOLCK, s.lock, 2, RD, start=2 * most, length=1, proc=2)
        with env.session(where=env.limited_socket) as other:
            open_at(other, path, 2)
            equal(other.lock(2, WR, start=1, length=1), GOT, "another session")
        s.lock(2, UN, start=0, length=1)
        equal(s.lock(2, WR, start=2 * most, length=1), GOT, "after an unlock")
        s.lock(2, UN)
        # Holes in one large lock count as well
        s.lock(2, WR)
        for n in range(1, most):
            s.lock(2, UN, start=2 * n, length=1)
        fails(errno.ENOLCK, s.lock, 2, UN, start=2 * most, length=1)
        s.clunk(2)
        equal(env.held(s).get("locks", 0), 0, "locks that are left")
        check(host_takes(path + "/file"), "a lock outlives its fid")


class Model:
    """Who holds each byte how, as POSIX says."""

    def __init__(self, size):
        self.bytes = [{} for _ in range(size)]

    def lock(self, owner, kind, start, end):
        part = self.bytes[start:end]
        if kind != UN and any(o != owner and WR in (kind, k)
                              for held in part for o, k in held.items()):
            return BLOCKED
        for held in part:
            held.pop(owner, None)
            if kind != UN:
                held[owner] = kind
        return GOT


@test("random locks of several owners come out as POSIX says")
def random_locks(env):
    rng = random.Random(1)
    size = 40
    with env.dir() as (s, path), env.session() as other:
        put(path + "/file")
        before = env.held(s)
        fids = {s: (2, 3), other: (2, 3)}
        for who, some in fids.items():
            open_at(who, path, *some)
        model = Model(size)
        for step in range(1500):
            who = rng.choice((s, other))
            proc = rng.randrange(3)
            kind = rng.choice((RD, WR, UN))
            start = rng.randrange(size)
            end = rng.randrange(start + 1, size + 1)
            want = model.lock((who is s, proc), kind, start, end)
            equal(who.lock(rng.choice(fids[who]), kind, start=start,
                           length=end - start, proc=proc), want,
                  f"step {step}: {kind} {start}-{end} of {proc}")
        for n, held in enumerate(model.bytes):
            got = who.getlock(2, WR, start=n, length=1, proc=99).type
            equal(got, UN if not held else max(held.values()), f"byte {n}")
        for fid in 2, 3:
            s.clunk(fid)
            other.clunk(fid)
        check(host_takes(path + "/file"), "locks are left")
        equal(env.held(s), before, "what the session holds")


@test("a session that ends in the middle of locking leaves none")
def dropped(env):
    for _ in range(10):
        with env.dir() as (s, path):
            put(path + "/file")
            open_at(s, path, 2)
            s.send_bytes(b"".join(
                p9raw.frame(p9raw.lock(2, WR, start=2 * n, length=1, proc=n), n)
                for n in range(100)))
            s.close()
            until("locks are left", lambda p=path: host_takes(p + "/file"))


def block(proc, kind=WR, **kw):
    """A lock that is waited for."""
    return p9raw.lock(2, kind, proc=proc, flags=BLOCK, **kw)


def expect_lock(s, tag, wanted, what):
    """The next reply has to be that to the Tlock with a tag."""
    kind, got, body = s.receive()
    equal((kind, got, body), (p9raw.TLOCK + 1, tag, bytes([wanted])), what)


def silent(s, seconds):
    """Whether nothing comes for a while."""
    return not select.select([s.sock], [], [], seconds)[0]


def shortest(function, count=5):
    """Seconds that it takes if nothing else holds this machine up."""
    took = []
    for _ in range(count):
        start = time.monotonic()
        function()
        took.append(time.monotonic() - start)
    return min(took)


@test("a lock that is freed while it is waited for is had then")
def freed(env):
    with env.dir() as (s, path), env.session() as other, open_host(path) as f:
        before = env.held(s)
        open_at(s, path, 2, 3)
        open_at(other, path, 2)
        for who, take, free in (
                ("the client", lambda: s.lock(3, WR), lambda: s.send(
                    p9raw.lock(3, UN), 8)),
                ("another session", lambda: other.lock(2, WR),
                 lambda: other.lock(2, UN)),
                ("the host", lambda: fcntl.lockf(f, fcntl.LOCK_EX),
                 lambda: fcntl.lockf(f, fcntl.LOCK_UN))):
            take()
            s.send(block(7), 7)
            check(silent(s, 0.2), f"no wait for {who}")
            # Others are served meanwhile, on the same connection too
            s.send(p9raw.getattr_(0), 9)
            equal(s.receive()[1], 9, "who is first")
            free()
            got = {}
            for _ in range(2 if who == "the client" else 1):
                kind, tag, body = s.receive()
                got[tag] = kind, body
            equal(got[7], (p9raw.TLOCK + 1, bytes([GOT])), f"freed by {who}")
            s.lock(2, UN, proc=7)
        for fid in 2, 3:
            s.clunk(fid)
        equal(env.held(s), before, "what the session holds")
        check(host_takes(path + "/file"), "a lock is left")


@test("a lock that is not freed is not waited for long, nor without need")
def not_freed(env):
    with env.dir() as (s, path), open_host(path) as f:
        open_at(s, path, 2)
        fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
        start = time.monotonic()
        equal(s.lock(2, WR, flags=BLOCK), BLOCKED, "a lock that is held")
        took = time.monotonic() - start
        check(0.5 < took < 10, f"an answer after {took:.2f} s")
        took = shortest(lambda: equal(s.lock(2, WR), BLOCKED, "no wait asked for"))
        check(took < 0.5, f"a wait of {took:.2f} s that was not asked for")
        took = shortest(lambda: equal(s.lock(2, WR, start=10, flags=BLOCK), GOT,
                                      "nothing in the way"))
        check(took < 0.5, f"a wait of {took:.2f} s for nothing")
        # What is in the way becomes less, which does not make the wait longer
        s.send(block(1), 1)
        for n in range(9):
            fcntl.lockf(f, fcntl.LOCK_UN, 1, n)
            time.sleep(0.15)
        check(not silent(s, 0.3), "the wait began anew")
        expect_lock(s, 1, BLOCKED, "a lock that is still held")


@test("a Tflush ends the wait for a lock")
def flushed(env):
    with env.dir() as (s, path), open_host(path) as f:
        open_at(s, path, 2)
        fcntl.lockf(f, fcntl.LOCK_EX)

        def flush(tag=7):
            s.send(block(1), tag)
            s.send(p9raw.getattr_(0), 1)
            equal(s.receive()[1], 1, "who is first")
            s.send(p9raw.flush(tag), 8)
            expect_lock(s, tag, BLOCKED, "the lock that was flushed")
            equal(s.receive()[:2], (p9raw.TFLUSH + 1, 8), "Rflush")

        took = shortest(flush)
        check(took < 0.5, f"flushed after {took:.2f} s")
        # Both in one go, so that there may be no wait yet
        for _ in range(20):
            s.send_bytes(p9raw.frame(block(1), 7) +
                         p9raw.frame(p9raw.flush(7), 8))
            expect_lock(s, 7, BLOCKED, "the lock that was flushed")
            equal(s.receive()[:2], (p9raw.TFLUSH + 1, 8), "Rflush")
        fcntl.lockf(f, fcntl.LOCK_UN)
        check(host_takes(path + "/file"), "what was flushed has the lock")
        equal(s.lock(2, WR, flags=BLOCK), GOT, "once more")


@test("a Tversion ends the wait for a lock, and so does the end of the session")
def ended(env):
    with env.dir() as (s, path), open_host(path) as f:
        fcntl.lockf(f, fcntl.LOCK_EX)

        def start_anew():
            open_at(s, path, 2)
            s.send(block(1), 7)
            check(silent(s, 0.05), "no wait")
            s.send(p9raw.version(65536), p9raw.NOTAG)
            expect_lock(s, 7, BLOCKED, "before Rversion")
            equal(s.receive()[0], p9raw.TVERSION + 1, "Rversion")
            s.attach(0)

        s.version()
        s.attach(0)
        took = shortest(start_anew)
        check(took < 0.7, f"a new start after {took:.2f} s")

        def close():
            with env.session() as other:
                open_at(other, path, 2)
                for n in range(4):
                    other.send(block(n), n)
                check(silent(other, 0.05), "no wait")
            until("the session is left", lambda: other.stats not in env.sessions())

        took = shortest(close)
        check(took < 0.9, f"closed after {took:.2f} s")
        fcntl.lockf(f, fcntl.LOCK_UN)
        # Its threads may be about to end: one that is woken just now has the lock until then
        until("a session that is over lets go of the lock", lambda: host_takes(path + "/file"))


@test("only some wait for a lock, and those that do hold nobody up")
def waiters_limited(env):
    with env.dir() as (s, path), open_host(path) as f:
        open_at(s, path, 2)
        fcntl.lockf(f, fcntl.LOCK_EX)
        s.send_bytes(b"".join(p9raw.frame(block(n, RD), n) for n in range(20)))
        # Half of the threads wait; the rest is told at once
        early = []
        while len(early) < 12:
            kind, tag, body = s.receive()
            equal((kind, body), (p9raw.TLOCK + 1, bytes([BLOCKED])), "at once")
            early.append(tag)
        s.send(p9raw.getattr_(0), 100)
        equal(s.receive()[1], 100, "a request besides")
        fcntl.lockf(f, fcntl.LOCK_UN)
        for _ in range(8):
            kind, tag, body = s.receive()
            equal((kind, body), (p9raw.TLOCK + 1, bytes([GOT])), f"lock {tag}")
            check(tag not in early, "a second answer")
        check(host_takes(path + "/file", fcntl.LOCK_SH), "others may read")


@test("where a waiting request would hold up others, none waits")
def no_room_to_wait(env):
    with env.aside() as path, open_host(path) as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        for option in "max_threads=1", "max_requests=1", "max_buffered=60000":
            with env.served(path, options=option) as s:
                s.walk(0, 2, "file")
                s.lopen(2, RW)
                took = shortest(lambda s=s: equal(
                    s.lock(2, WR, flags=BLOCK), BLOCKED, "a lock that is held"))
                check(took < 0.5, f"{option}: a wait of {took:.2f} s")


@test("who waits for each other is told to ask again")
def each_other(env):
    with env.dir() as (s, path):
        put(path + "/file")
        open_at(s, path, 2)
        for proc in 1, 2:
            equal(s.lock(2, WR, start=proc, length=1, proc=proc), GOT, "its own")
        s.send(block(1, start=2, length=1), 1)
        check(silent(s, 0.1), "no wait")
        s.send(block(2, start=1, length=1), 2)
        expect_lock(s, 2, BLOCKED, "the second")
        s.send(p9raw.lock(2, UN, proc=2), 3)
        got = dict((s.receive()[1:] for _ in range(2)))
        equal(got, {1: bytes([GOT]), 3: bytes([GOT])}, "once one gives in")
        s.clunk(2)
        check(host_takes(path + "/file"), "a lock is left")


@test("random locks that are waited for come out as POSIX says")
def random_waits(env):
    """Each byte is written by who has it locked, so nobody may see another's."""
    with env.dir() as (s, path), contextlib.ExitStack() as stack:
        put(path + "/file", bytes(8))
        before = env.held(s)
        wires = [p9raw.Mux(stack.enter_context(env.session()), 65536)
                 for _ in range(2)]
        failures = []

        def work(calls, n):
            try:
                rng = random.Random(n)
                calls.walk(0, n, os.path.basename(path), "file")
                calls.lopen(n, RW)
                for _ in range(40):
                    at = rng.randrange(8)
                    while calls.lock(n, WR, start=at, length=1, proc=n,
                                     flags=BLOCK) != GOT:
                        pass
                    equal(calls.read(n, at, 1), b"\0", "somebody else is here")
                    calls.write(n, at, bytes([n]))
                    equal(calls.read(n, at, 1), bytes([n]), "somebody came in")
                    calls.write(n, at, b"\0")
                    calls.lock(n, UN, start=at, length=1, proc=n)
                calls.clunk(n)
            except Exception as err:  # pylint: disable=broad-except
                failures.append(err)

        threads = [threading.Thread(target=work, args=(wires[n % 2].thread(), n))
                   for n in range(10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(failures, [], "failures")
        check(host_takes(path + "/file"), "a lock is left")
        equal(env.held(s), before, "what the session holds")


@test("directories and unlinked files can be locked too")
def other_files(env):
    with env.dir() as (s, path):
        put(path + "/file")
        open_at(s, path, 2)
        os.unlink(path + "/file")
        equal(s.lock(2, WR), GOT, "an unlinked file")
        s.lopen(1)
        equal(s.lock(1, RD), GOT, "a directory")
        equal(call(s, p9raw.lock(1, WR)), errno.EBADF, "a directory to write")
        fails(errno.EINVAL, s.call,
              (p9raw.TLOCK, p9raw.lock(2, WR)[1] + struct.pack("<B", 0)))
