# SPDX-License-Identifier: GPL-2.0
"""Files and directories: what is done here is what the host sees."""
import errno
import os
import socket
import stat
import threading
import time

import p9raw
from harness import check, equal, one_of, test
from p9raw import P9Error
from raw_framing import call, fails
from raw_names import get, put, tree

RW = p9raw.O_RDWR
NO_OFFSET = (errno.EINVAL, errno.EFBIG, errno.EOVERFLOW)


@test("data written is what the host reads, and the other way round")
def data_both_ways(env):
    with env.dir(msize=8192) as (s, path):
        data = os.urandom(100001)
        s.walk(1, 2)
        s.lcreate(2, "file")
        s.write_all(2, data)
        equal(get(path + "/file"), data, "data at the host")
        put(path + "/other", data[::-1])
        s.walk(1, 3, "other")
        s.lopen(3)
        equal(s.read_all(3, 200000), data[::-1], "data read")


@test("a read past the end gives no data, one across it gives what is there")
def read_end(env):
    with env.dir() as (s, _):
        s.lcreate(1, "file")
        s.write(1, 0, b"0123456789")
        for offset, count, want in [(10, 10, b""), (11, 1, b""), (9, 9, b"9"),
                                    (1 << 40, 99, b""), (0, 0, b""),
                                    (5, 0, b""), (0, 10, b"0123456789")]:
            equal(s.read(1, offset, count), want, f"read {count} at {offset}")


@test("offsets near 2^63 and 2^64 do no harm")
def offset_huge(env):
    with env.dir() as (s, path):
        s.lcreate(1, "file")
        s.write(1, 0, b"data")
        for offset in (1 << 63) - 1, 1 << 63, (1 << 63) + 1, (1 << 64) - 1, \
                (1 << 64) - 4:
            try:
                equal(s.read(1, offset, 4096), b"", f"read at {offset}")
            except P9Error as err:
                one_of(err.errno, NO_OFFSET, f"read at {offset}")
            fails(NO_OFFSET, s.write, 1, offset, b"x")
        fails(NO_OFFSET, s.setattr, 1, p9raw.SET_SIZE, size=1 << 63)
        fails(NO_OFFSET, s.setattr, 1, p9raw.SET_SIZE, size=(1 << 64) - 1)
        equal(get(path + "/file"), b"data", "file")


@test("a count that is more than a message holds is cut down")
def count_huge(env):
    with env.dir(msize=8192) as (s, _):
        s.lcreate(1, "file")
        s.write_all(1, b"x" * 20000)
        for count in 8192, 1 << 20, 1 << 31, 0xffffffff:
            got = s.read(1, 0, count)
            check(4096 <= len(got) <= 8192 - 11, f"{len(got)} bytes")
            equal(got, b"x" * len(got), "data")
        equal(s.write(1, 0, b""), 0, "a write of nothing")


@test("a read whose data just fits the msize is answered whole")
def count_exact(env):
    for msize in 4096, 8192, (1 << 20) + 24:
        with env.dir(msize=msize) as (s, path):
            put(path + "/file", b"y" * (msize + 1))
            s.walk(1, 2, "file")
            s.lopen(2)
            for less in 11, 12, 24:
                if s.msize != msize:
                    continue
                equal(len(s.read(2, 0, msize - less)), msize - less, "bytes")


@test("what a fid was not opened for gives EBADF, and so does one not opened")
def open_modes(env):
    with env.dir() as (s, path):
        put(path + "/file", b"data")
        for n, name in enumerate(["rd", "wr", "none"], 2):
            s.walk(1, n, "file")
            del name
        s.lopen(2, p9raw.O_RDONLY)
        s.lopen(3, p9raw.O_WRONLY)
        fails(errno.EBADF, s.write, 2, 0, b"x")
        fails(errno.EBADF, s.read, 3, 0, 1)
        not_open = (errno.EBADF, errno.EINVAL)
        fails(not_open, s.read, 4, 0, 1)
        fails(not_open, s.write, 4, 0, b"x")
        fails(not_open, s.readdir, 1, 0, 4096)
        check(call(s, p9raw.lopen(2, RW)), "a second open of a fid")
        check(call(s, p9raw.lcreate(2, "x")), "a create in an open file")
        fails((errno.EBADF, errno.EISDIR, errno.EINVAL), s.read, 1, 0, 9)
        fails((errno.ENOTDIR, errno.EBADF, errno.EINVAL), s.readdir, 2, 0, 99)
        equal(get(path + "/file"), b"data", "file")


@test("open flags mean what they mean: trunc, append, excl, directory")
def open_flags(env):
    with env.dir() as (s, path):
        put(path + "/file", b"0123456789")
        s.walk(1, 2, "file")
        s.lopen(2, p9raw.O_WRONLY | p9raw.O_APPEND)
        s.write(2, 0, b"ab")
        equal(get(path + "/file"), b"0123456789ab", "after an append")
        s.clunk(2)
        s.walk(1, 2, "file")
        fails(errno.ENOTDIR, s.lopen, 2, p9raw.O_DIRECTORY)
        s.lopen(2, p9raw.O_WRONLY | p9raw.O_TRUNC)
        equal(get(path + "/file"), b"", "after a truncating open")
        s.walk(1, 3)
        fails(errno.EEXIST, s.lcreate, 3, "file",
              RW | p9raw.O_CREAT | p9raw.O_EXCL)
        s.walk(1, 4)
        fails(errno.EISDIR, s.lopen, 4, RW)
        s.lopen(4, p9raw.O_RDONLY | p9raw.O_DIRECTORY)


@test("create makes the file with its mode and group and moves the fid there")
def create_moves(env):
    with env.dir() as (s, path):
        s.walk(1, 2)
        qid, _ = s.lcreate(2, "file", RW | p9raw.O_CREAT, 0o640, 77)
        st = os.stat(path + "/file")
        equal(stat.S_IMODE(st.st_mode), 0o640, "mode")
        equal((st.st_uid, st.st_gid), (0, 77), "owner")
        equal(s.getattr(2).qid, qid, "qid of the fid")
        equal(s.write(2, 0, b"hello"), 5, "written")
        equal(get(path + "/file"), b"hello", "data")
        s.walk(1, 3)
        s.lcreate(3, "readonly", RW | p9raw.O_CREAT, 0o444)
        equal(s.write(3, 0, b"x"), 1, "written to a new file of mode 444")


@test("attributes are the host's")
def attributes(env):
    with env.dir() as (s, path):
        put(path + "/file", b"x" * 5000)
        os.chown(path + "/file", 12, 34)
        os.chmod(path + "/file", 0o4751)
        os.utime(path + "/file", ns=(1234567890123456789, 987654321987654321))
        os.link(path + "/file", path + "/second")
        s.walk(1, 2, "file")
        for mask in p9raw.GETATTR_BASIC, p9raw.GETATTR_ALL:
            a = s.getattr(2, mask)
            st = os.stat(path + "/file")
            equal(a.valid & p9raw.GETATTR_BASIC, p9raw.GETATTR_BASIC, "valid")
            equal((a.mode, a.uid, a.gid, a.nlink, a.size, a.blocks),
                  (st.st_mode, 12, 34, 2, 5000, st.st_blocks), "attributes")
            for mine, hosts in [((a.atime, a.atime_ns), st.st_atime_ns),
                                ((a.mtime, a.mtime_ns), st.st_mtime_ns),
                                ((a.ctime, a.ctime_ns), st.st_ctime_ns)]:
                equal(mine[0] * 10**9 + mine[1], hosts, "a time")
        check(s.getattr(2).blksize >= 512, "blksize")
        equal(s.getattr(1).qid.type, p9raw.QTDIR, "type of a directory's qid")
        equal(s.getattr(2).qid.type, p9raw.QTFILE, "type of a file's qid")


@test("attributes that are set are the host's, and only those")
def set_attributes(env):
    with env.dir() as (s, path):
        put(path + "/file", b"0123456789")
        os.utime(path + "/file", ns=(10**18, 10**18))
        s.walk(1, 2, "file")
        s.setattr(2, p9raw.SET_MODE, mode=0o604, uid=5, gid=5, size=1)
        st = os.stat(path + "/file")
        equal((stat.S_IMODE(st.st_mode), st.st_uid, st.st_size),
              (0o604, 0, 10), "after a new mode")
        s.setattr(2, p9raw.SET_UID, uid=42)
        s.setattr(2, p9raw.SET_GID, gid=43)
        st = os.stat(path + "/file")
        equal((st.st_uid, st.st_gid), (42, 43), "owner")
        os.utime(path + "/file", ns=(10**18, 10**18))
        s.setattr(2, p9raw.SET_ATIME | p9raw.SET_ATIME_SET, atime=(77, 5))
        st = os.stat(path + "/file")
        equal((st.st_atime_ns, st.st_mtime_ns), (77 * 10**9 + 5, 10**18),
              "times")
        s.setattr(2, p9raw.SET_MTIME)
        check(abs(os.stat(path + "/file").st_mtime - time.time()) < 100,
              "mtime is not now")
        for size in 3, 100000:
            s.setattr(2, p9raw.SET_SIZE, size=size)
            equal(os.stat(path + "/file").st_size, size, "size")
        s.setattr(2, 0)
        equal(get(path + "/file")[:4], b"012\0", "data")


@test("the numbers of the filesystem are the host's")
def filesystem(env):
    with env.session() as s:
        mine, hosts = s.statfs(0), os.statvfs(env.export)
        equal(mine.blocks * mine.bsize, hosts.f_blocks * hosts.f_frsize,
              "size")
        equal(mine.namelen, hosts.f_namemax, "namelen")
        check(abs(mine.files - hosts.f_files) < 1000, "files")


@test("mkdir, link and mknod make what they should, with mode and group")
def make(env):
    with env.dir() as (s, path):
        s.mkdir(1, "dir", 0o1751, 55)
        st = os.stat(path + "/dir")
        equal((st.st_mode, st.st_gid), (stat.S_IFDIR | 0o1751, 55), "mkdir")
        s.mknod(1, "file", stat.S_IFREG | 0o604, gid=56)
        st = os.stat(path + "/file")
        equal((st.st_mode, st.st_gid), (stat.S_IFREG | 0o604, 56), "mknod")
        s.walk(1, 2, "file")
        s.link(1, 2, "second")
        check(os.path.samefile(path + "/file", path + "/second"), "link")
        for request in p9raw.mkdir(1, "dir"), p9raw.link(1, 2, "dir"), \
                p9raw.mknod(1, "file", stat.S_IFREG):
            equal(call(s, request), errno.EEXIST, f"type {request[0]} again")
        check(call(s, p9raw.link(1, 1, "loop")), "a link to a directory")


@test("device nodes are refused; FIFOs and sockets are made")
def mknod_kinds(env):
    with env.dir() as (s, path):
        for kind, name in [(stat.S_IFCHR, "chr"), (stat.S_IFBLK, "blk")]:
            fails(errno.EPERM, s.mknod, 1, name, kind | 0o666, 1, 3)
        for kind in stat.S_IFLNK, stat.S_IFDIR, 0o160000, 0o030000:
            check(call(s, p9raw.mknod(1, "odd", kind | 0o644)),
                  f"a node of mode {kind:o}")
        s.mknod(1, "fifo", stat.S_IFIFO | 0o640)
        s.mknod(1, "sock", stat.S_IFSOCK | 0o640)
        equal(sorted(os.listdir(path)), ["fifo", "sock"], "directory")
        equal(os.lstat(path + "/fifo").st_mode, stat.S_IFIFO | 0o640, "FIFO")


@test("a FIFO, socket or device is never opened, and no open of one hangs")
def special_open(env):
    with env.dir() as (s, path):
        os.mkfifo(path + "/fifo")
        server = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(path)
        server.bind("sock")
        os.chdir(here)
        os.mknod(path + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        for name in "fifo", "sock", "null":
            for flags in 0, 1, 2, 0o4000, p9raw.O_TRUNC | 1:
                s.walk(1, 2, name)
                check(call(s, p9raw.lopen(2, flags)),
                      f"{name} was opened with {flags:o}")
                s.getattr(2)
                s.clunk(2)
            s.walk(1, 3)
            check(call(s, p9raw.lcreate(3, name)), f"create opened {name}")
            s.clunk(3)
            if name != "sock":
                continue
            s.walk(1, 2, name)
            s.setattr(2, p9raw.SET_MODE, mode=0o600)
            s.clunk(2)
        server.close()
        # A server that hung in an open would not answer any more
        env.alive()


def names_of(entries):
    return [os.fsdecode(e.name) for e in entries
            if e.name not in (b".", b"..")]


@test("readdir in pieces of any size loses no entry and splits none")
def readdir_pieces(env):
    with env.dir(msize=16384) as (s, path):
        names = {f"{n:03}" + "n" * (n % 90) for n in range(300)}
        for name in names:
            put(f"{path}/{name}")
        for count in 128, 200, 257, 1000, 4096, 16384 - 11, 1 << 30:
            s.walk(1, 2)
            s.lopen(2)
            got = names_of(s.entries(2, count))
            equal(len(got), len(names), f"entries in pieces of {count}")
            equal(set(got), names, f"names in pieces of {count}")
            s.clunk(2)


@test("a readdir too small for one entry is an error, not the end")
def readdir_tiny(env):
    with env.dir() as (s, path):
        put(path + "/" + "x" * 200)
        s.lopen(1)
        seen = 0
        offset = 0
        for _ in range(3):
            try:
                piece = s.readdir(1, offset, 60)
            except P9Error as err:
                equal(err.errno, errno.EINVAL, "errno")
                break
            check(piece, "the end is told, but an entry is left")
            offset = piece[-1].offset
            seen += len(piece)
        check(seen <= 2, "an entry of 200 bytes came in 60")
        for count in 0, 1, 23:
            try:
                equal(s.readdir(1, 0, count), [], f"readdir of {count}")
            except P9Error as err:
                equal(err.errno, errno.EINVAL, f"readdir of {count}")
        equal(len(names_of(s.readdir(1, 0, 4096))), 1, "entries")


@test("readdir goes on from any offset that it gave, in any order")
def readdir_offsets(env):
    with env.dir() as (s, path):
        for n in range(60):
            put(f"{path}/{n}")
        s.lopen(1)
        entries = s.entries(1, 300)
        for at in 50, 3, 30, 31, 0:
            rest = []
            offset = entries[at].offset
            while True:
                piece = s.readdir(1, offset, 500)
                if not piece:
                    break
                rest += piece
                offset = piece[-1].offset
            equal([e.name for e in rest], [e.name for e in entries[at + 1:]],
                  f"entries after number {at}")
        equal(s.readdir(1, 0, 4096)[0], entries[0], "a restart")


@test("entries tell the type and the qid that a walk gives")
def readdir_types(env):
    with env.dir() as (s, path):
        os.mkdir(path + "/dir")
        put(path + "/file")
        os.symlink("x", path + "/link")
        os.mkfifo(path + "/fifo")
        s.walk(1, 2)
        s.lopen(2)
        kinds = {}
        for e in s.entries(2):
            if e.name in (b".", b".."):
                continue
            kinds[e.name] = e.type
            walked = s.walk(1, 3, e.name)[0]
            s.clunk(3)
            equal((e.qid.type, e.qid.path), (walked.type, walked.path),
                  f"qid of {e.name}")
        equal(kinds, {b"dir": 4, b"file": 8, b"link": 10, b"fifo": 1}, "types")


@test("'..' in the listing of the root tells nothing of what is above")
def readdir_root(env):
    with env.session() as s:
        root = s.getattr(0).qid
        above = os.stat(os.path.dirname(env.export)).st_ino
        inside = os.stat(env.export).st_ino
        s.walk(0, 1)
        s.lopen(1)
        for e in s.entries(1):
            if e.name == b"..":
                check(e.qid.path == root.path or above == inside,
                      f"'..' of the root is {e.qid}")


@test("a rename replaces what is there; the fid goes along")
def rename_over(env):
    with env.dir() as (s, path):
        put(path + "/a", b"a")
        put(path + "/b", b"b")
        os.mkdir(path + "/dir")
        s.walk(1, 2, "a")
        s.walk(1, 3, "dir")
        s.renameat(1, "a", 1, "b")
        equal((os.listdir(path).count("a"), get(path + "/b")), (0, b"a"), "b")
        s.rename(2, 3, "c")
        equal(get(path + "/dir/c"), b"a", "dir/c")
        s.lopen(2, RW)
        s.write(2, 0, b"A")
        equal(get(path + "/dir/c"), b"A", "dir/c by the old fid")
        fails(errno.ENOENT, s.renameat, 1, "nothing", 1, "x")
        fails((errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
              s.renameat, 3, "c", 1, "dir")
        fails(errno.EINVAL, s.renameat, 1, "dir", 3, "inside")
        equal(tree(path), [path + "/dir", path + "/dir/c"], "tree")


@test("unlinkat and remove remove; the kinds have to fit")
def unlink(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/dir/sub")
        put(path + "/file")
        fails(errno.EISDIR, s.unlinkat, 1, "dir")
        fails(errno.ENOTDIR, s.unlinkat, 1, "file", p9raw.AT_REMOVEDIR)
        fails(errno.ENOTEMPTY, s.unlinkat, 1, "dir", p9raw.AT_REMOVEDIR)
        fails(errno.ENOENT, s.unlinkat, 1, "nothing")
        fails(errno.EINVAL, s.unlinkat, 1, "file", 0x1000)
        s.unlinkat(1, "file")
        s.walk(1, 2, "dir", "sub")
        s.remove(2)
        fails(errno.EBADF, s.getattr, 2)
        s.unlinkat(1, "dir", p9raw.AT_REMOVEDIR)
        equal(os.listdir(path), [], "directory")


@test("remove clunks its fid even if nothing could be removed")
def remove_clunks(env):
    with env.dir() as (s, path):
        os.makedirs(path + "/dir/sub")
        s.walk(1, 2, "dir")
        fails(errno.ENOTEMPTY, s.remove, 2)
        fails(errno.EBADF, s.getattr, 2)
        check(os.path.isdir(path + "/dir/sub"), "the directory is gone")


@test("the root of the export is not removed, renamed or replaced")
def root_stays(env):
    with env.dir() as (s, _):
        s.walk(0, 2)
        check(call(s, p9raw.remove(2)), "the root was removed")
        s.walk(0, 2)
        check(call(s, p9raw.rename(2, 1, "x")), "the root was renamed")
        check(call(s, p9raw.renameat(0, "..", 1, "x")), "'..' was renamed")
        check(call(s, p9raw.unlinkat(0, "..", p9raw.AT_REMOVEDIR)),
              "'..' was removed")
        check(os.path.isdir(env.export), "the export is gone")


@test("an open file that is unlinked stays usable, all of it")
def unlinked_open(env):
    with env.dir() as (s, path):
        s.walk(1, 2)
        s.lcreate(2, "file")
        s.write(2, 0, b"0123456789")
        s.unlinkat(1, "file")
        equal(os.listdir(path), [], "directory")
        equal(s.read(2, 0, 99), b"0123456789", "data")
        equal(s.write(2, 10, b"ab"), 2, "written")
        s.setattr(2, p9raw.SET_SIZE, size=11)
        a = s.getattr(2)
        equal((a.size, a.nlink), (11, 0), "size and links")
        s.setattr(2, p9raw.SET_MODE, mode=0o600)
        s.fsync(2)
        check(call(s, p9raw.walk(1, 3, ["file"])), "the name is still there")


@test("the host renames and unlinks underneath a fid, which does not mind")
def host_moves(env):
    with env.dir() as (s, path):
        put(path + "/file", b"data")
        os.mkdir(path + "/dir")
        s.walk(1, 2, "file")
        s.walk(1, 3, "dir")
        os.rename(path + "/file", path + "/moved")
        os.rename(path + "/dir", path + "/dir2")
        put(path + "/file", b"another")
        s.lopen(2, RW)
        equal(s.read(2, 0, 99), b"data", "data of a renamed file")
        s.mkdir(3, "in")
        check(os.path.isdir(path + "/dir2/in"), "made in the moved directory")
        os.unlink(path + "/moved")
        equal(s.read(2, 0, 99), b"data", "data of an unlinked file")
        equal(s.getattr(2).nlink, 0, "links")
        os.rmdir(path + "/dir2/in")
        os.rmdir(path + "/dir2")
        fails(errno.ENOENT, s.mkdir, 3, "x")
        fails(errno.ENOENT, s.walk, 3, 4, "x")
        s.getattr(3)
        s.clunk(3)


@test("a file removed by the host before it is opened is no other file")
def host_replaces(env):
    with env.dir() as (s, path):
        put(path + "/file", b"old")
        s.walk(1, 2, "file")
        os.unlink(path + "/file")
        put(path + "/file", b"new")
        try:
            s.lopen(2)
            equal(s.read(2, 0, 9), b"old", "data")
        except P9Error as err:
            one_of(err.errno, (errno.ENOENT, errno.ESTALE), "errno")


@test("qid.path is one file's own, and qid.version changes with the file")
def qids(env):
    with env.dir() as (s, path):
        for n in range(20):
            put(f"{path}/{n}")
        paths = {s.walk(1, 10 + n, str(n))[0].path for n in range(20)}
        equal(len(paths), 20, "different qid.path")
        os.link(path + "/0", path + "/again")
        equal(s.walk(1, 40, "again")[0].path, s.getattr(10).qid.path, "link")
        s.lopen(10, RW)
        seen = {s.getattr(10).qid.version}
        for n in range(10):
            s.write(10, n, b"x")
            version = s.getattr(10).qid.version
            check(version not in seen, f"qid.version stays {version}")
            seen.add(version)
        with open(path + "/0", "ab") as f:
            f.write(b"host")
        check(s.getattr(10).qid.version not in seen, "a change by the host")


@test("fsync works on files and directories, and needs an open fid")
def fsyncs(env):
    with env.dir() as (s, _):
        s.walk(1, 2)
        s.lcreate(2, "file")
        s.write(2, 0, b"x")
        s.fsync(2)
        s.fsync(2, 1)
        s.lopen(1)
        s.fsync(1)
        s.walk(0, 3)
        check(call(s, p9raw.fsync(3)) in (0, errno.EBADF, errno.EINVAL),
              "fsync of a fid that is not open")


@test("eight threads of mixed requests on one connection see their own data")
def stress(env):
    with env.dir(msize=65536) as (s, path):
        mux = p9raw.Mux(s, s.msize)
        errors = []

        def work(number):
            try:
                stress_thread(mux, number)
            except Exception as err:  # pylint: disable=broad-except
                errors.append(err)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]
        for n in range(8):
            equal(get(f"{path}/d{n}/renamed"), pattern(n), "data at the host")


def pattern(number):
    return bytes((number * 37 + i * 11) & 0xff for i in range(251)) * 400


def stress_thread(mux, number):
    """Makes a directory, writes a file by pipelined writes, reads it back."""
    c = mux.thread()
    base = 100 * (number + 1)
    data = pattern(number)
    c.mkdir(1, f"d{number}")
    c.walk(1, base, f"d{number}")
    for turn in range(10):
        c.walk(base, base + 1)
        c.lcreate(base + 1, f"f{turn}")
        started = [mux.start(p9raw.write(base + 1, at, data[at:at + 9973]))
                   for at in range(0, len(data), 9973)]
        for one in started:
            mux.finish(one)
        equal(c.getattr(base + 1).size, len(data), "size")
        started = [mux.start(p9raw.read(base + 1, at, 7919))
                   for at in range(0, len(data), 7919)]
        got = b"".join(mux.finish(one)[4:] for one in started)
        equal(got, data, "data")
        c.walk(base, base + 2)
        c.lopen(base + 2)
        equal(len(names_of(c.entries(base + 2, 4096))), 1, "entries")
        c.clunk(base + 2)
        if turn < 9:
            c.remove(base + 1)
        else:
            c.renameat(base, f"f{turn}", base, "renamed")
            c.clunk(base + 1)
