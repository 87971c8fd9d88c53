# SPDX-License-Identifier: GPL-2.0
"""What an admin sees of sessions: tracepoints, counters, sysfs and debugfs."""
import collections
import contextlib
import os
import re
import struct
import threading
import time

import p9raw
from harness import GONE, Skip, check, cut_off, equal, test

TRACEFS = "/sys/kernel/tracing"
BUCKETS = [1 << shift for shift in range(10, 33)]

# What may be said of a session that ends just then

NUMBERS = ("readonly", "msize", "max_msize", "fids", "max_fids", "open", "max_open",
           "locks", "max_locks", "xattrs", "max_xattrs", "inflight", "max_requests", "buffered", "max_buffered", "threads",
           "max_threads", "requests", "errors", "bytes_received", "bytes_sent",
           "bytes_read", "bytes_written")
ATTRIBUTES = NUMBERS + ("name", "path", "security_model")
FILES = ("stats", "latency", "fids")

Message = collections.namedtuple("Message", "type tag fid bytes err")


def contents(*path):
    with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


class Seen:
    """What this machine shows of one session."""

    def __init__(self, env, name):
        self.sysfs = os.path.join(env.sysfs, name)
        self.debugfs = os.path.join(env.stats, name)
        self.name = self.text("name")

    def text(self, attribute):
        return contents(self.sysfs, attribute).removesuffix("\n")

    def number(self, attribute):
        return int(self.text(attribute))

    def stats(self):
        """Lines of the file stats by their first word."""
        return {line.split()[0]: line.split()[1:]
                for line in contents(self.debugfs, "stats").splitlines()}

    def latency(self):
        """How many requests of each operation took less than which time."""
        found = collections.defaultdict(dict)
        for line in contents(self.debugfs, "latency").splitlines():
            name, bound, count = line.split()
            found[name][bound] = int(count)
        return found

    def fids(self):
        """Fid, user, how it is open, and path."""
        return [line.split(" ") for line in
                contents(self.debugfs, "fids").splitlines()]


def need(env):
    for folder in (env.sysfs, env.stats):
        if not os.path.isdir(folder):
            raise Skip(f"no {folder}: the server is none of this kernel")


@contextlib.contextmanager
def watched(env, **options):
    """A session, and what is shown of it."""
    need(env)
    before = set(os.listdir(env.sysfs))
    with env.session(**options) as s:
        new = set(os.listdir(env.sysfs)) - before
        equal(len(new), 1, "directories that a session adds")
        yield s, Seen(env, new.pop())


class Script:
    """Sends requests and notes what was sent and what came back."""

    def __init__(self, s):
        self.s = s
        self.starts = []
        self.ends = []
        self.tag = 100

    def send(self, request, fid=p9raw.NOFID):
        tag = p9raw.NOTAG if request[0] == p9raw.TVERSION else self.tag
        self.tag += 1
        self.s.send(request, tag)
        kind, got, body = self.s.receive()
        equal(got, tag, "tag")
        err = 0
        if kind == p9raw.RLERROR:
            err = struct.unpack("<I", body)[0]
        self.starts.append(Message(request[0], tag, fid,
                                   p9raw.HEADER + len(request[1]), None))
        self.ends.append(Message(request[0], tag, fid,
                                 p9raw.HEADER + len(body), -err))
        return body

    def sums(self):
        return {"requests": len(self.ends),
                "errors": sum(m.err != 0 for m in self.ends),
                "bytes_received": sum(m.bytes for m in self.starts),
                "bytes_sent": sum(m.bytes for m in self.ends)}


def play(script, top):
    """Requests of many kinds, good and bad; bytes of data read and written."""
    for request, fid in [
            (p9raw.version(65536), p9raw.NOFID),
            (p9raw.attach(0), 0),
            (p9raw.attach(0), 0),
            (p9raw.walk(0, 1, [top]), 0),
            (p9raw.walk(0, 9, ["no such name"]), 0),
            (p9raw.walk(1, 2), 1),
            (p9raw.lcreate(2, "file"), 2),
            (p9raw.write(2, 0, b"x" * 5000), 2),
            (p9raw.read(2, 0, 4096), 2),
            (p9raw.read(2, 4096, 4096), 2),
            (p9raw.read(2, 5000, 10), 2),
            (p9raw.read(77, 0, 10), 77),
            (p9raw.getattr_(2), 2),
            (p9raw.setattr_(2, p9raw.SET_MODE, mode=0o600), 2),
            (p9raw.fsync(2), 2),
            (p9raw.flush(12345), p9raw.NOFID),
            (p9raw.mkdir(1, "dir"), 1),
            (p9raw.mkdir(1, "dir"), 1),
            (p9raw.symlink(1, "link", "target"), 1),
            (p9raw.unlinkat(1, "dir", p9raw.AT_REMOVEDIR), 1),
            (p9raw.walk(1, 3), 1),
            (p9raw.lopen(3), 3),
            (p9raw.readdir(3, 0, 8192), 3),
            (p9raw.statfs(0), 0),
            ((p9raw.TCLUNK, b""), p9raw.NOFID),
            ((p9raw.TGETATTR, struct.pack("<I", 2)), 2),
            ((7, struct.pack("<I", 5)), 5),
            ((250, b"what is this"), struct.unpack("<I", b"what")[0]),
            (p9raw.clunk(4000000000), 4000000000),
            (p9raw.clunk(3), 3),
            (p9raw.remove(2), 2)]:
        script.send(request, fid)
    return 5000, 5000


LINE = re.compile(r" p9s_(\w+): (.*)$")


class Trace:
    """The server's tracepoints, on in an instance of their own."""

    def __init__(self):
        if not os.path.isdir(TRACEFS + "/events/9p_server"):
            raise Skip(f"no {TRACEFS}/events/9p_server: no tracefs, or the server "
                       "is none of this kernel")
        self.folder = f"{TRACEFS}/instances/9p-raw-{os.getpid()}"

    def __enter__(self):
        os.mkdir(self.folder)
        self.enable("1")
        return self

    def __exit__(self, *_):
        self.enable("0")
        os.rmdir(self.folder)

    def enable(self, value):
        with open(self.folder + "/events/9p_server/enable", "w", encoding="ascii") as f:
            f.write(value)

    def events(self, session):
        """Each event of a session: what it is, and its fields."""
        for line in contents(self.folder, "trace").splitlines():
            found = LINE.search(line)
            if not found:
                continue
            fields = dict(field.split("=", 1) for field in found.group(2).split())
            if fields["session"] == session:
                yield found.group(1), fields

    def messages(self, session, event):
        for what, fields in self.events(session):
            if what == event:
                yield Message(*(int(fields[name]) for name in
                                ("type", "tag", "fid", "bytes")),
                              int(fields["err"]) if "err" in fields else None)


@contextlib.contextmanager
def folder(env):
    """A directory for one test: its name in the export."""
    env.dirs += 1
    name = f"t{os.getpid()}-{env.dirs}"
    path = os.path.join(env.export, name)
    os.mkdir(path)
    try:
        yield name
    finally:
        for one in os.listdir(path):
            os.remove(os.path.join(path, one))
        os.rmdir(path)


@test("what is traced is what was sent and answered, one by one")
def traced(env):
    need(env)
    with Trace() as trace, folder(env) as top:
        # Without env.session(), which would say Tversion and Tattach itself
        before = set(os.listdir(env.sysfs))
        s = p9raw.Session(p9raw.connect(env.socket, env.timeout))
        script = Script(s)
        try:
            play(script, top)
            name = Seen(env, (set(os.listdir(env.sysfs)) - before).pop()).name
            equal(list(trace.messages(name, "request_start")), script.starts,
                  "requests that began")
            equal(list(trace.messages(name, "request_end")), script.ends,
                  "requests that ended")
            equal({m.err != 0 for m in script.ends}, {True, False}, "errors")
        finally:
            s.close()
        for _ in range(100):
            kinds = [what for what, _ in trace.events(name)]
            if "session_close" in kinds:
                break
            time.sleep(0.1)
        equal((kinds[0], kinds[-1]), ("session_open", "session_close"),
              "the first event and the last")
        for what, fields in trace.events(name):
            if what == "request_end":
                check(0 < int(fields["ns"]) < 60e9, f"{fields['ns']} ns")
                check(fields["op"], "an operation has no name")


@test("nothing is traced unless tracing is on")
def untraced(env):
    with Trace() as trace:
        trace.enable("0")
        with watched(env) as (s, seen):
            s.getattr(0)
            equal(list(trace.events(seen.name)), [], "events while off")
            trace.enable("1")
            s.getattr(0)
            equal([what for what, _ in trace.events(seen.name)],
                  ["request_start", "request_end"], "events once on")


@test("counters say how many requests, errors and bytes there were")
def counted(env):
    need(env)
    with folder(env) as top, watched(env, attach=False) as (s, seen):
        # The Tversion that watched() has sent
        was = {name: seen.number(name) for name in
               ("requests", "errors", "bytes_received", "bytes_sent")}
        script = Script(s)
        start = time.monotonic()
        read, written = play(script, top)
        took = (time.monotonic() - start) * 1e9
        for name, value in script.sums().items():
            equal(seen.number(name) - was[name], value, name)
        equal(seen.number("bytes_read"), read, "bytes_read")
        equal(seen.number("bytes_written"), written, "bytes_written")

        stats = seen.stats()
        for name, kind in (("walk", p9raw.TWALK), ("read", p9raw.TREAD),
                           ("attach", p9raw.TATTACH), ("mkdir", p9raw.TMKDIR),
                           ("flush", p9raw.TFLUSH), ("clunk", p9raw.TCLUNK)):
            mine = [m for m in script.ends if m.type == kind]
            equal(stats[name][:3], [str(len(mine)), "errors",
                                    str(sum(m.err != 0 for m in mine))], name)
            check(int(stats[name][4]) <= took, f"{name} took {stats[name][4]} ns")
        equal(stats["unknown"][0], "2", "requests of unknown types")
        for name, column in (("received", "bytes_received"), ("sent", "bytes_sent"),
                             ("read", "bytes_read"), ("written", "bytes_written")):
            if name != "read":
                equal(int(stats[name][0]), seen.number(column), name)


@test("histograms hold each request once, within the time that it took")
def histograms(env):
    with watched(env) as (s, seen):
        longest = 0
        for _ in range(50):
            start = time.monotonic_ns()
            s.getattr(0)
            longest = max(longest, time.monotonic_ns() - start)
        stats = seen.stats()
        latency = seen.latency()
        for name, values in latency.items():
            equal(sum(values.values()), int(stats[name][0]), f"requests of {name}")
            check(all(bound == "more" or int(bound) in BUCKETS for bound in values),
                  f"bounds of {name}: {list(values)}")
        # No bucket begins where no request can have been
        for bound in latency["getattr"]:
            check(bound != "more" and int(bound) // 2 <= max(longest, 1024),
                  f"a getattr in the bucket of {bound} ns, the longest took {longest}")
        least = sum(int(bound) // 2 * count for bound, count in
                    latency["getattr"].items() if bound != "1024")
        total = int(stats["getattr"][4])
        most = sum(int(bound) * count for bound, count in latency["getattr"].items())
        check(least <= total <= most, f"{least} <= {total} <= {most} ns in all")


@test("requests that many threads answer, flushes too, are counted once each")
def counted_side_by_side(env):
    count, batch = 400, 40
    with folder(env) as top, watched(env) as (s, seen):
        s.walk(0, 1, top)
        s.lcreate(1, "file")
        was = seen.number("requests")
        for _ in range(count // batch):
            s.send_bytes(b"".join(
                p9raw.frame(p9raw.write(1, 0, b"x" * 4096), tag) +
                p9raw.frame(p9raw.flush(tag), 1000 + tag) for tag in range(batch)))
            tags = sorted(s.receive()[1] for _ in range(2 * batch))
            equal(tags, [*range(batch), *range(1000, 1000 + batch)], "tags")
        equal(seen.number("requests") - was, 2 * count, "requests")
        stats = seen.stats()
        equal((stats["write"][0], stats["flush"][0]), (str(count), str(count)),
              "writes and flushes")
        equal(seen.number("bytes_written"), 4096 * count, "bytes_written")


@test("what threads have counted that are gone since is kept")
def kept(env):
    with folder(env) as top, watched(env) as (s, seen):
        s.walk(0, 1, top)
        s.lcreate(1, "file")
        requests = [p9raw.write(1, 0, b"x" * 8192)] * 100
        for _ in range(10):
            list(s.pipeline(requests))
            if seen.number("threads") > 1:
                break
        check(seen.number("threads") > 1, "one thread did it all")
        was = {name: seen.number(name) for name in
               ("requests", "bytes_written", "bytes_sent")}
        for _ in range(300):
            if seen.number("threads") == 1:
                break
            time.sleep(0.1)
        equal(seen.number("threads"), 1, "threads of an idle session")
        for name, value in was.items():
            equal(seen.number(name), value, name)


@test("attributes tell what is served, and the limits")
def attributes(env):
    with watched(env, msize=12345) as (s, seen):
        equal(sorted(os.listdir(seen.sysfs)), sorted(ATTRIBUTES), "attributes")
        equal(sorted(os.listdir(seen.debugfs)), sorted(FILES), "files")
        for name in NUMBERS:
            check(seen.number(name) >= 0, name)
        equal(seen.text("path"), env.export, "path")
        equal(seen.text("security_model"), "passthrough", "security_model")
        equal(seen.number("readonly"), 0, "readonly")
        equal(seen.number("msize"), 12345, "msize")
        check(seen.number("max_msize") >= 12345, "max_msize")
        equal((seen.number("fids"), seen.number("open")), (1, 0), "fids, open")
        s.walk(0, 1)
        s.lopen(1)
        equal((seen.number("fids"), seen.number("open")), (2, 1), "fids, open")
        equal(seen.number("inflight"), 0, "requests in flight")
        equal(seen.number("buffered"), 0, "their memory")
    for where, name, value in ((env.ro_socket, "readonly", 1),
                               (env.squash_socket, "security_model", "squash"),
                               (env.limited_socket, "max_fids", env.limits[0]),
                               (env.limited_socket, "max_open", env.limits[1]),
                               (env.limited_socket, "max_locks", env.limits[2]),
                               (env.limited_socket, "max_xattrs", env.limits[3])):
        if where:
            with watched(env, where=where) as (s, seen):
                equal(seen.text(name), str(value), name)


@test("fids are shown by path, after renames too, until they are clunked")
def fids_by_path(env):
    need(env)
    with folder(env) as top, watched(env, uid=7) as (s, seen):
        path = os.path.join(env.export, top)
        os.chmod(path, 0o777)
        odd = "a b\nc\\d"
        with open(os.path.join(path, odd), "w", encoding="ascii"):
            pass
        equal(seen.fids(), [["0", "7", "-", env.export]], "at first")
        s.walk(0, 1, top, odd)
        s.walk(0, 2, top)
        s.lcreate(2, "new", p9raw.O_WRONLY | p9raw.O_CREAT)
        s.walk(0, 3, top)
        s.lopen(3)
        shown = {line[0]: line[1:] for line in seen.fids()}
        equal(shown, {"0": ["7", "-", env.export],
                      "1": ["7", "-", path + "/a\\040b\\012c\\134d"],
                      "2": ["7", "w", path + "/new"],
                      "3": ["7", "r", path]}, "fids")
        os.rename(os.path.join(path, "new"), os.path.join(path, "newer"))
        shown = {line[0]: line[1:] for line in seen.fids()}
        equal(shown["2"], ["7", "w", path + "/newer"], "a file renamed here")
        for fid in (1, 2, 3):
            s.clunk(fid)
        equal(seen.fids(), [["0", "7", "-", env.export]], "in the end")


@test("each of many fids is shown once")
def many_fids(env):
    with watched(env) as (s, seen):
        # Of the same bucket some, and more than a read takes at once
        fids = [*range(1, 3000), *(n * 1024 for n in range(3, 200)), 4294967294]
        for start in range(0, len(fids), 200):
            for got in s.pipeline(p9raw.walk(0, fid) for fid in
                                  fids[start:start + 200]):
                check(not isinstance(got, p9raw.P9Error), f"walk: {got}")
        equal(sorted(int(line[0]) for line in seen.fids()), [0, *fids], "fids")


def read_everything(env):
    """Reads each file that there is; how many were read."""
    count = 0
    for top in (env.sysfs, env.stats):
        for where, _, names in os.walk(top):
            for name in names:
                try:
                    contents(where, name)
                    count += 1
                except OSError as err:
                    if err.errno not in GONE:
                        raise
    return count


@test("everything can be read while sessions come, work and go")
def read_while_they_go(env):
    need(env)
    done = threading.Event()
    counts, failures = [], []

    def reader():
        try:
            while not done.is_set():
                counts.append(read_everything(env))
        except Exception as err:  # pylint: disable=broad-except
            failures.append(err)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for n in range(30):
            some = [p9raw.Session(p9raw.connect(env.socket, env.timeout))
                    for _ in range(4)]
            for s in some:
                s.version()
                s.attach(0)
                s.walk(0, 1)
                s.lopen(1)
                if n % 2:
                    s.send(p9raw.readdir(1, 0, 8192), 1)
            for s in some:
                s.close()
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    equal(failures, [], "failures to read")
    check(sum(counts) > 100, f"only {sum(counts)} files were read")
    env.alive()


@test("a file that is open as its session ends reads as gone")
def open_while_it_goes(env):
    with watched(env) as (s, seen):
        files = [open(os.path.join(seen.sysfs, name), encoding="utf-8")
                 for name in ATTRIBUTES]
        files += [open(os.path.join(seen.debugfs, name), encoding="utf-8")
                  for name in FILES]
        s.close()
        for _ in range(100):
            if not os.path.exists(seen.sysfs):
                break
            time.sleep(0.1)
        check(not os.path.exists(seen.sysfs), "the session is still shown")
        for f in files:
            cut_off(f)
            f.close()
    env.alive()
