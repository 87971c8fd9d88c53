# SPDX-License-Identifier: GPL-2.0
"""Fids, walks, names, and everything that may lead out of the export."""
import contextlib
import ctypes
import errno
import os
import stat
import subprocess
import threading
import time

import p9raw
from harness import Skip, check, equal, one_of, test
from p9raw import P9Error
from raw_framing import call, fails, requests

BAD_NAMES = ["a/b", "/", "/etc", "a/", b"a\0b", b"\0", "", "."]
LONG_NAME = "x" * 256
RENAME_EXCHANGE = 2
REFUSED = (errno.EINVAL, errno.ENOENT, errno.EEXIST, errno.EISDIR,
           errno.EBUSY, errno.ENOTEMPTY, errno.ENOTDIR, errno.EPERM,
           errno.ENOTSUP)


def exchange(one, other):
    """Puts each of two paths where the other is, at once."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other),
                      RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


def tree(path):
    """All names below a directory."""
    return sorted(os.path.join(top, name)
                  for top, dirs, files in os.walk(path)
                  for name in dirs + files)


def put(path, data=b""):
    with open(path, "wb") as f:
        f.write(data)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def with_name(name):
    """Each request with @name in its place; fid 1 a directory, 2 a file."""
    return [
        p9raw.walk(1, 50, [name]), p9raw.lcreate(9, name),
        p9raw.mkdir(1, name), p9raw.symlink(1, name, "target"),
        p9raw.mknod(1, name, stat.S_IFREG | 0o644),
        p9raw.link(1, 2, name), p9raw.rename(2, 1, name),
        p9raw.renameat(1, "file", 1, name),
        p9raw.renameat(1, name, 1, "other"), p9raw.unlinkat(1, name),
        p9raw.unlinkat(1, name, p9raw.AT_REMOVEDIR),
    ]


@test("a fid that does not exist gives EBADF, whatever is asked of it")
def fid_unknown(env):
    with env.session() as s:
        for kind, body in requests(fid=4321):
            code = call(s, (kind, body))
            if code != errno.EOPNOTSUPP:
                equal(code, errno.EBADF, f"type {kind}")
        s.getattr(0)


@test("a second fid that does not exist gives EBADF")
def second_fid_unknown(env):
    with env.dir() as (s, path):
        put(path + "/file")
        s.walk(1, 2, "file")
        for request in [p9raw.link(1, 4321, "x"), p9raw.rename(2, 4321, "x"),
                        p9raw.renameat(1, "file", 4321, "x")]:
            equal(call(s, request), errno.EBADF, f"type {request[0]}")
        equal(os.listdir(path), ["file"], "directory")


@test("a newfid that is in use is refused and stays what it is")
def newfid_in_use(env):
    with env.dir() as (s, path):
        put(path + "/file")
        s.walk(1, 2, "file")
        before = s.getattr(2)
        check(call(s, p9raw.walk(1, 2)), "walk to a fid in use")
        check(call(s, p9raw.walk(1, 2, ["file"])), "walk to a fid in use")
        check(call(s, p9raw.attach(2)), "attach to a fid in use")
        equal(s.getattr(2), before, "the fid in use")
        code = call(s, p9raw.xattrwalk(1, 2, ""))
        check(code, "xattrwalk to a fid in use")
        equal(s.getattr(2), before, "the fid in use")


@test("NOFID is no fid")
def nofid(env):
    with env.session() as s:
        check(call(s, p9raw.attach(p9raw.NOFID)), "attach to NOFID")
        check(call(s, p9raw.walk(0, p9raw.NOFID)), "walk to NOFID")
        equal(call(s, p9raw.getattr_(p9raw.NOFID)), errno.EBADF, "getattr")


@test("attach takes no name of another tree and needs no afid")
def attach_names(env):
    with env.session() as s:
        root = s.getattr(0).qid
        for n, aname in enumerate(["/etc", "..", "../..", "x" * 5000], 10):
            try:
                equal(s.attach(n, aname=aname), root, f"aname {aname}")
            except P9Error:
                pass
        check(call(s, p9raw.attach(20, afid=0)), "attach by an afid")
        for n, aname in enumerate(["", "/"], 30):
            equal(s.attach(n, aname=aname, uname="root"), root, "root")


@test("clone: a walk without names gives a second fid for the same file")
def walk_clone(env):
    with env.dir() as (s, path):
        equal(s.walk(1, 2), [], "qids")
        s.mkdir(2, "made")
        check(os.path.isdir(path + "/made"), "nothing was made")
        s.clunk(2)
        s.getattr(1)
        equal(s.walk(1, 1), [], "a walk of a fid to itself")
        s.getattr(1)


@test("walk in place moves the fid; one that fails leaves it where it was")
def walk_in_place(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/a/b")
        at = s.getattr(1).qid
        fails(errno.ENOENT, s.walk, 1, 1, "nothing")
        equal(s.getattr(1).qid, at, "fid after a failed walk")
        equal(len(s.walk(1, 1, "a", "nothing")), 1, "qids")
        equal(s.getattr(1).qid, at, "fid after a partial walk")
        there = s.walk(1, 1, "a", "b")[-1]
        equal(s.getattr(1).qid, there, "fid after the walk")
        s.mkdir(1, "made")
        check(os.path.isdir(path + "/a/b/made"), "the fid is elsewhere")


@test("a partial walk gives the qids so far and makes no fid")
def walk_partial(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/a/b")
        put(path + "/a/file")
        for names, count in [(["a", "b", "c"], 2), (["a", "x", "b"], 1),
                             (["a", "file", "x"], 2)]:
            qids = s.walk(1, 5, *names)
            equal(len(qids), count, f"qids of {names}")
            fails(errno.EBADF, s.getattr, 5)
        fails(errno.ENOENT, s.walk, 1, 5, "x", "a")
        fails(errno.EBADF, s.getattr, 5)


@test("a walk through what is no directory gives ENOTDIR")
def walk_through_file(env):
    with env.dir() as (s, path):
        put(path + "/file")
        s.walk(1, 2, "file")
        for name in "x", "..":
            fails((errno.ENOTDIR, errno.ENOENT), s.walk, 2, 3, name)
        equal(len(s.walk(1, 3, "file", "..")), 1, "qids")


@test("16 names in a walk pass, 17 do not")
def walk_sixteen(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/d" * 16)
        qids = s.walk(1, 2, *["d"] * 16)
        equal(len(qids), 16, "qids")
        equal(len(set(qids)), 16, "different qids")
        equal(s.getattr(2).qid, qids[-1], "the fid")
        fails(errno.EINVAL, s.walk, 1, 3, *["d"] * 17)
        fails(errno.EBADF, s.getattr, 3)


@test("'..' at the root of the export stays there, however often")
def dotdot_root(env):
    with env.dir() as (s, _):
        root = s.getattr(0)
        for count in 1, 2, 16:
            equal(s.walk(0, 10, *[".."] * count), [root.qid] * count, "qids")
            equal(s.getattr(10).qid, root.qid, "fid")
            s.clunk(10)
        equal(s.walk(1, 11, *[".."] * 16)[-1], root.qid, "from below")
        equal(s.walk(0, 12, "..", s.top)[-1], s.getattr(1).qid, "and down")


@test("'..' from far below gets to the root and no further")
def dotdot_deep(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/d" * 40)
        s.walk(1, 2, *["d"] * 16)
        s.walk(2, 2, *["d"] * 16)
        s.walk(2, 2, *["d"] * 8)
        for _ in range(10):
            s.walk(2, 2, *[".."] * 16)
        equal(s.getattr(2).qid, s.getattr(0).qid, "where '..' ends")


@test("a directory that was moved out of the export does not lead out by '..'")
def dotdot_moved(env):
    with env.outside() as outside, env.dir() as (s, path):
        os.makedirs(path + "/a/b")
        s.walk(1, 2, "a", "b")
        root = s.getattr(0).qid
        inside = {s.getattr(1).qid, root, s.getattr(2).qid}
        try:
            os.rename(path + "/a", outside + "/a")
        except OSError as err:
            raise Skip(f"cannot move out of the export: {err}") from None
        for names in [".."], ["..", ".."], ["..", "..", ".."], \
                ["..", "..", "secret"]:
            try:
                got = s.walk(2, 3, *names)
            except P9Error:
                continue
            check(set(got) <= inside | {s.getattr(2).qid} and
                  len(got) < len(names) or set(got) <= {root},
                  f"walk {names} gave {got}")
            call(s, p9raw.clunk(3))
        fails(REFUSED, s.unlinkat, 2, "..", p9raw.AT_REMOVEDIR)
        check(os.path.exists(outside + "/secret"), "the secret is gone")


@contextlib.contextmanager
def mounted(path):
    """A small filesystem of its own, with a directory and a file in it."""
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=1m", "p9raw",
                        path]):
        raise Skip("nothing can be mounted here")
    try:
        os.mkdir(path + "/dir")
        put(path + "/file", b"inside")
        yield
    finally:
        subprocess.call(["umount", "-l", path])


@test("a filesystem mounted in the export is walked into and out of")
def mount_walk(env):
    with env.dir() as (s, path):
        os.mkdir(path + "/mnt")
        under = s.walk(1, 2, "mnt")[0]
        with mounted(path + "/mnt"):
            qids = s.walk(1, 3, "mnt", "dir", "..", "..", "mnt", "file")
            equal(len(qids), 6, "qids")
            check(qids[0] != under, "the walk went below the mount")
            equal(qids[0], qids[2], "back to the root of the mount")
            equal(qids[3], s.getattr(1).qid, "back out of the mount")
            s.lopen(3)
            equal(s.read(3, 0, 9), b"inside", "data")
            s.clunk(3)


@test("files of two filesystems in one export have different qids")
def mount_qids(env):
    with env.dir() as (s, path):
        numbers = set()
        dirs = [f"{path}/{n}" for n in range(3)]
        with contextlib.ExitStack() as stack:
            for name in dirs:
                os.mkdir(name)
                stack.enter_context(mounted(name))
                same = os.stat(name + "/file").st_ino
                numbers.add(same)
            if len(numbers) > 1:
                raise Skip("no inode number came up twice")
            qids = {s.walk(1, 10 + n, str(n), "file")[1].path
                    for n in range(3)}
            for n in range(3):
                s.clunk(10 + n)
            equal(len(qids), 3, "different qid.path")


@test("nothing is renamed or linked across mounts, and no mount is removed")
def mount_borders(env):
    with env.dir() as (s, path):
        os.mkdir(path + "/mnt")
        put(path + "/file", b"outside")
        with mounted(path + "/mnt"):
            s.walk(1, 2, "mnt")
            s.walk(1, 3, "file")
            s.walk(1, 4, "mnt")
            fails(errno.EXDEV, s.renameat, 1, "file", 2, "x")
            fails(errno.EXDEV, s.renameat, 2, "file", 1, "x")
            fails(errno.EXDEV, s.rename, 3, 2, "x")
            fails(errno.EXDEV, s.link, 2, 3, "x")
            fails(errno.EBUSY, s.unlinkat, 1, "mnt", p9raw.AT_REMOVEDIR)
            fails((errno.EBUSY, errno.EXDEV), s.renameat, 1, "mnt", 1, "x")
            fails((errno.EBUSY, errno.EXDEV), s.rename, 4, 1, "x")
            fails(errno.EBUSY, s.remove, 4)
            equal(get(path + "/mnt/file"), b"inside", "file in the mount")
            s.clunk(2)


@test("names with '/' or NUL, empty ones and '.' are refused everywhere")
def names_bad(env):
    with env.dir() as (s, path):
        os.mkdir(path + "/a")
        put(path + "/a/b")
        put(path + "/file")
        s.walk(1, 2, "file")
        before = tree(path), sorted(os.listdir(env.export))
        for name in BAD_NAMES:
            for request in with_name(name):
                s.walk(1, 9)
                code = call(s, request)
                one_of(code, REFUSED, f"type {request[0]}, name {name!r}")
                equal(tree(path), before[0], f"tree after {request[0]}, {name!r}")
                s.clunk(9)
                check(call(s, p9raw.clunk(50)), "a bad walk made a fid")
        equal(sorted(os.listdir(env.export)), before[1], "export")


@test("'..' is no name to make, rename or remove")
def names_dotdot(env):
    with env.dir() as (s, path):
        put(path + "/file")
        s.walk(1, 2, "file")
        before = tree(path), sorted(os.listdir(env.export))
        for request in with_name("..")[1:]:
            s.walk(1, 9)
            one_of(call(s, request), REFUSED, f"type {request[0]}")
            s.clunk(9)
            equal(tree(path), before[0], f"tree after type {request[0]}")
        equal(sorted(os.listdir(env.export)), before[1], "export")


@test("a name of 255 bytes is good, one of 256 gives ENAMETOOLONG")
def names_long(env):
    with env.dir() as (s, path):
        put(path + "/file")
        s.walk(1, 2, "file")
        for name in LONG_NAME, "y" * 4096:
            for request in with_name(name):
                s.walk(1, 9)
                equal(call(s, request), errno.ENAMETOOLONG,
                      f"type {request[0]}, {len(name)} bytes")
                s.clunk(9)
        s.mkdir(1, "x" * 255)
        s.walk(1, 3, "x" * 255)
        equal(sorted(os.listdir(path)), ["file", "x" * 255], "directory")


@test("names of any other bytes are kept as they are")
def names_bytes(env):
    with env.dir() as (s, path):
        names = [b"\xff\xfe", b"\x01\n\t", " ".encode(), "ä\u20ac".encode(),
                 b"...", b"..a", b".hidden", b"-rf", b"*", b"a\\b"]
        for name in names:
            s.mkdir(1, name)
            s.walk(1, 2, name)
            s.clunk(2)
        equal(sorted(os.listdir(os.fsencode(path))), sorted(names), "names")


@test("a symlink is never followed: not by walk, open or create")
def symlink_followed(env):
    with env.outside() as outside, env.dir() as (s, path):
        os.symlink(outside, path + "/dir")
        os.symlink(outside + "/secret", path + "/file")
        os.symlink(outside + "/new", path + "/dangling")
        os.symlink("..", path + "/up")
        for name in "dir", "up":
            qids = s.walk(1, 2, name, "secret")
            equal(len(qids), 1, f"qids of a walk through {name}")
            equal(qids[0].type, p9raw.QTSYMLINK, "type of qid")
            fails(errno.EBADF, s.getattr, 2)
        for name in "dir", "file", "dangling", "up":
            for flags in 0, 1, 2, p9raw.O_TRUNC | 1, p9raw.O_DIRECTORY:
                s.walk(1, 3, name)
                fails(errno.ELOOP if not flags & p9raw.O_DIRECTORY else
                      (errno.ELOOP, errno.ENOTDIR), s.lopen, 3, flags)
                s.clunk(3)
            s.walk(1, 3, name)
            fails((errno.ENOTDIR, errno.ELOOP), s.lcreate, 3, "new")
            fails((errno.ENOTDIR, errno.ELOOP), s.mkdir, 3, "new")
            fails((errno.ENOTDIR, errno.ELOOP), s.unlinkat, 3, "secret")
            s.clunk(3)
        for name in "file", "dangling":
            s.walk(1, 4)
            fails((errno.ELOOP, errno.EEXIST), s.lcreate, 4, name,
                  p9raw.O_RDWR | p9raw.O_CREAT | p9raw.O_TRUNC)
            s.clunk(4)
        equal(os.listdir(outside), ["secret"], "directory outside")
        equal(get(outside + "/secret"), b"secret\n", "file outside")


@test("attributes of a symlink are its own, not those of where it points")
def symlink_attributes(env):
    with env.outside() as outside, env.dir() as (s, path):
        os.symlink(outside + "/secret", path + "/link")
        s.walk(1, 2, "link")
        before = os.stat(outside + "/secret")
        a = s.getattr(2)
        equal(stat.S_IFMT(a.mode), stat.S_IFLNK, "type")
        equal(a.size, len(outside + "/secret"), "size")
        equal(s.readlink(2), os.fsencode(outside + "/secret"), "target")
        call(s, p9raw.setattr_(2, p9raw.SET_MODE, mode=0o777))
        call(s, p9raw.setattr_(2, p9raw.SET_SIZE, size=0))
        call(s, p9raw.setattr_(2, p9raw.SET_MTIME | p9raw.SET_MTIME_SET,
                               mtime=(1, 1)))
        s.setattr(2, p9raw.SET_UID | p9raw.SET_GID, uid=1000, gid=1001)
        after = os.stat(outside + "/secret")
        equal(after[:9], before[:9], "the file outside")
        equal(os.lstat(path + "/link").st_uid, 1000, "owner of the link")
        s.link(1, 2, "second")
        check(os.path.islink(path + "/second"), "link() followed the link")
        s.unlinkat(1, "link")
        equal(get(outside + "/secret"), b"secret\n", "file outside")


@test("a symlink that takes a directory's place at any moment leads nowhere")
def symlink_raced(env):
    with env.outside() as outside, env.dir() as (s, path):
        os.mkdir(path + "/flip")
        put(path + "/flip/secret", b"public\n")
        os.symlink(outside, path + "/other")
        over = threading.Event()

        def flip():
            while not over.is_set():
                exchange(path + "/flip", path + "/other")

        thread = threading.Thread(target=flip)
        thread.start()
        reached = 0
        try:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                reached += race_once(s)
        finally:
            over.set()
            thread.join()
        check(reached, "the public file was never reached: no race was run")
        equal(os.listdir(outside), ["secret"], "directory outside")


def race_once(s):
    """Reads and makes files in flip; 1 if its public file was read."""
    read = 0
    try:
        if len(s.walk(1, 2, "flip", "secret")) == 2:
            s.lopen(2)
            equal(s.read(2, 0, 100), b"public\n", "what is in flip/secret")
            read = 1
            s.clunk(2)
        s.walk(1, 3, "flip")
    except P9Error as err:
        one_of(err.errno, (errno.ENOENT, errno.ELOOP, errno.ENOTDIR), "errno")
        return read
    for request in [p9raw.lcreate(3, "new"), p9raw.mkdir(3, "newdir")]:
        call(s, request)
    s.clunk(3)
    return read


@test("symlinks are made as they are told, and read back")
def symlink_made(env):
    with env.dir() as (s, path):
        targets = ["x", "../../../../etc/passwd", "/", "a" * 1000, b"\xff/"]
        for n, target in enumerate(targets):
            qid = s.symlink(1, f"l{n}", target)
            equal(qid.type, p9raw.QTSYMLINK, "type of qid")
            equal(os.fsencode(os.readlink(f"{path}/l{n}")),
                  os.fsencode(target), "target")
            s.walk(1, 2, f"l{n}")
            equal(s.readlink(2), os.fsencode(target), "readlink")
            s.clunk(2)
        fails((errno.EINVAL, errno.ENOENT), s.symlink, 1, "empty", "")
        check(call(s, p9raw.symlink(1, "nul", b"a\0b")), "a target with NUL")
        check(call(s, p9raw.symlink(1, "long", "a" * 5000)), "a long target")
        equal(call(s, p9raw.symlink(1, "l0", "y")), errno.EEXIST, "again")
        fails(errno.EINVAL, s.readlink, 1)
