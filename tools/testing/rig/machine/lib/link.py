# SPDX-License-Identifier: GPL-2.0
"""Dom0's end of the way to a guest's agent."""

import os
import select
import socket
import sys
import time

from frames import pack, read_frame

PORT = 9000


class Gone(Exception):
    """The guest or its agent went away."""


class TookTooLong(Exception):
    """A command did not end within its time."""


def reachable(address):
    """Whether the guest's agent runs a command. A guest that boots does not
    answer, and the kernel would ask it anew only after seconds."""
    try:
        return run(address, ["true"], seconds=30, connect=0.5) == 0
    except (Gone, TookTooLong):
        time.sleep(0.05)
        return False


def _to(stream):
    def write(data):
        stream.buffer.write(data)
        stream.buffer.flush()
    return write


class Call:
    """One command that runs in a guest."""

    def __init__(self, address, argv, env, cwd, stdin, connect):
        try:
            self.link = socket.create_connection((address, PORT), timeout=connect)
        except OSError as error:
            raise Gone(f"its agent cannot be reached: {error}") from error
        self.link.settimeout(None)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stdin = stdin
        words = [cwd, "-" if stdin is None else "i",
                 *(f"{name}={value}" for name, value in env.items()), "", *argv]
        self.link.sendall(pack(b"c", b"".join(os.fsencode(word) + b"\0" for word in words)))

    def _send_input(self):
        data = os.read(self.stdin, 65536)
        self.link.sendall(pack(b"i", data) if data else pack(b"z"))
        if not data:
            self.stdin = None

    def follow(self, out, err, deadline, alive):
        """Pass on what the command says, until it ends; its exit status."""
        while True:
            watched = [self.link] + ([self.stdin] if self.stdin is not None else [])
            ready, _, _ = select.select(watched, [], [], 2)
            if not ready and alive is not None and not alive():
                raise Gone("its domain went away while a command ran in it")
            if time.monotonic() > deadline:
                raise TookTooLong
            if self.stdin in ready:
                self._send_input()
            if self.link in ready:
                kind, data = read_frame(self.link.recv)
                if kind == b"x":
                    return int(data)
                (out if kind == b"o" else err)(data)


def run(address, argv, env=None, cwd="/", stdin=None, out=None, err=None,
        seconds=600, alive=None, connect=10):
    """Run a command in the guest at an address.

    Raises TookTooLong (the command is killed then) and Gone.
    """
    call = Call(address, argv, env or {}, cwd, stdin, connect)
    try:
        return call.follow(out or _to(sys.stdout), err or _to(sys.stderr),
                           time.monotonic() + seconds, alive)
    except (EOFError, ConnectionError) as error:
        raise Gone(f"its agent closed the connection while a command ran: {error}") from error
    finally:
        call.link.close()
