# SPDX-License-Identifier: GPL-2.0
"""Extended attributes and POSIX ACLs: what is set here is what the host sees."""
import errno
import os
import stat
import struct

import p9raw
from harness import Skip, check, equal, test
from p9raw import P9Error
from raw_framing import call, fails
from raw_names import put

CREATE, REPLACE = 1, 2
SIZE_MAX = 65536
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
CAPS = "security.capability"
# cap_net_raw, effective, as setcap writes it
NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)


def set_value(s, name, value, flags=0, fid=2, chunk=None):
    """Sets an xattr of the file that @fid is on, by a fid of its own."""
    s.walk(fid, 90)
    try:
        s.xattrcreate(90, name, len(value), flags)
        s.write_all(90, value, chunk)
    except P9Error:
        s.clunk(90)
        raise
    s.clunk(90)


def remove(s, name, fid=2):
    """As Linux's client does it for removexattr(2)."""
    set_value(s, name, b"", REPLACE, fid)


def get_value(s, name, fid=2, chunk=None):
    size = s.xattrwalk(fid, 91, name)
    try:
        value = s.read_all(91, size + 1, chunk)
        equal(len(value), size, "size that was told")
        return value
    finally:
        s.clunk(91)


def names(s, fid=2):
    listed = get_value(s, "", fid)
    check(not listed or listed.endswith(b"\0"), "a list that has no end")
    return sorted(os.fsdecode(n) for n in listed.split(b"\0")[:-1])


def on_file(s, path, name="file", mode=0o644):
    """Fid 2 on a new file, which can have xattrs."""
    file = f"{path}/{name}"
    put(file)
    os.chmod(file, mode)
    try:
        os.setxattr(file, "user.probe", b"x")
        os.removexattr(file, "user.probe")
    except OSError as err:
        raise Skip(f"the filesystem has none: {err}") from None
    s.walk(1, 2, name)
    return file


@test("extended attributes: set, get, list, remove")
def xattrs(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        os.setxattr(file, "user.host", b"from the host")
        equal(get_value(s, "user.host"), b"from the host", "value")
        value = bytes(range(200))
        set_value(s, "user.mine", value, chunk=77)
        equal(os.getxattr(file, "user.mine"), value, "at the host")
        equal(get_value(s, "user.mine", chunk=33), value, "in pieces")
        equal(names(s), ["user.host", "user.mine"], "list")
        remove(s, "user.mine")
        equal(os.listxattr(file), ["user.host"], "after removal")
        fails(errno.ENODATA, s.xattrwalk, 2, 3, "user.none")
        fails(errno.EBADF, s.getattr, 3)
        fails(errno.ENODATA, remove, s, "user.none")
        equal(env.held(s), before, "what the session holds")


@test("the flags of an xattr mean what setxattr(2) says")
def flags_kept(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        fails(errno.ENODATA, set_value, s, "user.a", b"1", REPLACE)
        set_value(s, "user.a", b"1", CREATE)
        fails(errno.EEXIST, set_value, s, "user.a", b"2", CREATE)
        equal(os.getxattr(file, "user.a"), b"1", "value")
        set_value(s, "user.a", b"3", REPLACE)
        set_value(s, "user.a", b"45")
        equal(os.getxattr(file, "user.a"), b"45", "value")
        for flags in 4, 8, 0xffffffff, 0x80000000:
            fails(errno.EINVAL, set_value, s, "user.b", b"x", flags)
        equal(os.listxattr(file), ["user.a"], "attributes")
        equal(env.held(s), before, "what the session holds")


@test("an empty xattr is set, and not taken for a removal")
def empty(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        for flags in CREATE, 0:
            set_value(s, "user.e", b"", flags)
            equal(os.getxattr(file, "user.e"), b"", "value")
            equal(get_value(s, "user.e"), b"", "value that is read")
        equal(names(s), ["user.e"], "list")
        fails(errno.EEXIST, set_value, s, "user.e", b"", CREATE)
        remove(s, "user.e")
        equal(os.listxattr(file), [], "after removal")
        equal(names(s), [], "empty list")


@test("an xattr has up to 64 KiB, whatever the msize")
def largest(env):
    for msize in 4096, 8192, 1 << 20:
        with env.dir(msize=msize) as (s, path):
            file = on_file(s, path)
            before = env.held(s)
            value = os.urandom(SIZE_MAX)
            try:
                os.setxattr(file, "user.host", value)
            except OSError as err:
                raise Skip(f"the filesystem takes less: {err}") from None
            equal(get_value(s, "user.host"), value, "value read")
            os.removexattr(file, "user.host")
            set_value(s, "user.big", value[::-1])
            equal(os.getxattr(file, "user.big"), value[::-1], "value written")
            equal(env.held(s), before, "what the session holds")


@test("an xattr's value is bounded, and one not wholly written is not set")
def bounds(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        s.walk(2, 3)
        s.xattrcreate(3, "user.short", 100)
        s.write(3, 0, b"only this")
        for offset in 90, 100, 1 << 32, (1 << 64) - 1, (1 << 64) - 11:
            fails(errno.ENOSPC, s.write, 3, offset, b"x" * 11)
        fails(errno.EBADF, s.read, 3, 0, 10)
        fails(errno.EINVAL, s.clunk, 3)
        fails(errno.EBADF, s.getattr, 3)
        equal(os.listxattr(file), [], "attributes")
        for size in SIZE_MAX + 1, 1 << 32, 1 << 63, (1 << 64) - 1:
            s.walk(2, 3)
            fails(errno.E2BIG, s.xattrcreate, 3, "user.big", size)
            s.clunk(3)
        equal(env.held(s), before, "what the session holds")


@test("pieces of a value may come in any order, and overlap")
def any_order(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        value = bytes(range(250))
        s.walk(2, 3)
        s.xattrcreate(3, "user.x", len(value))
        for at in 200, 0, 100, 50, 150:
            s.write(3, at, value[at:at + 60])
        s.clunk(3)
        equal(os.getxattr(file, "user.x"), value, "at the host")
        # As many bytes as it has, and one of them twice
        s.walk(2, 3)
        s.xattrcreate(3, "user.y", 4)
        for at in 0, 1, 1, 2:
            s.write(3, at, b"z")
        fails(errno.EINVAL, s.clunk, 3)
        equal(os.listxattr(file), ["user.x"], "attributes")


@test("names of xattrs: up to 255 bytes, any but NUL, in a namespace")
def bad_names(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        for name, code in [("x" * 256, errno.ERANGE),
                           ("user." + "x" * 5000, errno.ERANGE),
                           (b"user.a\0b", errno.EINVAL),
                           (b"\0", errno.EINVAL)]:
            fails(code, s.xattrwalk, 2, 3, name)
            fails(code, set_value, s, name, b"x")
        fails(errno.ERANGE, set_value, s, "", b"x")
        for name in "nonsense", "nonsense.x":
            fails(errno.EOPNOTSUPP, s.xattrwalk, 2, 3, name)
            fails(errno.EOPNOTSUPP, set_value, s, name, b"x")
        for name in "user.../../etc", "user.a/b", "user. ", "user.\u00fc", \
                "user." + "x" * 250:
            set_value(s, name, b"odd")
            equal(os.getxattr(file, name), b"odd", name)
            remove(s, name)
        equal(env.held(s), before, "what the session holds")


@test("a list of more than 64 KiB is refused, as listxattr(2) does")
def long_list(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        try:
            for n in range(300):
                os.setxattr(file, f"user.{n:03}" + "x" * 240, b"")
        except OSError as err:
            raise Skip(f"the filesystem has fewer: {err}") from None
        fails(errno.E2BIG, s.xattrwalk, 2, 3, "")
        fails(errno.EBADF, s.clunk, 3)
        for n in range(100):
            os.removexattr(file, f"user.{n:03}" + "x" * 240)
        equal(len(names(s)), 200, "names")


@test("a fid that stands for an xattr is no file")
def no_file(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        os.setxattr(file, "user.a", b"value")
        before = env.held(s)
        s.xattrwalk(2, 3, "user.a")
        s.walk(2, 4)
        s.xattrcreate(4, "user.b", 5)
        for fid in 3, 4:
            for request in [p9raw.lopen(fid), p9raw.lcreate(fid, "x"),
                            p9raw.walk(fid, 9), p9raw.walk(fid, fid, [".."]),
                            p9raw.getattr_(fid), p9raw.statfs(fid),
                            p9raw.setattr_(fid, p9raw.SET_MODE, mode=0),
                            p9raw.readdir(fid, 0, 99), p9raw.fsync(fid),
                            p9raw.lock(fid, 0), p9raw.getlock(fid, 0),
                            p9raw.xattrwalk(fid, 9, "user.a"),
                            p9raw.xattrcreate(fid, "user.c", 1)]:
                equal(call(s, request), errno.EBADF, f"type {request[0]}")
        fails(errno.EBADF, s.write, 3, 0, b"x")
        fails(errno.EBADF, s.read, 4, 0, 1)
        equal(s.read(3, 2, 100), b"lue", "value")
        equal(s.read(3, 5, 100), b"", "the end")
        equal(s.read(3, 1 << 63, 100), b"", "far behind it")
        fails(errno.EBADF, s.remove, 3)
        fails(errno.EINVAL, s.xattrwalk, 2, 4, "user.a")
        fails(errno.EINVAL, s.clunk, 4)
        fails(errno.EINVAL, s.xattrwalk, 2, p9raw.NOFID, "user.a")
        check(os.path.exists(file), "the file was removed")
        equal(os.listxattr(file), ["user.a"], "attributes")
        equal(env.held(s), before, "what the session holds")
        # One that is open, or was never there
        s.walk(2, 5)
        s.lopen(5)
        fails(errno.EBUSY, s.xattrcreate, 5, "user.b", 1)
        fails(errno.EBADF, s.xattrwalk, 77, 3, "user.a")
        fails(errno.EBADF, s.xattrcreate, 77, "user.b", 1)


@test("the value that is read is that of the walk, whatever happens to the file")
def snapshot(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        os.setxattr(file, "user.a", b"before")
        s.xattrwalk(2, 3, "user.a")
        os.setxattr(file, "user.a", b"after, longer")
        equal(s.read(3, 0, 100), b"before", "value")
        os.unlink(file)
        equal(s.read(3, 0, 100), b"before", "value of an unlinked file")
        set_value(s, "user.b", b"still there")
        equal(get_value(s, "user.b"), b"still there", "set when unlinked")


@test("xattrs of directories, symlinks and FIFOs are those of the host")
def other_kinds(env):
    with env.dir() as (s, path):
        on_file(s, path)
        os.mkdir(path + "/dir")
        os.symlink("file", path + "/link")
        os.mkfifo(path + "/fifo")
        s.walk(1, 3, "dir")
        set_value(s, "user.d", b"dir", fid=3)
        equal(os.getxattr(path + "/dir", "user.d"), b"dir", "directory")
        for fid, name in (4, "link"), (5, "fifo"):
            s.walk(1, fid, name)
            fails(errno.EPERM, set_value, s, "user.x", b"x", fid=fid)
            set_value(s, "trusted.x", b"x", fid=fid)
            equal(os.getxattr(f"{path}/{name}", "trusted.x",
                              follow_symlinks=False), b"x", name)
        equal(os.listxattr(path + "/file"), [], "what the link points to")


@test("root reaches trusted.* and security.*, nobody else does")
def namespaces(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        for name, value in ("trusted.t", b"1"), ("security.s", b"2"), \
                (CAPS, NET_RAW):
            set_value(s, name, value)
            equal(os.getxattr(file, name), value, name)
            equal(get_value(s, name), value, f"{name} read")
        equal(names(s), sorted(["trusted.t", "security.s", CAPS]), "root's list")
        fails(errno.EINVAL, set_value, s, CAPS, b"no capability")
        equal(os.getxattr(file, CAPS), NET_RAW, "capabilities")
        s.attach(10, uid=1000)
        s.walk(10, 11, s.top, "file")
        check("trusted.t" not in names(s, 11), "a user's list has trusted.*")
        fails(errno.ENODATA, s.xattrwalk, 11, 3, "trusted.t")
        for name in "trusted.t", "security.s", CAPS:
            fails(errno.EPERM, set_value, s, name, NET_RAW, fid=11)
            fails(errno.EPERM, remove, s, name, fid=11)
        equal(get_value(s, CAPS, fid=11), NET_RAW, "capabilities for a user")
        # What is left of root's right is for this alone
        set_value(s, "user.u", b"user", fid=11)
        for name in "trusted.t", "security.s", CAPS:
            remove(s, name)
        equal(os.listxattr(file), ["user.u"], "attributes")


@test("squash: xattrs are those that the one user may reach",
      needs="squash_socket")
def squash(env):
    with env.dir(where=env.squash_socket) as (s, path):
        file = on_file(s, path, mode=0o644)
        os.setxattr(file, "user.a", b"root's")
        os.setxattr(file, "trusted.a", b"root's")
        equal(get_value(s, "user.a"), b"root's", "of a file that may be read")
        fails(errno.EACCES, set_value, s, "user.a", b"x")
        fails(errno.EACCES, remove, s, "user.a")
        fails(errno.ENODATA, s.xattrwalk, 2, 3, "trusted.a")
        for name in "trusted.b", "security.b", CAPS:
            fails(errno.EPERM, set_value, s, name, NET_RAW)
        fails(errno.EPERM, set_value, s, ACCESS, acl((1, 7), (4, 7), (32, 7)))
        os.chmod(file, 0o600)
        fails(errno.EACCES, s.xattrwalk, 2, 3, "user.a")
        s.walk(1, 5)
        s.lcreate(5, "mine")
        s.walk(1, 6, "mine")
        set_value(s, "user.b", b"his", fid=6)
        set_value(s, ACCESS, acl((1, 6), (4, 4), (32, 0)), fid=6)
        equal(stat.S_IMODE(os.stat(path + "/mine").st_mode), 0o640, "mode")


@test("a read-only export lets xattrs be read, and none be made",
      needs="ro_socket")
def readonly(env):
    with env.dir(where=env.ro_socket) as (s, path):
        file = on_file(s, path)
        os.setxattr(file, "user.a", b"value")
        equal(get_value(s, "user.a"), b"value", "value")
        equal(names(s), ["user.a"], "list")
        s.walk(2, 3)
        fails(errno.EROFS, s.xattrcreate, 3, "user.b", 1)
        fails(errno.EROFS, s.xattrcreate, 3, "user.a", 0, REPLACE)
        equal(os.listxattr(file), ["user.a"], "attributes")


def acl(*entries):
    """Entries of (tag, permissions) or (tag, permissions, number)."""
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *(e if len(e) == 3 else e + (0xffffffff,)))
        for e in entries)


# Owner rw, user 1234 rwx, group r, group 2345 rw, mask rwx, others none
FULL = acl((1, 6), (2, 7, 1234), (4, 4), (8, 6, 2345), (16, 7), (32, 0))


def host_acl(path, name=ACCESS):
    try:
        return os.getxattr(path, name)
    except OSError as err:
        if err.errno == errno.ENODATA:
            return None
        if err.errno == errno.EOPNOTSUPP:
            raise Skip("the filesystem has no ACLs") from None
        raise


@test("POSIX ACLs are set, read and removed, and the mode goes along")
def acls(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        host_acl(file)
        set_value(s, ACCESS, FULL)
        equal(host_acl(file), FULL, "at the host")
        equal(get_value(s, ACCESS), FULL, "read")
        equal(stat.S_IMODE(os.stat(file).st_mode), 0o670, "mode")
        check(ACCESS in names(s), "the list does not have it")
        # What the mode says already is no ACL
        set_value(s, ACCESS, acl((1, 7), (4, 5), (32, 1)))
        equal(host_acl(file), None, "after one that is a mode")
        equal(stat.S_IMODE(os.stat(file).st_mode), 0o751, "mode")
        for flags in 0, REPLACE:
            set_value(s, ACCESS, FULL)
            set_value(s, ACCESS, b"", flags)
            equal(host_acl(file), None, f"removed with flags {flags}")
        fails(errno.ENODATA, s.xattrwalk, 2, 3, ACCESS)
        equal(env.held(s), before, "what the session holds")


@test("a directory's default ACL is inherited by what is made there")
def default_acl(env):
    with env.dir() as (s, path):
        host_acl(path)
        s.walk(1, 2)
        set_value(s, DEFAULT, FULL)
        equal(host_acl(path, DEFAULT), FULL, "at the host")
        equal(get_value(s, DEFAULT), FULL, "read")
        s.walk(1, 3)
        s.lcreate(3, "file", mode=0o666)
        inherited = host_acl(path + "/file")
        check(inherited and len(inherited) == len(FULL), "none is inherited")
        s.mkdir(1, "dir")
        equal(host_acl(path + "/dir", DEFAULT), FULL, "of a directory")
        remove(s, DEFAULT)
        equal(host_acl(path, DEFAULT), None, "after removal")


@test("a bad ACL, or one by who does not own the file, is refused")
def bad_acl(env):
    with env.dir() as (s, path):
        file = on_file(s, path)
        host_acl(file)
        for bad in (b"x", b"\2\0\0\0x", struct.pack("<I", 1), FULL[:-1],
                    FULL + b"\0", FULL[8:], acl((1, 8), (4, 0), (32, 0)),
                    acl((1, 6), (32, 0)), acl((64, 7), (4, 0), (32, 0)),
                    acl((1, 6), (2, 7, 1), (4, 0), (32, 0)),
                    FULL * 100):
            check(call_set(s, bad) in (errno.EINVAL, errno.EOPNOTSUPP),
                  f"an ACL of {bad[:30]!r} was not refused")
        fails(errno.EACCES, set_value, s, DEFAULT, FULL)
        equal(host_acl(file), None, "ACL")
        equal(stat.S_IMODE(os.stat(file).st_mode), 0o644, "mode")
        os.symlink("file", path + "/link")
        s.walk(1, 4, "link")
        fails(errno.EOPNOTSUPP, set_value, s, ACCESS, FULL, fid=4)
        fails(errno.EOPNOTSUPP, s.xattrwalk, 4, 5, ACCESS)


def call_set(s, value):
    """0 or the errno of setting an access ACL."""
    try:
        set_value(s, ACCESS, value)
    except P9Error as err:
        return err.errno
    return 0


@test("the memory of xattrs has a limit; beyond it is ENOBUFS")
def memory_limit(env):
    most = env.limits[3]
    if not env.limited_socket:
        raise Skip("no --limited-socket")
    with env.dir(where=env.limited_socket) as (s, path):
        file = on_file(s, path)
        before = env.held(s)
        code, count = 0, 0
        while not code:
            s.walk(2, 100 + count)
            code = call(s, p9raw.xattrcreate(100 + count, "user.a", 10000))
            count += 1
            check(count * 10000 <= most, "more than the limit is kept")
        equal(code, errno.ENOBUFS, f"errno of value {count}")
        check(count > most // 10000 // 2, f"only {count} values are kept")
        os.setxattr(file, "user.x", b"x" * 20000)
        fails(errno.ENOBUFS, s.xattrwalk, 2, 50, "user.x")
        fails(errno.EBADF, s.clunk, 50)
        for fid in range(100, 102 + min(count - 2, 3)):
            check(call(s, p9raw.clunk(fid)), "half a value is taken")
        equal(get_value(s, "user.x"), b"x" * 20000, "value")
        # All of it comes back with the session
        s.version()
        s.attach(0)
        s.walk(0, 1, s.top)
        s.walk(1, 2, "file")
        equal(env.held(s), before, "what the session holds")
