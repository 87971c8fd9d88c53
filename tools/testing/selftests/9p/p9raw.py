# SPDX-License-Identifier: GPL-2.0
"""
9P2000.L as it goes over a socket, message by message.

Nothing is hidden: every request is a function that returns its type and body,
so that a test can cut, stretch or falsify it before it is sent, and every
reply is taken apart strictly, so that a wrong one fails a test.
"""
import collections
import errno
import os
import queue
import socket
import struct
import threading

TLERROR, RLERROR = 6, 7
TSTATFS, TLOPEN, TLCREATE, TSYMLINK, TMKNOD, TRENAME = 8, 12, 14, 16, 18, 20
TREADLINK, TGETATTR, TSETATTR, TXATTRWALK, TXATTRCREATE = 22, 24, 26, 30, 32
TREADDIR, TFSYNC, TLOCK, TGETLOCK, TLINK, TMKDIR = 40, 50, 52, 54, 70, 72
TRENAMEAT, TUNLINKAT, TVERSION, TAUTH, TATTACH = 74, 76, 100, 102, 104
TFLUSH, TWALK, TREAD, TWRITE, TCLUNK, TREMOVE = 108, 110, 116, 118, 120, 122

HEADER = 7
NOTAG = 0xffff
NOFID = 0xffffffff
NONUNAME = 0xffffffff

QTDIR, QTSYMLINK, QTFILE = 0x80, 0x02, 0x00

O_RDONLY, O_WRONLY, O_RDWR = 0, 1, 2
O_CREAT, O_EXCL, O_TRUNC, O_APPEND = 0o100, 0o200, 0o1000, 0o2000
O_DIRECT, O_DIRECTORY, O_NOFOLLOW = 0o40000, 0o200000, 0o400000
AT_REMOVEDIR = 0x200

GETATTR_BASIC, GETATTR_ALL = 0x7ff, 0x3fff
SET_MODE, SET_UID, SET_GID, SET_SIZE = 1, 2, 4, 8
SET_ATIME, SET_MTIME, SET_CTIME = 0x10, 0x20, 0x40
SET_ATIME_SET, SET_MTIME_SET = 0x80, 0x100

LOCK_RDLCK, LOCK_WRLCK, LOCK_UNLCK = 0, 1, 2
LOCK_SUCCESS, LOCK_BLOCKED, LOCK_ERROR, LOCK_GRACE = 0, 1, 2, 3

# What to attach to unless a test says something else
ANAME = ""

Qid = collections.namedtuple("Qid", "type version path")
Entry = collections.namedtuple("Entry", "qid offset type name")
Attr = collections.namedtuple(
    "Attr", "valid qid mode uid gid nlink rdev size blksize blocks "
    "atime atime_ns mtime mtime_ns ctime ctime_ns btime btime_ns gen version")
Statfs = collections.namedtuple(
    "Statfs", "type bsize blocks bfree bavail files ffree fsid namelen")
Flock = collections.namedtuple("Flock", "type start length proc client")


class ProtocolError(Exception):
    """The server broke the protocol, or went silent."""


class Closed(ProtocolError):
    """The server closed the connection."""


class P9Error(Exception):
    """An Rlerror."""

    def __init__(self, code):
        self.errno = code
        super().__init__(errno.errorcode.get(code, str(code)))


def text(value):
    """A string of the protocol."""
    if isinstance(value, str):
        value = os.fsencode(value)
    return struct.pack("<H", len(value)) + value


class Cursor:
    """Takes a reply apart; what is too short or too long is an error."""

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def take(self, size):
        piece = self.data[self.pos:self.pos + size]
        if len(piece) != size:
            raise ProtocolError("reply ends within a field")
        self.pos += size
        return piece

    def unpack(self, form):
        values = struct.unpack("<" + form,
                               self.take(struct.calcsize("<" + form)))
        return values[0] if len(values) == 1 else values

    def text(self):
        return self.take(self.unpack("H"))

    def qid(self):
        return Qid(*self.unpack("BIQ"))

    def left(self):
        return len(self.data) - self.pos

    def done(self):
        if self.left():
            raise ProtocolError(f"{self.left()} bytes too many in a reply")


# Requests: each gives (type, body)

def version(msize, name="9P2000.L"):
    return TVERSION, struct.pack("<I", msize) + text(name)


def auth(afid, uname, aname, uid=NONUNAME):
    return TAUTH, struct.pack("<I", afid) + text(uname) + text(aname) + \
        struct.pack("<I", uid)


def attach(fid, uid=0, uname="", aname=None, afid=NOFID):
    return TATTACH, struct.pack("<II", fid, afid) + text(uname) + \
        text(ANAME if aname is None else aname) + struct.pack("<I", uid)


def flush(oldtag):
    return TFLUSH, struct.pack("<H", oldtag)


def walk(fid, newfid, names=()):
    return TWALK, struct.pack("<IIH", fid, newfid, len(names)) + \
        b"".join(text(name) for name in names)


def lopen(fid, flags=O_RDONLY):
    return TLOPEN, struct.pack("<II", fid, flags)


def lcreate(fid, name, flags=O_RDWR | O_CREAT, mode=0o644, gid=0):
    return TLCREATE, struct.pack("<I", fid) + text(name) + \
        struct.pack("<III", flags, mode, gid)


def read(fid, offset, count):
    return TREAD, struct.pack("<IQI", fid, offset, count)


def write(fid, offset, data):
    return TWRITE, struct.pack("<IQI", fid, offset, len(data)) + data


def clunk(fid):
    return TCLUNK, struct.pack("<I", fid)


def remove(fid):
    return TREMOVE, struct.pack("<I", fid)


def statfs(fid):
    return TSTATFS, struct.pack("<I", fid)


def getattr_(fid, mask=GETATTR_BASIC):
    return TGETATTR, struct.pack("<IQ", fid, mask)


def setattr_(fid, valid, mode=0, uid=0, gid=0, size=0, atime=(0, 0),
             mtime=(0, 0)):
    return TSETATTR, struct.pack("<IIIIIQQQQQ", fid, valid, mode, uid, gid,
                                 size, *atime, *mtime)


def readdir(fid, offset, count):
    return TREADDIR, struct.pack("<IQI", fid, offset, count)


def readlink(fid):
    return TREADLINK, struct.pack("<I", fid)


def mkdir(fid, name, mode=0o755, gid=0):
    return TMKDIR, struct.pack("<I", fid) + text(name) + \
        struct.pack("<II", mode, gid)


def symlink(fid, name, target, gid=0):
    return TSYMLINK, struct.pack("<I", fid) + text(name) + text(target) + \
        struct.pack("<I", gid)


def mknod(fid, name, mode, major=0, minor=0, gid=0):
    return TMKNOD, struct.pack("<I", fid) + text(name) + \
        struct.pack("<IIII", mode, major, minor, gid)


def link(dirfid, fid, name):
    return TLINK, struct.pack("<II", dirfid, fid) + text(name)


def rename(fid, dirfid, name):
    return TRENAME, struct.pack("<II", fid, dirfid) + text(name)


def renameat(olddir, oldname, newdir, newname):
    return TRENAMEAT, struct.pack("<I", olddir) + text(oldname) + \
        struct.pack("<I", newdir) + text(newname)


def unlinkat(dirfid, name, flags=0):
    return TUNLINKAT, struct.pack("<I", dirfid) + text(name) + \
        struct.pack("<I", flags)


def fsync(fid, datasync=0):
    return TFSYNC, struct.pack("<II", fid, datasync)


def lock(fid, kind, start=0, length=0, proc=1, client="p9raw", flags=0):
    return TLOCK, struct.pack("<IBIQQI", fid, kind, flags, start, length,
                              proc) + text(client)


def getlock(fid, kind, start=0, length=0, proc=1, client="p9raw"):
    return TGETLOCK, struct.pack("<IBQQI", fid, kind, start, length,
                                 proc) + text(client)


def xattrwalk(fid, newfid, name=""):
    return TXATTRWALK, struct.pack("<II", fid, newfid) + text(name)


def xattrcreate(fid, name, size, flags=0):
    return TXATTRCREATE, struct.pack("<I", fid) + text(name) + \
        struct.pack("<QI", size, flags)


def frame(request, tag, size=None):
    """A whole message; @size replaces the true one."""
    kind, body = request
    if size is None:
        size = HEADER + len(body)
    return struct.pack("<IBH", size, kind, tag) + body


def connect(where, timeout=30):
    """A socket connected to unix:PATH or tcp:HOST:PORT."""
    kind, _, address = where.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(address)
    elif kind == "tcp":
        host, _, port = address.rpartition(":")
        sock = socket.create_connection((host.strip("[]"), int(port)), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        raise ValueError(f"{where}: neither unix:PATH nor tcp:HOST:PORT")
    return sock


class Wire:
    """A connection that sends and receives messages, whatever they say."""

    def __init__(self, sock):
        self.sock = sock

    def close(self):
        self.sock.close()

    def send_bytes(self, data):
        try:
            self.sock.sendall(data)
        except TimeoutError:
            raise ProtocolError("the server reads no more") from None
        except OSError as err:
            raise Closed(str(err)) from None

    def send(self, request, tag=0, size=None):
        self.send_bytes(frame(request, tag, size))

    def receive_bytes(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.sock.recv(size - len(data))
            except TimeoutError:
                raise ProtocolError("no answer in time") from None
            except OSError as err:
                raise Closed(str(err)) from None
            if not piece:
                if data:
                    raise ProtocolError("closed within a message")
                raise Closed("closed by the server")
            data += piece
        return bytes(data)

    def receive(self):
        """The next message: type, tag, body."""
        size, kind, tag = struct.unpack("<IBH", self.receive_bytes(HEADER))
        if size < HEADER or size > 1 << 24:
            raise ProtocolError(f"a reply of size {size}")
        return kind, tag, self.receive_bytes(size - HEADER)

    def wait_closed(self):
        """Returns once the server has closed; its last replies may come."""
        while True:
            try:
                self.receive()
            except Closed:
                return


def check_reply(request, kind, body):
    """The body of a good reply, else P9Error or ProtocolError."""
    if kind == RLERROR:
        c = Cursor(body)
        code = c.unpack("I")
        c.done()
        if not 0 < code < 4096:
            raise ProtocolError(f"an Rlerror that says {code}")
        raise P9Error(code)
    if kind != request[0] + 1:
        raise ProtocolError(f"type {kind} answers type {request[0]}")
    return body


class Calls:
    """Each request as a method that returns its reply as Python values.

    call(request) sends one and returns the body of its reply.
    """
    msize = 0

    def call(self, request):
        raise NotImplementedError

    def fields(self, request):
        return Cursor(self.call(request))

    def nothing(self, request):
        self.fields(request).done()

    def one_qid(self, request):
        c = self.fields(request)
        qid = c.qid()
        c.done()
        return qid

    def version(self, msize=65536, name="9P2000.L"):
        c = self.fields(version(msize, name))
        got, answer = c.unpack("I"), c.text()
        c.done()
        if answer == b"9P2000.L":
            self.msize = got
        return got, answer

    def attach(self, fid, **kw):
        return self.one_qid(attach(fid, **kw))

    def flush(self, oldtag):
        self.nothing(flush(oldtag))

    def walk(self, fid, newfid, *names):
        c = self.fields(walk(fid, newfid, names))
        qids = [c.qid() for _ in range(c.unpack("H"))]
        c.done()
        if len(qids) > len(names):
            raise ProtocolError("more qids than names")
        return qids

    def _opened(self, request):
        c = self.fields(request)
        qid, iounit = c.qid(), c.unpack("I")
        c.done()
        return qid, iounit

    def lopen(self, fid, flags=O_RDONLY):
        return self._opened(lopen(fid, flags))

    def lcreate(self, fid, name, flags=O_RDWR | O_CREAT, mode=0o644, gid=0):
        return self._opened(lcreate(fid, name, flags, mode, gid))

    def read(self, fid, offset, count):
        c = self.fields(read(fid, offset, count))
        data = c.take(c.unpack("I"))
        c.done()
        if len(data) > count:
            raise ProtocolError("more data than was asked for")
        return data

    def write(self, fid, offset, data):
        c = self.fields(write(fid, offset, data))
        count = c.unpack("I")
        c.done()
        if count > len(data):
            raise ProtocolError("more written than was given")
        return count

    def clunk(self, fid):
        self.nothing(clunk(fid))

    def remove(self, fid):
        self.nothing(remove(fid))

    def statfs(self, fid):
        c = self.fields(statfs(fid))
        values = Statfs(*c.unpack("IIQQQQQQI"))
        c.done()
        return values

    def getattr(self, fid, mask=GETATTR_BASIC):
        c = self.fields(getattr_(fid, mask))
        valid = c.unpack("Q")
        values = Attr(valid, c.qid(), *c.unpack("III15Q"))
        c.done()
        return values

    def setattr(self, fid, valid, **kw):
        self.nothing(setattr_(fid, valid, **kw))

    def readdir(self, fid, offset, count):
        c = self.fields(readdir(fid, offset, count))
        piece = Cursor(c.take(c.unpack("I")))
        c.done()
        if len(piece.data) > count:
            raise ProtocolError("more entries than were asked for")
        entries = []
        while piece.left():
            entries.append(Entry(piece.qid(), *piece.unpack("QB"),
                                 piece.text()))
        return entries

    def readlink(self, fid):
        c = self.fields(readlink(fid))
        target = c.text()
        c.done()
        return target

    def mkdir(self, fid, name, mode=0o755, gid=0):
        return self.one_qid(mkdir(fid, name, mode, gid))

    def symlink(self, fid, name, target, gid=0):
        return self.one_qid(symlink(fid, name, target, gid))

    def mknod(self, fid, name, mode, major=0, minor=0, gid=0):
        return self.one_qid(mknod(fid, name, mode, major, minor, gid))

    def link(self, dirfid, fid, name):
        self.nothing(link(dirfid, fid, name))

    def rename(self, fid, dirfid, name):
        self.nothing(rename(fid, dirfid, name))

    def renameat(self, olddir, oldname, newdir, newname):
        self.nothing(renameat(olddir, oldname, newdir, newname))

    def unlinkat(self, dirfid, name, flags=0):
        self.nothing(unlinkat(dirfid, name, flags))

    def fsync(self, fid, datasync=0):
        self.nothing(fsync(fid, datasync))

    def lock(self, fid, kind, **kw):
        c = self.fields(lock(fid, kind, **kw))
        status = c.unpack("B")
        c.done()
        return status

    def getlock(self, fid, kind, **kw):
        c = self.fields(getlock(fid, kind, **kw))
        values = Flock(*c.unpack("BQQI"), c.text())
        c.done()
        return values

    def xattrwalk(self, fid, newfid, name=""):
        c = self.fields(xattrwalk(fid, newfid, name))
        size = c.unpack("Q")
        c.done()
        return size

    def xattrcreate(self, fid, name, size, flags=0):
        self.nothing(xattrcreate(fid, name, size, flags))

    # What takes several requests

    def entries(self, fid, count=8192):
        """All entries of an open directory."""
        found, offset = [], 0
        while True:
            piece = self.readdir(fid, offset, count)
            if not piece:
                return found
            found += piece
            offset = piece[-1].offset

    def read_all(self, fid, size, chunk=None):
        data = b""
        chunk = chunk or self.msize - 24
        while len(data) < size:
            piece = self.read(fid, len(data), min(chunk, size - len(data)))
            if not piece:
                break
            data += piece
        return data

    def write_all(self, fid, data, chunk=None):
        done = 0
        chunk = chunk or self.msize - 24
        while done < len(data):
            done += self.write(fid, done, data[done:done + chunk])


class Session(Wire, Calls):
    """One request at a time: sends it and waits for its reply."""

    def __init__(self, sock):
        super().__init__(sock)
        self.tag = 0

    def call(self, request):
        tag = NOTAG if request[0] == TVERSION else self.tag
        self.tag = (self.tag + 1) % NOTAG
        self.send(request, tag)
        kind, got, body = self.receive()
        if got != tag:
            raise ProtocolError(f"tag {got} answers tag {tag}")
        return check_reply(request, kind, body)

    def pipeline(self, requests):
        """Sends all at once; yields for each its body or its P9Error."""
        requests = list(requests)
        self.send_bytes(b"".join(frame(r, tag)
                                 for tag, r in enumerate(requests)))
        replies = {}
        for _ in requests:
            kind, tag, body = self.receive()
            if tag in replies or tag >= len(requests):
                raise ProtocolError(f"a reply to tag {tag}, unasked")
            replies[tag] = kind, body
        for tag, request in enumerate(requests):
            try:
                yield check_reply(request, *replies[tag])
            except P9Error as err:
                yield err


class Mux:
    """Many threads on one connection; thread() gives each its own calls."""

    def __init__(self, wire, msize):
        self.wire = wire
        self.msize = msize
        self.lock = threading.Lock()
        self.sending = threading.Lock()
        self.free = list(range(1000))
        self.waiting = {}
        self.error = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while True:
                kind, tag, body = self.wire.receive()
                with self.lock:
                    box = self.waiting.pop(tag, None)
                if not box:
                    raise ProtocolError(f"a reply to tag {tag}, unasked")
                box.put((kind, body))
        except ProtocolError as err:
            with self.lock:
                self.error = err
                for box in self.waiting.values():
                    box.put(None)

    def start(self, request):
        """Sends a request; finish() waits for its reply."""
        box = queue.SimpleQueue()
        with self.lock:
            if self.error:
                raise ProtocolError(str(self.error))
            tag = self.free.pop()
            self.waiting[tag] = box
        with self.sending:
            self.wire.send(request, tag)
        return request, tag, box

    def finish(self, started):
        request, tag, box = started
        reply = box.get()
        if not reply:
            raise ProtocolError(str(self.error))
        with self.lock:
            self.free.append(tag)
        return check_reply(request, *reply)

    def thread(self):
        return MuxCalls(self)


class MuxCalls(Calls):
    def __init__(self, mux):
        self.mux = mux
        self.msize = mux.msize

    def call(self, request):
        return self.mux.finish(self.mux.start(request))
