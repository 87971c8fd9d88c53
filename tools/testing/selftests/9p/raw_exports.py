# SPDX-License-Identifier: GPL-2.0
"""Exports with options: who may change what, and whose it is then."""
import errno
import os
import stat

import p9raw
from harness import check, equal, test
from raw_framing import call, fails
from raw_names import get, put, tree


def changes():
    """Each request that changes something; fid 1 a directory, 2 a file."""
    return [
        p9raw.lcreate(3, "new"), p9raw.mkdir(1, "new"),
        p9raw.symlink(1, "new", "x"),
        p9raw.mknod(1, "new", stat.S_IFREG | 0o644), p9raw.link(1, 2, "new"),
        p9raw.rename(2, 1, "new"), p9raw.renameat(1, "file", 1, "new"),
        p9raw.unlinkat(1, "file"),
        p9raw.unlinkat(1, "dir", p9raw.AT_REMOVEDIR),
        p9raw.setattr_(2, p9raw.SET_MODE, mode=0),
        p9raw.setattr_(2, p9raw.SET_UID, uid=1),
        p9raw.setattr_(2, p9raw.SET_SIZE, size=0),
        p9raw.setattr_(2, p9raw.SET_MTIME),
        p9raw.lopen(4, p9raw.O_WRONLY), p9raw.lopen(4, p9raw.O_RDWR),
        p9raw.lopen(4, p9raw.O_RDONLY | p9raw.O_TRUNC),
        p9raw.xattrcreate(4, "user.new", 1), p9raw.remove(5),
    ]


@test("a read-only export answers each change with EROFS", needs="ro_socket")
def readonly(env):
    with env.dir(where=env.ro_socket) as (s, path):
        put(path + "/file", b"data")
        os.mkdir(path + "/dir")
        before = tree(path), os.stat(path + "/file")
        s.walk(1, 2, "file")
        s.walk(1, 3)
        s.walk(1, 4, "file")
        for request in changes():
            call(s, p9raw.walk(1, 5, ["file"]))
            code = call(s, request)
            if code == errno.EOPNOTSUPP:
                continue
            equal(code, errno.EROFS, f"type {request[0]}")
            call(s, p9raw.clunk(5))
        after = tree(path), os.stat(path + "/file")
        equal(after[0], before[0], "tree")
        equal(after[1][:7] + after[1][8:], before[1][:7] + before[1][8:],
              "attributes")


@test("a read-only export can be read, all of it", needs="ro_socket")
def readonly_reads(env):
    with env.dir(where=env.ro_socket) as (s, path):
        put(path + "/file", b"data")
        os.symlink("target", path + "/link")
        s.walk(1, 2, "file")
        s.lopen(2)
        equal(s.read(2, 0, 9), b"data", "data")
        s.walk(1, 3, "link")
        equal(s.readlink(3), b"target", "target")
        s.walk(1, 4)
        s.lopen(4)
        check(len(s.entries(4)) >= 2, "entries")
        s.statfs(1)
        fails((errno.EBADF, errno.EROFS), s.write, 2, 0, b"x")


@test("devices=1: root makes device nodes, which the server never opens",
      needs="devices_socket")
def devices(env):
    kinds = [(stat.S_IFCHR, "chr", 1, 3), (stat.S_IFBLK, "blk", 259, 1000000),
             (stat.S_IFCHR, "none", 0, 0), (stat.S_IFCHR, "far", 4095, 1048575)]
    with env.dir(where=env.devices_socket) as (s, path):
        for kind, name, major, minor in kinds:
            s.mknod(1, name, kind | 0o640, major, minor, gid=55)
            st = os.lstat(f"{path}/{name}")
            equal((st.st_mode, st.st_gid, st.st_rdev),
                  (kind | 0o640, 55, os.makedev(major, minor)), name)
            s.walk(1, 2, name)
            equal(s.getattr(2).rdev, os.makedev(major, minor), "rdev")
            for flags in p9raw.O_RDONLY, p9raw.O_RDWR:
                fails(errno.ENXIO, s.lopen, 2, flags)
            s.clunk(2)
        for major, minor in (4096, 0), (0, 1 << 20), (0xffffffff, 0xffffffff):
            fails(errno.EINVAL, s.mknod, 1, "x", stat.S_IFBLK, major, minor)
        equal(len(os.listdir(path)), len(kinds), "entries")
    with env.dir(where=env.devices_socket, uid=4711) as (s, path):
        for kind in stat.S_IFCHR, stat.S_IFBLK:
            fails(errno.EPERM, s.mknod, 1, "x", kind | 0o666, 1, 3)
        s.mknod(1, "fifo", stat.S_IFIFO | 0o666)
        equal(os.listdir(path), ["fifo"], "entries")


@test("squash: what anybody makes is the one user's", needs="squash_socket")
def squash_owner(env):
    for uid in 0, 1, 4711, p9raw.NONUNAME:
        with env.dir(where=env.squash_socket, uid=uid) as (s, path):
            s.walk(1, 2)
            s.lcreate(2, "file", gid=99)
            s.mkdir(1, "dir", gid=99)
            s.symlink(1, "link", "x", gid=99)
            s.mknod(1, "fifo", stat.S_IFIFO | 0o644, gid=99)
            for name in os.listdir(path):
                st = os.lstat(f"{path}/{name}")
                equal((st.st_uid, st.st_gid), env.squash_ids,
                      f"owner of {name} made by {uid}")
            equal(len(os.listdir(path)), 4, "entries")


@test("squash: nobody has more rights than the one user",
      needs="squash_socket")
def squash_rights(env):
    with env.dir(where=env.squash_socket) as (s, path):
        put(path + "/roots", b"secret")
        os.chmod(path + "/roots", 0o600)
        os.mkdir(path + "/closed", 0o700)
        put(path + "/closed/file", b"secret")
        s.walk(1, 2, "roots")
        fails(errno.EACCES, s.lopen, 2)
        fails((errno.EPERM, errno.EACCES), s.setattr, 2, p9raw.SET_MODE,
              mode=0o666)
        fails((errno.EPERM, errno.EACCES), s.setattr, 2, p9raw.SET_SIZE,
              size=0)
        equal(len(s.walk(1, 3, "closed", "file")), 1, "qids")
        s.walk(1, 4, "closed")
        fails(errno.EACCES, s.mkdir, 4, "x")
        fails(errno.EACCES, s.lopen, 4)
        s.walk(1, 5)
        s.lcreate(5, "mine")
        check(call(s, p9raw.setattr_(5, p9raw.SET_UID, uid=0)),
              "a file was given away to root")
        equal(get(path + "/roots"), b"secret", "file")


@test("without squash files are made for who attached")
def passthrough_owner(env):
    for uid in 0, 4711:
        with env.dir(uid=uid) as (s, path):
            s.walk(1, 2)
            s.lcreate(2, "file", gid=4712)
            s.mkdir(1, "dir", gid=4713)
            s.symlink(1, "link", "x", gid=4714)
            s.mknod(1, "fifo", stat.S_IFIFO | 0o600, gid=4715)
            got = {name: (os.lstat(f"{path}/{name}").st_uid,
                          os.lstat(f"{path}/{name}").st_gid)
                   for name in os.listdir(path)}
            equal(got, {"file": (uid, 4712), "dir": (uid, 4713),
                        "link": (uid, 4714), "fifo": (uid, 4715)}, "owners")


@test("a setuid bit that is set stays until somebody else's write clears it")
def setuid_bits(env):
    with env.dir(uid=4711) as (s, path):
        s.lcreate(1, "file", mode=0o755)
        s.setattr(1, p9raw.SET_MODE, mode=0o6755)
        equal(stat.S_IMODE(os.stat(path + "/file").st_mode), 0o6755, "mode")
        s.write(1, 0, b"x")
        equal(stat.S_IMODE(os.stat(path + "/file").st_mode), 0o755,
              "mode after a write")
