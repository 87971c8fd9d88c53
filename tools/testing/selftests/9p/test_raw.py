#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What a 9P2000.L server must do with good and above all with bad messages.

test_raw.py speaks to a server that listens on --socket and serves --export,
a directory that is reachable here as well, so that each test sees what its
messages have done. Other exports of the same directory are tested if their
sockets are given. Run it as root, for nobody else may make what it makes.
"""
import argparse
import contextlib
import importlib
import os
import shutil
import socket
import sys

import device
import harness
import p9raw

# Each module adds its tests when it is imported
for module in ("framing", "names", "files", "xattr", "lock", "limits", "exports",
               "borders", "mounts", "observe", "memory"):
    importlib.import_module(f"raw_{module}")


class Env:
    """Where the server is, and a directory of its own for each test."""

    def __init__(self, args):
        self.socket = args.socket
        self.ro_socket = args.ro_socket
        self.squash_socket = args.squash_socket
        self.squash_ids = tuple(int(n) for n in args.squash_ids.split(":"))
        self.devices_socket = args.devices_socket
        self.limited_socket = args.limited_socket
        self.limits = tuple(int(n) for n in args.limits.split(":"))
        self.export = os.path.abspath(args.export)
        self.stats = args.stats
        self.sysfs = args.sysfs
        self.timeout = args.timeout
        self.dirs = 0

    def wire(self, where=None):
        return p9raw.Wire(p9raw.connect(where or self.socket, self.timeout))

    @contextlib.contextmanager
    def session(self, msize=65536, where=None, attach=True, uid=0):
        """A session with fid 0 on the root."""
        before = self.sessions()
        s = p9raw.Session(p9raw.connect(where or self.socket, self.timeout))
        try:
            s.version(msize)
            new = self.sessions() - before
            s.stats = new.pop() if len(new) == 1 else None
            if attach:
                s.attach(0, uid=uid)
            yield s
        finally:
            s.close()

    @contextlib.contextmanager
    def dir(self, msize=65536, where=None, uid=0, mode=0o777):
        """A session with fid 1 on a new directory; also its path here."""
        self.dirs += 1
        name = f"t{os.getpid()}-{self.dirs}"
        path = os.path.join(self.export, name)
        os.mkdir(path)
        os.chmod(path, mode)
        try:
            with self.session(msize, where, uid=uid) as s:
                s.walk(0, 1, name)
                s.top = name
                yield s, path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def aside(self):
        """A new directory that is in no export yet."""
        self.dirs += 1
        path = os.path.join(os.path.dirname(self.export),
                            f"aside-{os.getpid()}-{self.dirs}")
        os.mkdir(path)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def served(self, path, options="", uid=0, msize=65536):
        """A session of a server of its own, with fid 0 on @path."""
        if p9raw.ANAME:
            raise harness.Skip("needs an export of its own, of this kernel's server")
        if not os.path.exists(device.DEVICE):
            raise harness.Skip(f"no {device.DEVICE} on this machine")
        with device.Device(path) as server, \
                contextlib.closing(server.session(options=options)) as s:
            s.sock.settimeout(self.timeout)
            s.version(msize)
            s.attach(0, uid=uid)
            yield s

    @contextlib.contextmanager
    def outside(self):
        """A directory next to the export, on the same filesystem."""
        if os.path.ismount(self.export):
            raise harness.Skip("the export is a mount of its own: nothing of "
                               "its filesystem is outside of it")
        path = os.path.join(os.path.dirname(self.export),
                            f"outside-{os.getpid()}")
        os.mkdir(path)
        with open(os.path.join(path, "secret"), "w", encoding="ascii") as f:
            f.write("secret\n")
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def held(self, s):
        """What a session of env.dir() or env.session() holds, by the server's
        own count; nothing if that cannot be seen here."""
        if not s.stats:
            return {}
        with open(os.path.join(self.stats, s.stats, "stats"),
                  encoding="ascii") as f:
            lines = [line.split() for line in f]
        return {line[0]: int(line[1]) for line in lines
                if line[0] in ("fids", "open", "locks", "xattrs")}

    def sessions(self):
        """The server's sessions by their names in debugfs."""
        try:
            return set(os.listdir(self.stats))
        except OSError:
            return set()

    def alive(self):
        """Fails unless the server serves a new session."""
        with self.session() as s:
            s.getattr(0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True,
                        help="unix:PATH or tcp:HOST:PORT of the server")
    parser.add_argument("--export", required=True,
                        help="the exported directory as it is seen here")
    parser.add_argument("--ro-socket",
                        help="a server of the same directory, readonly=1")
    parser.add_argument("--squash-socket",
                        help="a server of the same directory, "
                        "security_model=squash to --squash-ids")
    parser.add_argument("--squash-ids", default="1234:2345", help="UID:GID")
    parser.add_argument("--limited-socket",
                        help="a server of the same directory with --limits")
    parser.add_argument("--limits", default="2000:600:50:200000",
                        help="max_fids:max_open:max_locks:max_xattrs")
    parser.add_argument("--devices-socket",
                        help="a server of the same directory, devices=1")
    parser.add_argument("--stats", default="/sys/kernel/debug/9p-server",
                        help="the server's debugfs directory")
    parser.add_argument("--sysfs", default="/sys/kernel/9p-server",
                        help="the server's sysfs directory")
    parser.add_argument("--timeout", type=float, default=30,
                        help="seconds that a reply may take")
    parser.add_argument("--aname", default="",
                        help="what to attach to, for servers that need it")
    parser.add_argument("--only", help="run the tests with this in their text")
    return parser.parse_args()


def main():
    args = arguments()
    p9raw.ANAME = args.aname
    if os.geteuid():
        print("1..0 # SKIP must be run by root")
        sys.exit(harness.SKIP)
    try:
        p9raw.connect(args.socket, args.timeout).close()
    except (OSError, socket.gaierror) as err:
        print(f"1..0 # SKIP no server at {args.socket}: {err}")
        sys.exit(harness.SKIP)
    harness.main(Env(args), args.only)


if __name__ == "__main__":
    main()
