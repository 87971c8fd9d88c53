# SPDX-License-Identifier: GPL-2.0
"""Exports with options: who may change what, and whose it is then."""
import contextlib
import errno
import os
import stat
import subprocess
import time

import p9raw
from harness import Skip, check, equal, one_of, test
from raw_borders import mount, unmount
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


def refuses_changes(s, path):
    """Fails unless each change in the directory of fid 1 gives EROFS."""
    before = tree(path), os.stat(path + "/file")
    s.walk(1, 2, "file")
    s.walk(1, 3)
    s.walk(1, 4, "file")
    for request in changes():
        call(s, p9raw.walk(1, 5, ["file"]))
        code = call(s, request)
        if code != errno.EOPNOTSUPP:
            equal(code, errno.EROFS, f"type {request[0]}")
        call(s, p9raw.clunk(5))
    after = tree(path), os.stat(path + "/file")
    equal(after, before, "what is there")


@test("a read-only export answers each change with EROFS", needs="ro_socket")
def readonly(env):
    with env.dir(where=env.ro_socket) as (s, path):
        put(path + "/file", b"data")
        os.mkdir(path + "/dir")
        refuses_changes(s, path)


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


@contextlib.contextmanager
def bound(env, options):
    """A directory, and what it is where it is mounted again with options."""
    with env.aside() as top:
        os.mkdir(top + "/in")
        os.mkdir(top + "/seen")
        mount("--bind", top + "/in", top + "/seen")
        try:
            mount("-o", "remount,bind," + options, top + "/seen")
            yield top + "/in", top + "/seen"
        finally:
            unmount(top + "/seen")


@test("a read-only mount is a read-only export, at its root and beneath")
def readonly_mount(env):
    with bound(env, "ro") as (path, seen):
        put(path + "/file", b"data")
        os.mkdir(path + "/dir")
        for root, names in [(seen, []), (os.path.dirname(seen), ["seen"])]:
            with env.served(root) as s:
                s.walk(0, 1, *names)
                refuses_changes(s, path)
                s.clunk(2)
                s.walk(1, 2, "file")
                s.lopen(2)
                equal(s.read(2, 0, 9), b"data", "data")


@test("reading a read-only export leaves access times alone")
def readonly_atime(env):
    with env.aside() as path:
        put(path + "/file", b"data")
        os.mkdir(path + "/dir")
        os.symlink("x", path + "/link")
        names = [path + n for n in ("", "/file", "/dir", "/link")]
        for options, changed in ("readonly=1", False), ("readonly=0", True):
            for name in names:
                os.utime(name, (1, time.time()), follow_symlinks=False)
            with env.served(path, options) as s:
                s.walk(0, 1, "file")
                s.lopen(1)
                s.read(1, 0, 9)
                for fid, walk in (2, []), (3, ["dir"]):
                    s.walk(0, fid, *walk)
                    s.lopen(fid)
                    s.entries(fid)
                s.walk(0, 4, "link")
                s.readlink(4)
            times = [os.lstat(name).st_atime for name in names]
            equal(set(times) != {1}, changed, f"access times with {options}")


@contextlib.contextmanager
def checked(env):
    """An export with security_model=server; fid 0 root's, 10 that of 1000."""
    with env.aside() as path, env.served(path, "security_model=server") as s:
        os.chmod(path, 0o755)
        s.attach(10, uid=1000)
        s.attach(20, uid=2000)
        yield s, path


@test("server: each user has his own rights, side by side, and root has all")
def server_rights(env):
    with checked(env) as (s, path):
        put(path + "/roots", b"secret")
        os.chmod(path + "/roots", 0o600)
        os.mkdir(path + "/closed", 0o700)
        put(path + "/closed/file")
        put(path + "/mine", b"mine")
        os.chown(path + "/mine", 1000, 1000)
        os.chmod(path + "/mine", 0o640)
        fails(errno.EACCES, s.mkdir, 10, "x")
        equal(len(s.walk(10, 11, "closed", "file")), 1, "qids into closed")
        equal(len(s.walk(0, 1, "closed", "file")), 2, "root's qids into closed")
        for fid, name, good in [(0, "roots", True), (10, "roots", False),
                                (20, "roots", False), (0, "mine", True),
                                (10, "mine", True), (20, "mine", False)]:
            for flags in p9raw.O_RDONLY, p9raw.O_RDWR:
                s.walk(fid, 30, name)
                equal(call(s, p9raw.lopen(30, flags)),
                      0 if good else errno.EACCES, f"{name} opened by {fid}")
                s.clunk(30)
            s.walk(fid, 30, name)
            equal(call(s, p9raw.setattr_(30, p9raw.SET_MODE, mode=0o640 if
                                         name == "mine" else 0o600)),
                  0 if good else errno.EPERM, f"chmod of {name} by {fid}")
            s.clunk(30)
        s.walk(10, 31, "mine")
        fails(errno.EPERM, s.setattr, 31, p9raw.SET_UID, uid=2000)
        fails(errno.EACCES, s.unlinkat, 10, "mine")
        s.walk(0, 32, "mine")
        s.setattr(32, p9raw.SET_UID | p9raw.SET_GID, uid=2000, gid=2000)
        equal(os.stat(path + "/mine").st_uid, 2000, "owner that root gave")
        s.unlinkat(0, "mine")


@test("server: a user's groups count only for what he makes")
def server_groups(env):
    with checked(env) as (s, path):
        os.mkdir(path + "/group")
        os.chown(path + "/group", 0, 4242)
        os.chmod(path + "/group", 0o770)
        put(path + "/file", b"x")
        os.chown(path + "/file", 0, 1000)
        os.chmod(path + "/file", 0o660)
        s.walk(10, 11, "group")
        fails(errno.EACCES, s.mkdir, 11, "x", gid=1000)
        fails(errno.EACCES, s.lopen, 11)
        # A group of the same number as the user is no group of his
        s.walk(10, 12, "file")
        fails(errno.EACCES, s.lopen, 12)
        s.mkdir(11, "dir", gid=4242)
        st = os.stat(path + "/group/dir")
        equal((st.st_uid, st.st_gid), (1000, 4242), "owner")
        s.mkdir(0, "roots", gid=7)
        equal(os.stat(path + "/roots").st_gid, 7, "group that root gave")
        os.mkdir(path + "/open")
        os.chmod(path + "/open", 0o777)
        s.walk(10, 13, "open")
        s.lcreate(13, "file", mode=0o6755, gid=1000)
        s.write(13, 0, b"x")
        st = os.stat(path + "/open/file")
        equal((st.st_uid, st.st_gid), (1000, 1000), "owner")
        equal(st.st_mode & 0o6000, 0, "setuid bits after a user's write")


@contextlib.contextmanager
def idmapped(env):
    """A directory, and where it is seen with 100000 added to each owner."""
    with env.aside() as top:
        os.mkdir(top + "/in")
        os.mkdir(top + "/seen")
        done = subprocess.run(
            ["mount", "--bind", "-o", "X-mount.idmap=b:0:100000:65536",
             top + "/in", top + "/seen"], check=False, capture_output=True)
        if done.returncode:
            raise Skip(f"no idmapped mounts: {done.stderr}")
        try:
            put(top + "/in/probe")
            equal(os.stat(top + "/seen/probe").st_uid, 100000, "owner there")
            os.unlink(top + "/in/probe")
            os.chmod(top + "/in", 0o777)
            yield top + "/in", top + "/seen"
        finally:
            unmount(top + "/seen")


def owner(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid


@test("an idmapped mount is honoured: owners are what they are there")
def idmapped_owners(env):
    with idmapped(env) as (path, seen):
        put(path + "/file")
        os.chown(path + "/file", 5, 6)
        with env.served(seen, uid=100007) as s:
            s.walk(0, 1, "file")
            attr = s.getattr(1)
            equal((attr.uid, attr.gid), (100005, 100006), "owner")
            s.mkdir(0, "dir", gid=100008)
            s.symlink(0, "link", "x", gid=100008)
            s.mknod(0, "fifo", stat.S_IFIFO | 0o644, gid=100008)
            s.walk(0, 2)
            s.lcreate(2, "made", gid=100008)
            for name in "dir", "link", "fifo", "made":
                equal(owner(f"{path}/{name}"), (7, 8), f"owner of {name}")
            s.setattr(1, p9raw.SET_UID | p9raw.SET_GID, uid=100009, gid=100010)
            equal(owner(path + "/file"), (9, 10), "owner that was set")
            one_of(call(s, p9raw.setattr_(1, p9raw.SET_UID, uid=9)),
                   (errno.EINVAL, errno.EOVERFLOW, errno.EPERM),
                   "an owner that the mount cannot have")
            s.link(0, 1, "hard")
            s.rename(1, 0, "moved")
            s.unlinkat(0, "hard")
            s.setattr(1, p9raw.SET_MODE, mode=0o4755)
            equal(stat.S_IMODE(os.stat(path + "/moved").st_mode), 0o4755, "mode")
            s.attach(10, uid=7)
            one_of(call(s, p9raw.mkdir(10, "x", gid=7)),
                   (errno.EOVERFLOW, errno.EACCES),
                   "a user that the mount cannot have")


@test("an idmapped mount is honoured by rights, with server and squash")
def idmapped_rights(env):
    with idmapped(env) as (path, seen):
        put(path + "/file", b"data")
        os.chown(path + "/file", 5, 5)
        os.chmod(path + "/file", 0o600)
        for options, uid, good in [("security_model=server", 100005, True),
                                   ("security_model=server", 5, False),
                                   ("security_model=squash,squash_uid=100005",
                                    1, True),
                                   ("security_model=squash,squash_uid=5", 1,
                                    False)]:
            with env.served(seen, options, uid=uid) as s:
                s.walk(0, 1, "file")
                equal(call(s, p9raw.lopen(1, p9raw.O_RDWR)),
                      0 if good else errno.EACCES, f"{options} {uid}: Tlopen")
                s.walk(0, 2, "file")
                equal(call(s, p9raw.setattr_(2, p9raw.SET_MODE, mode=0o600)),
                      0 if good else errno.EPERM, f"{options} {uid}: chmod")
