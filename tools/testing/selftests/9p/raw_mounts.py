# SPDX-License-Identifier: GPL-2.0
"""
Several filesystems under one export: what is crossed, and that a file has one
number, which no other has, and a version that changes whenever the file does.
"""
import contextlib
import ctypes
import errno
import mmap
import os
import subprocess
import time

import p9raw
from harness import Skip, check, equal, test
from raw_borders import mount, unmount
from raw_framing import fails
from raw_names import put

NFSD = "/proc/fs/nfsd"
GRACE = 10  # seconds, no less than that can be set

LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skip(f"{' '.join(command)}: {done.stderr.strip()}")


@contextlib.contextmanager
def tmpfs(path):
    os.makedirs(path, exist_ok=True)
    mount("-t", "tmpfs", "none", path)
    try:
        yield path
    finally:
        unmount(path)


@contextlib.contextmanager
def ramfs(path):
    """A filesystem that does not count changes."""
    os.makedirs(path, exist_ok=True)
    mount("-t", "ramfs", "none", path)
    try:
        yield path
    finally:
        unmount(path)


@contextlib.contextmanager
def ext4(path):
    """On a file beside its mount point."""
    os.makedirs(path, exist_ok=True)
    image = path + ".img"
    with open(image, "wb") as f:
        f.truncate(16 << 20)
    run("mkfs.ext4", "-q", image)
    subprocess.run(["modprobe", "-a", "loop", "ext4"], check=False,
                   capture_output=True)
    mount("-o", "loop", image, path)
    try:
        yield path
    finally:
        unmount(path)
        os.unlink(image)


@contextlib.contextmanager
def overlay(path, options="xino=off"):
    """Two layers on two filesystems, each with a file and a directory."""
    layers = path + "-layers"
    with tmpfs(layers), tmpfs(layers + "/lower"), tmpfs(layers + "/upper"):
        for name in "lower/dir", "upper/up/dir", "upper/work":
            os.makedirs(f"{layers}/{name}")
        for name in "lower/low", "lower/dir/low", "upper/up/high", \
                "upper/up/dir/high":
            put(f"{layers}/{name}", b"data")
        os.makedirs(path, exist_ok=True)
        mount("-t", "overlay", "-o", f"{options},lowerdir={layers}/lower,"
              f"upperdir={layers}/upper/up,workdir={layers}/upper/work",
              "none", path)
        try:
            yield path
        finally:
            unmount(path)


@contextlib.contextmanager
def nfs(path, aside):
    """What this kernel exports by NFS, mounted again over loopback."""
    os.makedirs(path, exist_ok=True)
    subprocess.run(["modprobe", "-a", "nfsd", "nfsv4"], check=False,
                   capture_output=True)
    if not os.path.isdir(NFSD) or not os.path.exists("/usr/sbin/rpc.nfsd"):
        raise Skip("there is no NFS server on this machine")
    os.makedirs("/var/lib/nfs/v4recovery", exist_ok=True)
    os.makedirs("/run/rpcbind", exist_ok=True)
    for name in "etab", "rmtab":
        put(f"/var/lib/nfs/{name}")
    if not os.path.ismount(NFSD):
        mount("-t", "nfsd", "nfsd", NFSD)
    try:
        run("exportfs", "-o", "rw,no_root_squash,no_subtree_check,fsid=0,"
            "insecure", f"127.0.0.1:{aside}")
        # Nobody has anything to reclaim, but opens wait for that to be over
        for name in "grace", "lease":
            put(f"{NFSD}/nfsv4{name}time", b"%d" % GRACE)
        run("rpc.nfsd", "--no-nfs-version", "3", "--nfs-version", "4.2", "2")
        with subprocess.Popen(["rpc.mountd", "-F", "--no-nfs-version", "3"],
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as mountd:
            try:
                mount("-i", "-t", "nfs4", "-o", "vers=4.2,addr=127.0.0.1,"
                      "clientaddr=127.0.0.1", "127.0.0.1:/", path)
                time.sleep(GRACE + 2)
                yield path
            finally:
                subprocess.run(["umount", path], check=False)
                mountd.terminate()
    finally:
        subprocess.run(["rpc.nfsd", "0"], check=False, capture_output=True)
        subprocess.run(["exportfs", "-ua"], check=False, capture_output=True)
        unmount(NFSD)


def populate(path):
    """A few files of each sort."""
    os.makedirs(path + "/sub/deeper", exist_ok=True)
    for name in "one", "two", "sub/three":
        put(f"{path}/{name}", name.encode())
    os.symlink("one", path + "/link")
    os.mkfifo(path + "/fifo")


def numbers(s, fid, where, found, depth=4):
    """Checks what readdir and getattr say of each file beneath @fid.

    found: names by qid.path, of all that was seen so far.
    """
    base = 1000 + 10 * depth
    s.walk(fid, base)
    s.lopen(base)
    own = s.getattr(fid).qid.path
    above = s.walk(fid, base + 2, "..")[0].path
    s.clunk(base + 2)
    for entry in s.entries(base):
        name = os.fsdecode(entry.name)
        if name in (".", ".."):
            equal(entry.qid.path, own if name == "." else above,
                  f"qid.path of {where}/{name}")
            continue
        walked = s.walk(fid, base + 1, name)[0]
        got = s.getattr(base + 1).qid
        equal(walked.path, got.path, f"qid.path of {where}/{name}")
        equal(entry.qid.path, got.path, f"qid.path in Rreaddir of {where}/{name}")
        equal(entry.qid.type, got.type, f"qid.type in Rreaddir of {where}/{name}")
        check(got.path not in found,
              f"{where}/{name} has the number of {found.get(got.path)}")
        found[got.path] = f"{where}/{name}"
        if got.type & p9raw.QTDIR and depth:
            numbers(s, base + 1, f"{where}/{name}", found, depth - 1)
        s.clunk(base + 1)
    s.clunk(base)


def numbers_under(s, least):
    found = {s.getattr(0).qid.path: "/"}
    numbers(s, 0, "", found)
    check(len(found) >= least, f"only {len(found)} files were found")


@test("readdir and getattr tell one number of a file, which no other has: "
      "tmpfs, ext4, overlayfs")
def numbers_local(env):
    with env.aside() as top, contextlib.ExitStack() as stack:
        os.mkdir(top + "/in")
        for what, name in [(tmpfs, "t1"), (tmpfs, "t2"), (ext4, "ext4"),
                           (ramfs, "ramfs")]:
            populate(stack.enter_context(what(f"{top}/in/{name}")))
        populate(stack.enter_context(tmpfs(top + "/in/ext4/sub/t3")))
        stack.enter_context(overlay(top + "/in/overlay"))
        populate(top + "/in")
        with env.served(top + "/in") as s:
            numbers_under(s, 40)
            with env.served(top + "/in/overlay") as other:
                numbers_under(other, 5)


@test("the same of an NFS mount")
def numbers_nfs(env):
    with env.aside() as top, ext4(top + "/exported") as exported:
        os.mkdir(top + "/in")
        populate(exported)
        populate(top + "/in")
        with nfs(top + "/in/nfs", exported) as path, env.served(top + "/in") as s:
            check(os.path.exists(path + "/one"), "NFS does not work")
            numbers_under(s, 15)
            s.walk(0, 1, "nfs", "one")
            s.lopen(1)
            equal(s.read(1, 0, 9), b"one", "data")
            s.clunk(1)


@test("inode numbers may have 64 bits")
def numbers_large(env):
    with env.aside() as top, contextlib.ExitStack() as stack:
        stack.enter_context(overlay(top + "/in", "xino=on"))
        large = [n for n in os.listdir(top + "/in")
                 if os.stat(f"{top}/in/{n}").st_ino >> 48]
        if not large:
            raise Skip("xino=on gives no large numbers here")
        for name in "t1", "t2":
            os.mkdir(f"{top}/in/{name}")
            populate(stack.enter_context(tmpfs(f"{top}/in/{name}")))
        stack.enter_context(overlay(top + "/in/t1/again", "xino=on"))
        with env.served(top + "/in") as s:
            for name in large:
                equal(s.walk(0, 1, name)[0].path,
                      os.stat(f"{top}/in/{name}").st_ino, f"number of {name}")
                s.clunk(1)
            numbers_under(s, 20)


@test("crossmnt says whether mount points are crossed, or stay hidden")
def crossmnt(env):
    with env.aside() as top:
        os.makedirs(top + "/in/m/below")
        under = os.stat(top + "/in/m").st_ino
        with tmpfs(top + "/in/m"):
            os.mkdir(top + "/in/m/above")
            for options, seen, hidden in [("", "above", "below"),
                                          ("crossmnt=1", "above", "below"),
                                          ("crossmnt=0", "below", "above")]:
                with env.served(top + "/in", options) as s:
                    equal(len(s.walk(0, 1, "m", seen)), 2, options)
                    equal(len(s.walk(0, 2, "m", hidden)), 1, options)
                    qid = s.walk(1, 3, "..", "..", "m")[2]
                    equal(qid.path == under, seen == "below", options)
                    s.lopen(3)
                    names = [os.fsdecode(e.name) for e in s.entries(3)]
                    equal(sorted(names), [".", "..", seen], "entries")
                    fails(errno.EBUSY, s.unlinkat, 0, "m", p9raw.AT_REMOVEDIR)
                    fails(errno.EBUSY, s.renameat, 0, "m", 0, "x")
                    numbers_under(s, 2)


def versions(s, path, count=200):
    """Changes a file often, at once: what versions getattr told in between."""
    s.walk(0, 1, os.path.basename(path))
    seen = []
    with open(path, "r+b", buffering=0) as f:
        for n in range(count):
            os.pwrite(f.fileno(), bytes([n % 256]), 0)
            seen.append(s.getattr(1).qid.version)
    s.clunk(1)
    return seen


@test("qid.version changes with each change by the host, however soon, and only "
      "then")
def version_changes(env):
    for what in tmpfs, ext4, overlay, ramfs:
        with env.aside() as top, what(top + "/in") as path, \
                env.served(path) as s:
            put(path + "/file", b"same size")
            seen = versions(s, path + "/file")
            equal(len(set(seen)), len(seen), f"versions on {what.__name__}")
            check(0 not in seen, "version 0, which a client does not cache")
            s.walk(0, 1, "file")
            time.sleep(2.5)
            settled = s.getattr(1).qid.version
            time.sleep(0.2)
            equal(s.getattr(1).qid.version, settled, "version at rest")
            equal(s.walk(0, 2, "file")[0].version, settled, "in Rwalk")
            s.lopen(1)
            s.read(1, 0, 9)
            equal(s.getattr(1).qid.version, settled, "version after reading")
            os.chmod(path + "/file", 0o600)
            check(s.getattr(1).qid.version != settled, "chmod left the version")


@test("a directory's version changes with its entries")
def version_directory(env):
    for what in tmpfs, ext4:
        with env.aside() as top, what(top + "/in") as path, \
                env.served(path) as s:
            seen = []
            for n in range(50):
                put(f"{path}/{n}")
                seen.append(s.getattr(0).qid.version)
                os.rename(f"{path}/{n}", f"{path}/x")
                seen.append(s.getattr(0).qid.version)
                os.unlink(f"{path}/x")
                seen.append(s.getattr(0).qid.version)
            equal(len(set(seen)), len(seen), f"versions on {what.__name__}")


def in_memory(path):
    """Whether this side's page cache has any page of a file. A read that must not
    wait is no way to ask: it begins to read ahead, and a fast disk is done with
    that before it has looked."""
    fd = os.open(path, os.O_RDONLY)
    pages = mmap.mmap(fd, 0, mmap.MAP_PRIVATE)
    os.close(fd)
    there = ctypes.create_string_buffer(-(-len(pages) // mmap.PAGESIZE))
    start = ctypes.c_char.from_buffer(pages)
    err = LIBC.mincore(ctypes.byref(start), ctypes.c_size_t(len(pages)), there)
    del start  # or the mapping cannot be closed
    pages.close()
    if err:
        raise OSError(ctypes.get_errno(), f"mincore of {path}")
    return any(byte & 1 for byte in there.raw)


def forget(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


@test("O_DIRECT leaves this side's page cache alone, as far as sizes allow")
def direct(env):
    block = bytes(range(256)) * 16
    with env.aside() as top, ext4(top + "/in") as path, env.served(path) as s:
        s.walk(0, 1)
        s.lcreate(1, "file", p9raw.O_RDWR | p9raw.O_CREAT | p9raw.O_DIRECT)
        equal(s.write(1, 0, block), 4096, "written direct")
        check(not in_memory(path + "/file"), "what was written is cached")
        forget(path + "/file")
        equal(s.read(1, 0, 4096), block, "read direct")
        check(not in_memory(path + "/file"), "what was read is cached")
        forget(path + "/file")
        s.walk(0, 2, "file")
        s.lopen(2, p9raw.O_RDONLY)
        s.read(2, 0, 4096)
        check(in_memory(path + "/file"), "what others read is not cached")
        forget(path + "/file")
        # What no disk can do is done all the same
        equal(s.write(1, 10, b"some bytes"), 10, "written at an odd place")
        equal(s.read(1, 8, 14), block[8:10] + b"some bytes" + block[20:22],
              "read there")
        s.fsync(1)
        equal(s.read(1, 0, 4096), block[:10] + b"some bytes" + block[20:],
              "read direct")


@test("O_DIRECT is no error on a filesystem that has no such thing")
def direct_nowhere(env):
    with env.aside() as top, ramfs(top + "/in") as path, env.served(path) as s:
        s.walk(0, 1)
        s.lcreate(1, "file", p9raw.O_RDWR | p9raw.O_CREAT | p9raw.O_DIRECT)
        equal(s.write(1, 0, b"data"), 4, "written")
        equal(s.read(1, 0, 9), b"data", "read")
