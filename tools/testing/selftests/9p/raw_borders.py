# SPDX-License-Identifier: GPL-2.0
"""
Where an export ends. What guests got out of 9P servers by, or made them open,
and the tests that try it here:

CVE-2016-7116, CVE-2017-7471 ('..', the root's own name)  names_dotdot,
    dotdot_root, root_is_no_name, moved_away
CVE-2016-9602 (symlinks that are swapped in)  symlink_followed, symlink_raced
CVE-2016-9915, CVE-2017-7377, CVE-2017-8086 (leaks)  dropped_fids, fid_limit
CVE-2018-16847, CVE-2018-19489, CVE-2021-20181 (fids used while they are
    renamed, removed and clunked)  fids_raced
CVE-2023-2861 (device nodes and FIFOs opened by the server)  special_files,
    special_raced
"""
import contextlib
import errno
import os
import socket
import stat
import subprocess
import time

import p9raw
from harness import Skip, check, equal, one_of, repeated, test
from p9raw import P9Error
from raw_framing import call, fails
from raw_names import exchange, get, put, tree

GONE = (errno.ENOENT, errno.EBUSY, errno.EOPNOTSUPP)
RACE_SECONDS = 5


@contextlib.contextmanager
def bordered(env, options=""):
    """A session on top/in; top/out is next to it, on the same filesystem."""
    with env.aside() as top:
        os.mkdir(top + "/in")
        os.mkdir(top + "/out")
        put(top + "/out/secret", b"secret\n")
        with env.served(top + "/in", options) as s:
            yield s, top


def seconds(count):
    """Yields until so many seconds are over."""
    end = time.monotonic() + count
    while time.monotonic() < end:
        yield


def uses_of_moved():
    """Requests on what was moved out: fid 1 a directory, 2 a file, 4 open.

    Fid 0 is the root, 6 a file that is still in the export, as "here".
    """
    return [
        p9raw.walk(1, 50), p9raw.walk(2, 50), p9raw.walk(1, 50, ["file"]),
        p9raw.walk(1, 50, ["new"]), p9raw.walk(1, 50, [".."]),
        p9raw.walk(1, 50, ["..", "secret"]),
        p9raw.walk(7, 50, [".."]), p9raw.walk(7, 50, ["..", "new"]),
        p9raw.getattr_(1), p9raw.getattr_(2), p9raw.statfs(1),
        p9raw.setattr_(1, p9raw.SET_MODE, mode=0o777),
        p9raw.setattr_(2, p9raw.SET_SIZE, size=0),
        p9raw.lopen(2), p9raw.lopen(2, p9raw.O_RDWR), p9raw.lopen(1),
        p9raw.readdir(4, 0, 8192), p9raw.readlink(5),
        p9raw.lcreate(1, "made"), p9raw.lcreate(1, "new", p9raw.O_RDONLY),
        p9raw.mkdir(1, "made"), p9raw.symlink(1, "made", "x"),
        p9raw.mknod(1, "made", stat.S_IFIFO | 0o644),
        p9raw.link(1, 6, "made"), p9raw.link(0, 2, "made"),
        p9raw.link(0, 3, "made"),
        p9raw.rename(2, 0, "made"), p9raw.rename(6, 1, "made"),
        p9raw.rename(1, 0, "made"), p9raw.rename(3, 0, "made"),
        p9raw.renameat(1, "file", 0, "made"),
        p9raw.renameat(1, "new", 0, "made"),
        p9raw.renameat(0, "here", 1, "made"),
        p9raw.renameat(1, "file", 1, "made"),
        p9raw.unlinkat(1, "file"), p9raw.unlinkat(1, "new"),
        p9raw.unlinkat(1, "sub", p9raw.AT_REMOVEDIR),
        p9raw.xattrwalk(2, 50, ""), p9raw.xattrcreate(2, "user.x", 1),
        p9raw.remove(8), p9raw.remove(9),
    ]


@test("what was moved out of the export is out of reach of all its fids")
def moved_away(env):
    with bordered(env) as (s, top):
        os.makedirs(top + "/in/dir/sub")
        put(top + "/in/dir/file", b"data")
        put(top + "/in/here")
        os.symlink("target", top + "/in/dir/link")
        for fid, names in [(1, ["dir"]), (2, ["dir", "file"]),
                           (3, ["dir", "file"]), (4, ["dir"]),
                           (5, ["dir", "link"]), (6, ["here"]),
                           (7, ["dir", "sub"]), (8, ["dir", "file"]),
                           (9, ["dir"])]:
            equal(len(s.walk(0, fid, *names)), len(names), "qids")
        s.lopen(3, p9raw.O_RDWR)
        s.lopen(4)
        os.rename(top + "/in/dir", top + "/out/dir")
        put(top + "/out/dir/new", b"never in the export")
        before = tree(top)
        for request in uses_of_moved():
            one_of(call(s, request), GONE, f"type {request[0]}")
            check(call(s, p9raw.clunk(50)), f"type {request[0]} made a fid")
            equal(tree(top), before, f"files after type {request[0]}")
        equal(get(top + "/out/dir/file"), b"data", "the file")
        equal(stat.S_IMODE(os.stat(top + "/out/dir").st_mode), 0o755, "mode")
        equal(call(s, p9raw.getattr_(8)), errno.EBADF, "a fid after Tremove")
        # What is open stays so, as it does for a process
        equal(s.read(3, 0, 9), b"data", "data of the open file")
        s.write(3, 0, b"DATA")
        equal(get(top + "/out/dir/file"), b"DATA", "the open file")
        # And all is as before if it comes back
        os.rename(top + "/out/dir", top + "/in/dir")
        equal(len(s.walk(1, 50, "..", "here")), 2, "qids")
        s.mkdir(1, "made")
        s.clunk(1)


@test("the root of the export is no name: it is neither removed nor renamed")
def root_is_no_name(env):
    with bordered(env) as (s, top):
        s.walk(0, 1)
        s.mkdir(0, "dir")
        s.walk(0, 2, "dir")
        before = tree(top)
        for request in [p9raw.rename(1, 0, "x"), p9raw.rename(1, 2, "x"),
                        p9raw.remove(1), p9raw.renameat(0, "..", 0, "x"),
                        p9raw.renameat(2, "..", 0, "x"),
                        p9raw.renameat(0, "dir", 0, ".."),
                        p9raw.unlinkat(2, "..", p9raw.AT_REMOVEDIR),
                        p9raw.unlinkat(0, ".", p9raw.AT_REMOVEDIR),
                        p9raw.link(0, 0, "x")]:
            check(call(s, request), f"type {request[0]} went well")
            equal(tree(top), before, f"files after type {request[0]}")
        equal(len(s.walk(0, 3, "..", "..", "dir")), 3, "qids")


@test("'..' while the host moves the directory out and in never leads out")
def moved_raced(env):
    with bordered(env) as (s, top):
        os.makedirs(top + "/in/dir/sub")
        put(top + "/in/dir/sub/file", b"data")
        s.walk(0, 1, "dir", "sub")
        s.walk(0, 2, "dir")
        outside = {os.stat(top + "/out").st_ino, os.stat(top).st_ino,
                   os.stat(top + "/out/secret").st_ino}

        def move():
            os.rename(top + "/in/dir", top + "/out/dir")
            put(top + "/out/dir/new")
            os.unlink(top + "/out/dir/new")
            os.rename(top + "/out/dir", top + "/in/dir")

        went = {"up": 0, "out": 0}
        with repeated(move):
            for _ in seconds(RACE_SECONDS):
                for names in [".."], ["..", ".."], ["..", "..", "secret"], \
                        ["..", "..", "out", "secret"], ["..", "sub", ".."]:
                    race_walk(s, names, outside, went)
                if call(s, p9raw.walk(2, 9, ["new"])) == 0:
                    check(False, "a name that was never in the export")
        check(went["up"] and went["out"], f"no race was run: {went}")
        equal(os.listdir(top + "/out"), ["secret"], "directory outside")


def race_walk(s, names, outside, went):
    try:
        qids = s.walk(1, 5, *names)
    except P9Error as err:
        equal(err.errno, errno.ENOENT, "errno")
        went["out"] += 1
        return
    went["up"] += 1
    got = {qid.path for qid in qids}
    check(not got & outside, f"walk {names} came out")
    if len(qids) < len(names):
        return
    try:
        check(s.getattr(5).qid.path not in outside, "the fid is outside")
    except P9Error as err:
        equal(err.errno, errno.ENOENT, "errno")
    s.clunk(5)


@test("fids may be used while they are renamed, moved and clunked")
def fids_raced(env):
    with bordered(env) as (s, top):
        for name in "a", "b":
            os.makedirs(f"{top}/in/{name}/d")
            put(f"{top}/in/{name}/d/file", name.encode())
        names = ["a", "b"]
        with repeated(lambda: exchange(top + "/in/a", top + "/in/b")):
            for n, _ in enumerate(seconds(RACE_SECONDS)):
                fid = 10 + n % 20 * 4
                requests = [
                    p9raw.walk(0, fid, [names[n % 2], "d"]),
                    p9raw.walk(0, fid + 1, [names[n % 2], "d", "file"]),
                    p9raw.lopen(fid + 1), p9raw.rename(fid + 1, fid, "file2"),
                    p9raw.getattr_(fid + 1), p9raw.clunk(fid + 1),
                    p9raw.read(fid + 1, 0, 9), p9raw.walk(fid, fid + 2, [".."]),
                    p9raw.renameat(fid, "file2", fid, "file"),
                    p9raw.clunk(fid), p9raw.clunk(fid + 1), p9raw.clunk(fid),
                    p9raw.clunk(fid + 2)]
                for reply in s.pipeline(requests):
                    if isinstance(reply, P9Error):
                        one_of(reply.errno, (errno.EBADF, errno.ENOENT,
                                             errno.EBUSY), "errno")
                for left in range(fid, fid + 3):
                    call(s, p9raw.clunk(left))
        # Some lie on top of others by now, but all of them are where they may be
        for name in tree(top + "/in"):
            one_of(os.path.basename(name), ("a", "b", "d", "file", "file2"),
                   "what there is")
        equal(os.listdir(top + "/out"), ["secret"], "directory outside")


def make_special(path):
    """One of each that the server must leave alone; their names."""
    os.mkfifo(path + "/fifo")
    os.mknod(path + "/char", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(path + "/block", stat.S_IFBLK | 0o666, os.makedev(7, 0))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path + "/socket")
    return ["fifo", "char", "block", "socket"]


@test("device nodes, FIFOs and sockets are never opened, with whatever flags")
def special_files(env):
    with bordered(env) as (s, top):
        for name in make_special(top + "/in"):
            before = os.stat(f"{top}/in/{name}")
            for flags in range(0, 4096, 64):
                s.walk(0, 1, name)
                for access in 0, 1, 2:
                    one_of(call(s, p9raw.lopen(1, flags | access)),
                           (errno.ENXIO,), f"Tlopen of {name}")
                check(call(s, p9raw.setattr_(1, p9raw.SET_SIZE, size=0)),
                      f"{name} was truncated")
                s.clunk(1)
                s.walk(0, 1)
                check(call(s, p9raw.lcreate(1, name, flags & ~p9raw.O_EXCL)),
                      f"Tlcreate opened {name}")
                s.clunk(1)
            equal(os.stat(f"{top}/in/{name}"), before, f"attributes of {name}")
            s.walk(0, 1, name)
            s.setattr(1, p9raw.SET_MODE, mode=0o600)
            s.rename(1, 0, name + "2")
            s.remove(1)
        equal(os.listdir(top + "/in"), [], "directory")


@test("a FIFO or device that takes a file's place at any moment is not opened")
def special_raced(env):
    with bordered(env) as (s, top):
        make_special(top + "/in")
        put(top + "/in/file", b"data")

        def swap():
            for name in "fifo", "char":
                exchange(f"{top}/in/file", f"{top}/in/{name}")
                exchange(f"{top}/in/file", f"{top}/in/{name}")

        results = {0: 0, errno.ENXIO: 0, errno.EEXIST: 0}
        with repeated(swap):
            for _ in seconds(RACE_SECONDS):
                s.walk(0, 1, "file")
                s.walk(0, 2)
                for request in p9raw.lopen(1, p9raw.O_RDWR), \
                        p9raw.lcreate(2, "file", p9raw.O_RDWR | p9raw.O_CREAT):
                    code = call(s, request)
                    one_of(code, results, "errno")
                    results[code] += 1
                for fid in 1, 2:
                    if not call(s, p9raw.read(fid, 0, 9)):
                        equal(stat.S_IFMT(s.getattr(fid).mode), stat.S_IFREG,
                              "type of an open file")
                    s.clunk(fid)
        check(results[0] and results[errno.ENXIO], f"no race: {results}")


@test("a directory that was removed leads nowhere, and nothing is made in it")
def removed_directory(env):
    with bordered(env) as (s, top):
        os.makedirs(top + "/in/a/b")
        s.walk(0, 1, "a", "b")
        os.rmdir(top + "/in/a/b")
        for request in [p9raw.mkdir(1, "x"), p9raw.symlink(1, "x", "y"),
                        p9raw.walk(1, 5, ["x"]), p9raw.unlinkat(1, "x"),
                        p9raw.renameat(0, "a", 1, "x")]:
            one_of(call(s, request), (errno.ENOENT, errno.EINVAL),
                   f"type {request[0]}")
        os.rename(top + "/in/a", top + "/out/a")
        one_of(call(s, p9raw.walk(1, 5, [".."])), (errno.ENOENT,), "'..'")
        one_of(call(s, p9raw.getattr_(1)), (errno.ENOENT,), "getattr")


def mount(*args):
    if subprocess.run(["mount", *args], check=False).returncode:
        raise Skip(f"cannot mount {' '.join(args)}")


def unmount(path):
    subprocess.run(["umount", "-l", path], check=False, capture_output=True)


@test("'..' at the root of a mount leads to the export, or nowhere")
def mount_dotdot(env):
    with bordered(env) as (s, top):
        for name in "in/m", "out/m":
            os.mkdir(f"{top}/{name}")
        mount("-t", "tmpfs", "none", top + "/in/m")
        try:
            os.mkdir(top + "/in/m/dir")
            s.walk(0, 1, "m", "dir")
            qids = s.walk(1, 2, "..", "..", "..")
            equal(qids[1], s.getattr(0).qid, "above the mount")
            equal(qids[2], qids[1], "above the export")
            s.clunk(2)
            # Its parent may be shared, of which nothing can be moved
            mount("--make-private", top + "/in/m")
            moved = not subprocess.run(
                ["mount", "--move", top + "/in/m", top + "/out/m"],
                check=False, capture_output=True).returncode
            if moved:
                mount_gone(s)
                unmount(top + "/out/m")
            else:
                unmount(top + "/in/m")
            mount_gone(s)
        finally:
            unmount(top + "/in/m")
            unmount(top + "/out/m")


def mount_gone(s):
    for request in [p9raw.walk(1, 2, [".."]), p9raw.walk(1, 2, ["..", ".."]),
                    p9raw.getattr_(1), p9raw.mkdir(1, "x"),
                    p9raw.walk(1, 2)]:
        equal(call(s, request), errno.ENOENT, f"type {request[0]}")


@test("a mount on the root of the export changes nothing for who is there")
def mount_on_root(env):
    with bordered(env) as (s, top):
        os.mkdir(top + "/in/dir")
        root = s.getattr(0).qid.path
        s.walk(0, 1, "dir")
        mount("-t", "tmpfs", "none", top + "/in")
        try:
            equal(s.walk(1, 2, "..")[0].path, root, "'..'")
            equal(len(s.walk(1, 3, "..", "..", "dir")), 3, "qids")
        finally:
            unmount(top + "/in")


@test("a mount that appears under a fid changes nothing for it")
def mount_on_fid(env):
    with bordered(env) as (s, top):
        os.makedirs(top + "/in/dir/under")
        s.walk(0, 1, "dir")
        s.walk(0, 2, "dir", "under")
        mount("-t", "tmpfs", "none", top + "/in/dir")
        try:
            os.mkdir(top + "/in/dir/over")
            equal(len(s.walk(1, 5, "under")), 1, "below the mount")
            equal(call(s, p9raw.walk(0, 6, ["dir", "under"])), 0, "walk")
            fails(errno.EBADF, s.getattr, 6)
            equal(len(s.walk(0, 6, "dir", "over")), 2, "onto the mount")
            equal(len(s.walk(2, 7, "..", "over")), 2, "'..' onto the mount")
            fails(errno.EBUSY, s.unlinkat, 0, "dir", p9raw.AT_REMOVEDIR)
            fails(errno.EBUSY, s.renameat, 0, "dir", 0, "x")
            fails(errno.EBUSY, s.rename, 1, 0, "x")
        finally:
            unmount(top + "/in/dir")


@test("a part of a filesystem that is mounted in the export is not left either")
def mount_of_a_part(env):
    with bordered(env) as (s, top):
        os.makedirs(top + "/out/part/dir/sub/t")
        os.mkdir(top + "/in/m")
        mount("--bind", top + "/out/part", top + "/in/m")
        mount("-t", "tmpfs", "none", top + "/in/m/dir/sub/t")
        try:
            os.mkdir(top + "/in/m/dir/sub/t/deep")
            s.walk(0, 1, "m", "dir", "sub")
            s.walk(0, 3, "m", "dir", "sub", "t", "deep")
            root = s.getattr(0).qid
            equal(s.walk(1, 5, "..", "..", "..")[-1], root, "the way up")
            equal(s.walk(3, 6, *[".."] * 5)[-1], root, "the way up")
            os.rename(top + "/out/part/dir", top + "/out/dir")
            for fid in 1, 3:
                for names in [".."], [".."] * 2, [".."] * 3, [".."] * 4, \
                        [".."] * 3 + ["secret"], []:
                    equal(call(s, p9raw.walk(fid, 9, names)), errno.ENOENT,
                          f"walk {names} from {fid}")
                equal(call(s, p9raw.mkdir(fid, "x")), errno.ENOENT, "mkdir")
        finally:
            for name in "out/dir/sub/t", "in/m/dir/sub/t", "in/m":
                unmount(f"{top}/{name}")
