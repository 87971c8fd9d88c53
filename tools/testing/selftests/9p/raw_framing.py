# SPDX-License-Identifier: GPL-2.0
"""Versions, frames, bodies, tags: what comes before any file."""
import errno
import random
import struct

import p9raw
from harness import Failed, check, equal, one_of, test
from p9raw import P9Error

MAX_MSIZE = (1 << 20) + 24
MIN_MSIZE = 4096


def fails(code, function, *args, **kw):
    """Calls @function, which must be answered with errno @code (or one of)."""
    codes = code if isinstance(code, tuple) else (code,)
    try:
        got = function(*args, **kw)
    except P9Error as err:
        if err.errno not in codes:
            names = " or ".join(errno.errorcode[c] for c in codes)
            raise Failed(f"{function.__name__}{args}: {err} instead of "
                         f"{names}") from None
        return err.errno
    raise Failed(f"{function.__name__}{args}: succeeded with {got!r}")


def call(s, request):
    """Sends a request; returns 0 or the errno of its Rlerror."""
    try:
        s.call(request)
    except P9Error as err:
        return err.errno
    return 0


def requests(fid=0):
    """A well-formed request of each type about @fid, which has no file."""
    return [
        p9raw.statfs(fid), p9raw.lopen(fid), p9raw.lcreate(fid, "x"),
        p9raw.symlink(fid, "x", "y"), p9raw.mknod(fid, "x", 0o100644),
        p9raw.rename(fid, fid, "x"), p9raw.readlink(fid),
        p9raw.getattr_(fid), p9raw.setattr_(fid, 0), p9raw.readdir(fid, 0, 99),
        p9raw.fsync(fid), p9raw.link(fid, fid, "x"), p9raw.mkdir(fid, "x"),
        p9raw.renameat(fid, "x", fid, "y"), p9raw.unlinkat(fid, "x"),
        p9raw.walk(fid, 99, ["x"]), p9raw.read(fid, 0, 99),
        p9raw.write(fid, 0, b"data"), p9raw.clunk(fid), p9raw.remove(fid),
        p9raw.xattrwalk(fid, 98, "user.x"),
        p9raw.xattrcreate(fid, "user.x", 1), p9raw.lock(fid, 0),
        p9raw.getlock(fid, 0),
    ]


@test("the version 9P2000.L is agreed on")
def version_known(env):
    with env.session(attach=False) as s:
        equal(s.version(8192), (8192, b"9P2000.L"), "Rversion")


@test("a version that the server lacks is answered with 'unknown'")
def version_unknown(env):
    with env.session(attach=False) as s:
        for name in "9P2000.X", "9P", "", "9P2000.LL", "X" * 300:
            equal(s.version(8192, name)[1], b"unknown", name)
        check(call(s, p9raw.attach(0)), "Tattach works without a version")
        equal(s.version(8192)[1], b"9P2000.L", "a good version later")
        s.attach(0)


@test("an msize that is too large is negotiated down")
def msize_large(env):
    for msize in MAX_MSIZE + 1, 1 << 31, 0xffffffff:
        with env.session(attach=False) as s:
            got, _ = s.version(msize)
            check(MIN_MSIZE <= got <= MAX_MSIZE, f"msize {msize} became {got}")
            s.attach(0)


@test("an msize below 4096 is refused, and the session goes on")
def msize_small(env):
    for msize in 0, 7, 23, MIN_MSIZE - 1:
        with env.session(attach=False) as s:
            check(call(s, p9raw.version(msize)), f"msize {msize} is taken")
            equal(s.version(MIN_MSIZE)[0], MIN_MSIZE, "msize")
            s.attach(0)


@test("a request before Tversion is refused, and the session goes on")
def before_version(env):
    s = p9raw.Session(p9raw.connect(env.socket, env.timeout))
    for request in [p9raw.attach(0)] + requests():
        check(call(s, request), f"type {request[0]} works without Tversion")
    s.version()
    s.attach(0)
    s.close()


@test("Tauth is answered with ENOENT: no authentication is needed")
def no_auth(env):
    with env.session() as s:
        for aname in "", "/", "x" * 1000:
            fails(errno.ENOENT, s.call, p9raw.auth(7, "root", aname, 0))
        fails(errno.EBADF, s.getattr, 7)
        kind, body = p9raw.auth(7, "root", "")
        for bad in b"", body[:-1], body[:4], body + b"\0":
            fails(errno.EINVAL, s.call, (kind, bad))
        s.attach(7)


@test("Tversion in mid-session clunks all fids")
def version_again(env):
    with env.dir() as (s, _):
        s.lcreate(1, "file")
        s.version()
        for fid in 0, 1:
            fails(errno.EBADF, s.getattr, fid)
        s.attach(1)
        equal(s.getattr(1).qid, s.attach(2), "the new fid")


@test("a body that is shorter than its type needs gives EINVAL")
def body_short(env):
    with env.session() as s:
        others = [p9raw.attach(5), p9raw.flush(9), p9raw.version(8192)]
        for kind, body in requests() + others:
            if call(s, (kind, body)) == errno.EOPNOTSUPP:
                continue
            for cut in 1, len(body) // 2, len(body):
                equal(call(s, (kind, body[:len(body) - cut])), errno.EINVAL,
                      f"type {kind}, {cut} bytes short")
            s.version()
            s.attach(0)


@test("a body that is longer than its type needs gives EINVAL")
def body_long(env):
    with env.session() as s:
        others = [p9raw.attach(5), p9raw.flush(9), p9raw.version(8192)]
        for kind, body in requests() + others:
            if call(s, (kind, body)) == errno.EOPNOTSUPP:
                continue
            s.version()
            s.attach(0)
            for extra in b"\0", b"12345678":
                equal(call(s, (kind, body + extra)), errno.EINVAL,
                      f"type {kind}, {len(extra)} bytes too many")
            s.getattr(0)


@test("a length inside a message that points beyond its end gives EINVAL")
def inner_lengths(env):
    with env.dir() as (s, _):
        for length in 5, 0xff, 0x7fff, 0xffff:
            bad = struct.pack("<H", length) + b"name"
            tail = struct.pack("<II", 0, 0)
            equal(call(s, (p9raw.TMKDIR, struct.pack("<I", 1) + bad)),
                  errno.EINVAL, f"a name of {length}")
            equal(call(s, (p9raw.TWALK, struct.pack("<IIH", 1, 7, 1) + bad)),
                  errno.EINVAL, f"a walk to a name of {length}")
            if length > 12:
                equal(call(s, (p9raw.TMKDIR,
                               struct.pack("<I", 1) + bad + tail)),
                      errno.EINVAL, f"a name of {length} with a tail")
        for count in 2, 16, 17, 0xffff:
            one = struct.pack("<IIH", 1, 7, count) + p9raw.text("x")
            equal(call(s, (p9raw.TWALK, one)), errno.EINVAL,
                  f"a walk of {count} names that has one")
        s.lcreate(1, "file")
        for count in 5, 65536, 0xffffffff:
            equal(call(s, (p9raw.TWRITE,
                           struct.pack("<IQI", 1, 0, count) + b"four")),
                  errno.EINVAL, f"a write of {count} bytes that has four")
        equal(s.getattr(1).size, 0, "size of what nothing was written to")


@test("an unknown type gives EOPNOTSUPP, and the session goes on")
def unknown_type(env):
    known = {r[0] for r in requests()}
    known |= {p9raw.TVERSION, p9raw.TAUTH, p9raw.TATTACH, p9raw.TFLUSH}
    with env.session() as s:
        for kind in range(256):
            if kind in known:
                continue
            s.send((kind, b"\0" * 20), 7)
            answer, tag, body = s.receive()
            equal((answer, tag), (p9raw.RLERROR, 7), f"answer to type {kind}")
            equal(struct.unpack("<I", body)[0], errno.EOPNOTSUPP,
                  f"type {kind}")
        s.getattr(0)


@test("a size that no message has closes that session, and no other")
def frame_size(env):
    with env.session() as witness:
        for size in list(range(7)) + [8193, 1 << 20, 1 << 31, 0xffffffff]:
            wire = p9raw.Session(p9raw.connect(env.socket, env.timeout))
            wire.version(8192)
            wire.send(p9raw.attach(0), 1, size=size)
            wire.wait_closed()
            wire.close()
            witness.getattr(0)


@test("the largest message of the msize passes, one byte more closes")
def frame_limit(env):
    with env.dir(msize=8192) as (s, _):
        s.lcreate(1, "file")
        header = p9raw.HEADER + 16
        equal(s.write(1, 0, b"x" * (8192 - header)), 8192 - header, "written")
        s.send(p9raw.write(1, 0, b"x" * (8193 - header)))
        s.wait_closed()
    env.alive()


@test("a size of 7 or more before Tversion is bounded too")
def frame_unversioned(env):
    for size in 6, (1 << 20) + 1024, 0xffffffff:
        wire = env.wire()
        wire.send(p9raw.version(8192), p9raw.NOTAG, size=size)
        wire.wait_closed()
        wire.close()
    env.alive()


@test("a message may come byte by byte")
def bytewise(env):
    with env.session() as s:
        for byte in p9raw.frame(p9raw.getattr_(0), 77):
            s.send_bytes(bytes([byte]))
        kind, tag, _ = s.receive()
        equal((kind, tag), (p9raw.TGETATTR + 1, 77), "answer")


@test("many messages may come at once")
def many_at_once(env):
    with env.session() as s:
        for _ in range(20):
            for got in s.pipeline([p9raw.getattr_(0)] * 100):
                check(isinstance(got, bytes), got)


@test("a connection that ends within a message leaves nothing behind")
def cut_off(env):
    whole = p9raw.frame(p9raw.getattr_(0), 1)
    for cut in 1, 6, 7, 8, len(whole) - 1:
        with env.session() as s:
            s.send_bytes(whole[:cut])
    for _ in range(20):
        env.wire().close()
    env.alive()


@test("Tflush of a tag that is not in use is answered")
def flush_unknown(env):
    with env.session() as s:
        for tag in 0, 1, 1234, 0xfffe, p9raw.NOTAG:
            s.flush(tag)
        s.send(p9raw.flush(5), 5)
        equal(s.receive(), (p9raw.TFLUSH + 1, 5, b""), "flush of itself")


@test("Tflush of a running request is answered after that, or instead")
def flush_known(env):
    with env.dir(msize=MAX_MSIZE) as (s, _):
        s.lcreate(1, "file")
        s.write_all(1, b"x" * 300000)
        s.walk(1, 2)
        for _ in range(100):
            s.send_bytes(p9raw.frame(p9raw.read(1, 0, 300000), 1) +
                         p9raw.frame(p9raw.flush(1), 2))
            kind, tag, _ = s.receive()
            if tag == 1:
                one_of(kind, (p9raw.TREAD + 1, p9raw.RLERROR), "type")
                kind, tag, _ = s.receive()
            equal((kind, tag), (p9raw.TFLUSH + 1, 2), "the flush's answer")
            # The tag is free: an answer to the flushed one would show here
            s.send(p9raw.getattr_(2), 1)
            kind, tag, _ = s.receive()
            equal((kind, tag), (p9raw.TGETATTR + 1, 1), "the tag's next use")


@test("Tflushes that flush each other are all answered")
def flush_chain(env):
    with env.dir() as (s, _):
        s.lcreate(1, "file")
        for _ in range(50):
            s.send_bytes(b"".join([
                p9raw.frame(p9raw.fsync(1), 1), p9raw.frame(p9raw.flush(1), 2),
                p9raw.frame(p9raw.flush(2), 3), p9raw.frame(p9raw.flush(4), 5),
                p9raw.frame(p9raw.flush(5), 4)]))
            left = {2, 3, 4, 5}
            while left:
                kind, tag, _ = s.receive()
                if tag != 1:
                    equal(kind, p9raw.TFLUSH + 1, f"answer to tag {tag}")
                    left.remove(tag)
            # Whether the fsync was answered is known by the next answer
            s.send(p9raw.getattr_(1), 9)
            while s.receive()[1] != 9:
                pass


@test("a tag that is in use twice ends that session at most")
def duplicate_tag(env):
    for _ in range(20):
        with env.dir(msize=MAX_MSIZE) as (s, _):
            s.lcreate(1, "file")
            s.write_all(1, b"x" * 500000)
            one = p9raw.frame(p9raw.read(1, 0, 500000), 3)
            try:
                s.send_bytes(one * 4)
                for _ in range(4):
                    kind, tag, _ = s.receive()
                    equal(tag, 3, "tag")
                    one_of(kind, (p9raw.TREAD + 1, p9raw.RLERROR), "type")
            except p9raw.ProtocolError as err:
                check("closed" in str(err) or isinstance(err, p9raw.Closed),
                      err)
    env.alive()


@test("requests of random bytes are answered, and the server goes on")
def random_bodies(env):
    rng = random.Random(9)
    kinds = [r[0] for r in requests() if r[0] != p9raw.TLOCK]
    with env.dir() as (s, _):
        for _ in range(1500):
            kind = rng.choice(kinds + [rng.randrange(256)])
            if kind == p9raw.TLOCK:
                continue
            # Fids that exist at times, but none that is not in the test's
            body = struct.pack("<I", rng.choice([1, 2, 3, 77]))
            body += bytes(rng.choice([0, 0, 0, 1, 2, 4, 65, 255])
                          for _ in range(rng.randrange(60)))
            if kind in (p9raw.TVERSION, p9raw.TFLUSH, p9raw.TATTACH):
                continue
            s.send((kind, body), 3)
            answer, tag, _ = s.receive()
            equal(tag, 3, "tag")
            one_of(answer, (kind + 1, p9raw.RLERROR), f"answer to {kind}")
            if kind in (p9raw.TCLUNK, p9raw.TREMOVE) or rng.random() < .1:
                call(s, p9raw.walk(0, rng.choice([1, 2, 3]), [s.top]))
    env.alive()
