#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Ordinary file work in a directory, in KTAP: what a program expects of a file
system, one small test each. Run on a 9P mount it proves that every operation
of the server does what it says; run on a local file system it proves that the
tests themselves are right.

usage: files.py DIR [--control]    (--control: DIR is on a local file system)
"""

import errno
import fcntl
import os
import shutil
import stat
import struct
import sys
import tempfile
import threading
import time

TESTS = []
# What only one of the two kinds of file system does, and why
LOCAL_ONLY = {
    "write_through_shared_mmap": "cache=none has no shared writable mmap",
}
REMOTE_ONLY = {
    "device_nodes_are_refused": "it is the server that refuses them",
}


class Skip(Exception):
    """Says why a test cannot be run here."""


def test(function):
    TESTS.append(function)
    return function


def write(path, data=b"data", flags=os.O_WRONLY | os.O_CREAT, mode=0o644):
    fd = os.open(path, flags, mode)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def fails(number, function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except OSError as error:
        equal(errno.errorcode.get(error.errno), errno.errorcode[number],
              f"{function.__name__}{arguments}")
        return
    raise AssertionError(f"{function.__name__}{arguments} gave {result!r}, "
                         f"wanted {errno.errorcode[number]}")


@test
def create_read_write():
    equal(write("f", b"hello"), 5)
    equal(read("f"), b"hello")
    equal(os.stat("f").st_size, 5)
    equal(stat.S_IMODE(os.stat("f").st_mode), 0o644)


@test
def empty_file():
    write("f", b"")
    equal(read("f"), b"")
    equal(os.stat("f").st_size, 0)


@test
def exclusive_create():
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    write("f", flags=flags)
    fails(errno.EEXIST, os.open, "f", flags)
    os.symlink("nowhere", "l")
    fails(errno.EEXIST, os.open, "l", flags)


@test
def truncating_open():
    write("f", b"long content")
    write("f", b"x", os.O_WRONLY | os.O_TRUNC)
    equal(read("f"), b"x")


@test
def append():
    write("f", b"one")
    write("f", b"two", os.O_WRONLY | os.O_APPEND)
    equal(read("f"), b"onetwo")


@test
def append_of_several_writers():
    def work(letter):
        fd = os.open("f", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for _ in range(50):
            os.write(fd, letter * 16)
        os.close(fd)

    write("f", b"")
    threads = [threading.Thread(target=work, args=(letter,))
               for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = read("f")
    equal(len(data), 3 * 50 * 16)
    for at in range(0, len(data), 16):
        equal(len(set(data[at:at + 16])), 1, f"record at {at}")


@test
def pread_and_pwrite():
    fd = os.open("f", os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, b"abc", 10)
    equal(os.pread(fd, 20, 0), bytes(10) + b"abc")
    equal(os.pread(fd, 5, 100), b"")
    os.close(fd)


@test
def holes_and_large_offsets():
    fd = os.open("f", os.O_RDWR | os.O_CREAT, 0o644)
    far = (1 << 33) + 123
    os.pwrite(fd, b"end", far)
    equal(os.fstat(fd).st_size, far + 3)
    equal(os.pread(fd, 3, far), b"end")
    equal(os.pread(fd, 4, 1 << 32), bytes(4))
    os.close(fd)
    if os.stat("f").st_blocks * 512 > 1 << 24:
        raise AssertionError("the hole takes space")


@test
def truncate_and_extend():
    write("f", b"0123456789")
    os.truncate("f", 4)
    equal(read("f"), b"0123")
    os.truncate("f", 8)
    equal(read("f"), b"0123" + bytes(4))


@test
def megabytes_survive():
    block = bytes(range(256)) * 4096
    with open("f", "wb") as file:
        for i in range(4):
            file.write(block[i:] + block[:i])
    with open("f", "rb") as file:
        for i in range(4):
            equal(file.read(len(block)) == block[i:] + block[:i], True, f"block {i}")


@test
def odd_sizes_survive():
    for size in (1, 511, 4095, 4096, 4097, 65535, 131071, 131072, 131073):
        data = os.urandom(size)
        write(f"f{size}", data)
        equal(read(f"f{size}") == data, True, f"size {size}")


@test
def sync_and_datasync():
    fd = os.open("f", os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(fd, b"x")
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(fd)
    write("g", b"y", os.O_WRONLY | os.O_CREAT | os.O_SYNC)
    equal(read("g"), b"y")


@test
def missing_names():
    fails(errno.ENOENT, os.stat, "missing")
    fails(errno.ENOENT, os.open, "missing", os.O_RDONLY)
    fails(errno.ENOENT, os.unlink, "missing")
    fails(errno.ENOENT, os.rename, "missing", "other")
    fails(errno.ENOENT, os.mkdir, "missing/dir")


@test
def a_file_is_no_directory():
    write("f")
    fails(errno.ENOTDIR, os.stat, "f/x")
    fails(errno.ENOTDIR, os.rmdir, "f")
    fails(errno.ENOTDIR, os.listdir, "f")


@test
def directories():
    os.mkdir("d", 0o750)
    equal(stat.S_IMODE(os.stat("d").st_mode), 0o750)
    fails(errno.EEXIST, os.mkdir, "d")
    write("d/f")
    fails(errno.ENOTEMPTY, os.rmdir, "d")
    fails(errno.EISDIR, os.open, "d", os.O_WRONLY)
    os.unlink("d/f")
    os.rmdir("d")
    fails(errno.ENOENT, os.stat, "d")


@test
def deep_directories():
    path = "/".join(f"level{i}" for i in range(12))
    os.makedirs(path)
    write(f"{path}/f", b"deep")
    equal(read(f"{path}/f"), b"deep")
    shutil.rmtree("level0")
    equal(os.listdir("."), [])


@test
def large_directory():
    names = {f"entry-{i:04}-{'x' * (i % 60)}" for i in range(200)}
    os.mkdir("d")
    for name in names:
        os.mknod(f"d/{name}", 0o600 | stat.S_IFREG)
    found = os.listdir("d")
    equal(len(found), len(names), "entries")
    equal(set(found), names)
    kinds = {entry.is_file(follow_symlinks=False) for entry in os.scandir("d")}
    equal(kinds, {True})


@test
def rewind_sees_changes():
    os.mkdir("d")
    for name in "abc":
        write(f"d/{name}")
    equal(sorted(os.listdir("d")), ["a", "b", "c"])
    os.unlink("d/b")
    write("d/z")
    equal(sorted(os.listdir("d")), ["a", "c", "z"])


@test
def link_counts():
    write("f")
    os.link("f", "g")
    equal(os.stat("f").st_nlink, 2)
    equal(os.path.samestat(os.stat("f"), os.stat("g")), True)
    write("g", b"more", os.O_WRONLY | os.O_TRUNC)
    equal(read("f"), b"more")
    os.unlink("f")
    equal(os.stat("g").st_nlink, 1)
    fails(errno.EEXIST, os.link, "g", "g")


@test
def symbolic_links():
    write("f", b"target")
    os.symlink("f", "l")
    equal(os.readlink("l"), "f")
    equal(read("l"), b"target")
    equal(stat.S_ISLNK(os.lstat("l").st_mode), True)
    os.symlink("/absolute/elsewhere", "a")
    equal(os.readlink("a"), "/absolute/elsewhere")
    os.symlink("x" * 1000, "long")
    equal(os.readlink("long"), "x" * 1000)
    fails(errno.EINVAL, os.readlink, "f")
    os.symlink("self", "self")
    fails(errno.ELOOP, os.stat, "self")


@test
def a_link_through_a_directory():
    os.mkdir("d")
    write("d/f", b"inside")
    os.symlink("d", "l")
    equal(read("l/f"), b"inside")
    equal(os.listdir("l"), ["f"])


@test
def fifos_and_sockets_are_the_clients():
    os.mkfifo("p", 0o600)
    equal(stat.S_ISFIFO(os.stat("p").st_mode), True)
    got = []
    reader = threading.Thread(target=lambda: got.append(read("p")))
    reader.start()
    write("p", b"through", os.O_WRONLY)
    reader.join(20)
    equal(got, [b"through"])
    os.mknod("s", 0o600 | stat.S_IFSOCK)
    equal(stat.S_ISSOCK(os.stat("s").st_mode), True)


@test
def device_nodes_are_refused():
    fails(errno.EPERM, os.mknod, "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    fails(errno.EPERM, os.mknod, "disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0))


@test
def rename_within():
    write("a", b"one")
    os.rename("a", "b")
    equal(read("b"), b"one")
    fails(errno.ENOENT, os.stat, "a")


@test
def rename_over():
    write("a", b"new")
    write("b", b"old")
    os.rename("a", "b")
    equal(read("b"), b"new")
    equal(os.listdir("."), ["b"])


@test
def rename_of_directories():
    os.makedirs("d/e")
    write("d/e/f", b"moved")
    os.mkdir("t")
    os.rename("d", "t/d")
    equal(read("t/d/e/f"), b"moved")
    fails(errno.EINVAL, os.rename, "t", "t/d/t")
    os.mkdir("full")
    write("full/x")
    fails(errno.ENOTEMPTY, os.rename, "t", "full")
    write("file")
    fails(errno.ENOTDIR, os.rename, "t", "file")
    fails(errno.EISDIR, os.rename, "file", "t")


@test
def rename_of_an_open_file():
    fd = os.open("a", os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, b"before")
    os.mkdir("d")
    os.rename("a", "d/b")
    os.write(fd, b"after")
    equal(os.pread(fd, 20, 0), b"beforeafter")
    equal(os.fstat(fd).st_size, 11)
    os.close(fd)
    equal(read("d/b"), b"beforeafter")


@test
def an_open_file_outlives_its_name():
    fd = os.open("f", os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, b"still here")
    os.unlink("f")
    equal(os.pread(fd, 20, 0), b"still here")
    os.pwrite(fd, b"STILL", 0)
    equal(os.pread(fd, 20, 0), b"STILL here")
    equal(os.listdir("."), [])
    os.close(fd)


@test
def modes():
    write("f")
    for mode in (0o600, 0o755, 0o000, 0o4755, 0o2755, 0o1777):
        os.chmod("f", mode)
        equal(stat.S_IMODE(os.stat("f").st_mode), mode)


@test
def owners():
    write("f")
    os.chown("f", 1234, 5678)
    found = os.stat("f")
    equal((found.st_uid, found.st_gid), (1234, 5678))
    os.chown("f", 0, -1)
    equal((os.stat("f").st_uid, os.stat("f").st_gid), (0, 5678))
    os.symlink("f", "l")
    os.lchown("l", 42, 43)
    equal((os.lstat("l").st_uid, os.lstat("l").st_gid), (42, 43))


@test
def times():
    write("f")
    # Whole seconds: the kernel's client cuts off what it sets beyond that. That
    # the server keeps nanoseconds is a test of its messages.
    os.utime("f", ns=(1_000_000_123_456_789, 2_000_000_987_654_321))
    found = os.stat("f")
    equal((found.st_atime_ns // 10**9, found.st_mtime_ns // 10**9), (1_000_000, 2_000_000))
    os.utime("f")
    if abs(os.stat("f").st_mtime - time.time()) > 60:
        raise AssertionError("utime() without times is not now")


@test
def modification_shows_in_times():
    write("f")
    os.utime("f", (1000, 1000))
    write("f", b"more", os.O_WRONLY | os.O_APPEND)
    if os.stat("f").st_mtime <= 1000:
        raise AssertionError("a write left the modification time alone")


@test
def names():
    for name in ("n" * 255, "\u00fc\u4e2d\U0001f600", "a b\tc\nd", "-rf", "*?[",
                 "...", " ", "trailing ", "\\back"):
        write(name, name.encode())
        equal(read(name), name.encode())
    raw = bytes([0xff, 0xfe, 0x80, 0x01])
    write(raw, b"bytes")
    equal(raw in os.listdir(b"."), True)
    fails(errno.ENAMETOOLONG, os.open, "n" * 256, os.O_WRONLY | os.O_CREAT)


def in_child(function, *arguments):
    """Runs it in a process of its own, which must not fail."""
    child = os.fork()
    if not child:
        status = 1
        try:
            function(*arguments)
            status = 0
        except (AssertionError, OSError) as error:
            print(f"# in a child: {type(error).__name__}: {error}", flush=True)
        finally:
            os._exit(status)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, "child")


@test
def extended_attributes():
    write("f")
    fails(errno.ENODATA, os.getxattr, "f", "user.a")
    os.setxattr("f", "user.a", b"value")
    os.setxattr("f", "user.b", b"\0binary\xff", os.XATTR_CREATE)
    equal(os.getxattr("f", "user.a"), b"value")
    equal(os.getxattr("f", "user.b"), b"\0binary\xff")
    equal(sorted(os.listxattr("f")), ["user.a", "user.b"])
    fails(errno.EEXIST, os.setxattr, "f", "user.a", b"x", os.XATTR_CREATE)
    fails(errno.ENODATA, os.setxattr, "f", "user.c", b"x", os.XATTR_REPLACE)
    os.setxattr("f", "user.a", b"new", os.XATTR_REPLACE)
    equal(os.getxattr("f", "user.a"), b"new")
    os.setxattr("f", "user.a", b"")
    equal(os.getxattr("f", "user.a"), b"")
    os.rename("f", "g")
    os.removexattr("g", "user.a")
    equal(os.listxattr("g"), ["user.b"])
    fails(errno.ENODATA, os.removexattr, "g", "user.a")
    os.mkdir("d")
    os.setxattr("d", "user.dir", b"yes")
    equal(os.getxattr("d", "user.dir"), b"yes")


@test
def large_attributes():
    write("f")
    for size in (1, 4095, 4097, 60000, 65536):
        value = os.urandom(size)
        os.setxattr("f", "user.large", value)
        equal(os.getxattr("f", "user.large") == value, True, f"size {size}")
    fails(errno.E2BIG, os.setxattr, "f", "user.larger", bytes(65537))
    equal(os.listxattr("f"), ["user.large"])


def become_user():
    os.setgroups([])
    os.setresgid(2000, 2000, 2000)
    os.setresuid(1000, 1000, 1000)


@test
def attributes_of_the_system():
    write("f")
    os.setxattr("f", "trusted.t", b"root's")
    equal(os.getxattr("f", "trusted.t"), b"root's")
    os.chmod("f", 0o666)

    def user():
        become_user()
        fails(errno.ENODATA, os.getxattr, "f", "trusted.t")
        fails(errno.EPERM, os.setxattr, "f", "trusted.t", b"x")
        os.setxattr("f", "user.u", b"user's")

    in_child(user)
    equal(os.getxattr("f", "user.u"), b"user's")


@test
def capabilities_of_files():
    # cap_net_raw, effective, as setcap writes it
    caps = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
    write("f", mode=0o666)
    try:
        os.setxattr("f", "security.capability", caps)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        raise Skip("the kernel's client was built without them") from None
    equal(os.getxattr("f", "security.capability"), caps)
    fails(errno.EINVAL, os.setxattr, "f", "security.capability", b"none")

    def user():
        become_user()
        fails(errno.EPERM, os.setxattr, "f", "security.capability", caps)

    in_child(user)
    # A write takes them away, as it does a setuid bit
    write("f", b"changed", os.O_WRONLY)
    fails(errno.ENODATA, os.getxattr, "f", "security.capability")


def try_lock(path, kind, length=0, start=0):
    """Whether this process gets a lock, which it gives back."""
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, kind | fcntl.LOCK_NB, length, start)
        except BlockingIOError:
            return False
        return True


@test
def locks_between_processes():
    write("f", b"0123456789")

    def other(wanted):
        for at in (4, 5, 9, 10):
            equal(try_lock("f", fcntl.LOCK_EX, 1, at), wanted, f"byte {at}")
        equal(try_lock("f", fcntl.LOCK_EX, 4, 0), True, "beside it")

    with open("f", "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 0, 4)
        in_child(other, False)
        fcntl.lockf(file, fcntl.LOCK_SH, 0, 4)
        in_child(lambda: equal(try_lock("f", fcntl.LOCK_SH), True, "shared"))
        in_child(other, False)
        fcntl.lockf(file, fcntl.LOCK_UN, 6, 4)
        in_child(lambda: equal(try_lock("f", fcntl.LOCK_EX, 10), True, "part"))
        in_child(lambda: equal(try_lock("f", fcntl.LOCK_EX), False, "rest"))
    in_child(other, True)


@test
def a_lock_is_waited_for():
    write("f")
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            with open("f", "r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                os.write(tell, b"x")
                time.sleep(1)
            status = 0
        finally:
            os._exit(status)
    os.read(ready, 1)
    with open("f", "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


@test
def locks_of_whole_files():
    write("f")
    with open("f", "r+b") as one, open("f", "r+b") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fails(errno.EAGAIN, fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(one, fcntl.LOCK_UN)
        fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open("f", "r+b") as three:
        fcntl.flock(three, fcntl.LOCK_EX | fcntl.LOCK_NB)


@test
def as_another_user():
    os.mkdir("d")
    os.chmod("d", 0o1777)
    write("secret", b"root's", mode=0o600)
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setgid(2000)
            os.setuid(1000)
            fails(errno.EACCES, os.open, "secret", os.O_RDONLY)
            fails(errno.EACCES, os.open, "new", os.O_WRONLY | os.O_CREAT)
            write("d/mine", b"mine")
            found = os.stat("d/mine")
            equal((found.st_uid, found.st_gid), (1000, 2000))
            fails(errno.EPERM, os.chown, "d/mine", 0, 0)
            status = 0
        finally:
            os._exit(status)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
    equal(os.stat("d/mine").st_uid, 1000)


@test
def statfs():
    found = os.statvfs(".")
    if not found.f_blocks or found.f_bfree > found.f_blocks:
        raise AssertionError(f"statvfs says {found}")
    equal(found.f_namemax >= 255, True)


@test
def inode_numbers_are_steady():
    write("f")
    before = os.stat("f").st_ino
    os.rename("f", "g")
    equal(os.stat("g").st_ino, before)
    entries = {entry.name: entry.inode() for entry in os.scandir(".")}
    equal(entries["g"], before)
    write("h")
    equal(os.stat("h").st_ino != before, True)


@test
def write_through_shared_mmap():
    import mmap
    write("f", bytes(4096))
    with open("f", "r+b") as file, mmap.mmap(file.fileno(), 4096) as area:
        area[:5] = b"mmap!"
        area.flush()
    equal(read("f")[:5], b"mmap!")


@test
def many_threads_at_once():
    def work(number):
        try:
            os.mkdir(f"t{number}")
            for i in range(20):
                data = f"{number} {i}".encode() * 50
                write(f"t{number}/f", data)
                os.rename(f"t{number}/f", f"t{number}/g{i}")
                equal(read(f"t{number}/g{i}"), data)
                os.stat(f"t{number}")
                if i % 2:
                    os.unlink(f"t{number}/g{i}")
            equal(len(os.listdir(f"t{number}")), 10)
        except BaseException as error:
            problems.append(error)

    problems = []
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(problems, [])


def run(function, top):
    work = tempfile.mkdtemp(prefix="files.", dir=top)
    os.chmod(work, 0o755)
    os.chdir(work)
    try:
        function()
    finally:
        os.chdir(top)
        shutil.rmtree(work)


def main():
    os.umask(0o022)
    others = REMOTE_ONLY if "--control" in sys.argv else LOCAL_ONLY
    top = os.path.realpath(sys.argv[1])
    failed = 0
    print(f"KTAP version 1\n1..{len(TESTS)}", flush=True)
    for number, function in enumerate(TESTS, 1):
        name = function.__name__
        if name in others:
            print(f"ok {number} {name} # SKIP {others[name]}", flush=True)
            continue
        try:
            run(function, top)
        except Skip as why:
            print(f"ok {number} {name} # SKIP {why}", flush=True)
        except (AssertionError, OSError) as error:
            failed += 1
            print(f"# {type(error).__name__}: {error}\nnot ok {number} {name}", flush=True)
        else:
            print(f"ok {number} {name}", flush=True)
    return 1 if failed else 0


sys.exit(main())
