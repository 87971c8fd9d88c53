# SPDX-License-Identifier: GPL-2.0
"""The agent in a guest: runs a command for each connection from dom0.

Needs nothing but the network between the two, so it works whatever 9P does.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys

from frames import pack, read_frame

PORT = 9000
# How long output may still come after a command has ended: what it left in the
# background may keep its stdout open for ever.
LINGER = 0.5


class Command:
    """One command and the connection that asked for it."""

    def __init__(self, link):
        self.link = link
        kind, data = read_frame(link.recv)
        if kind != b"c":
            raise EOFError(f"expected a command, got {kind}")
        request = json.loads(data)
        self.process = self._start(request)
        self.selector = selectors.DefaultSelector()
        self.unsent = bytearray()
        self.at_end = False

    def _start(self, request):
        stdin = subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL
        return subprocess.Popen(
            request["argv"], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=request.get("cwd") or "/",
            env={**os.environ, **request.get("env", {})}, start_new_session=True,
            bufsize=0)

    def run(self):
        process = self.process
        ended = os.pidfd_open(process.pid)
        for stream, name in ((process.stdout, b"o"), (process.stderr, b"e"),
                             (ended, b"x"), (self.link, b"i")):
            self.selector.register(stream, selectors.EVENT_READ, name)
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
        open_streams, wait, alive = 2, None, True
        while open_streams or alive:
            events = self.selector.select(wait)
            if not events:
                break
            for key, _ in events:
                if key.data in b"oe":
                    open_streams -= self._output(key)
                elif key.data == b"x":
                    self.selector.unregister(ended)
                    alive, wait = False, LINGER
                elif key.data == b"i":
                    self._input()
                else:
                    self._feed()
        self.link.sendall(pack(b"x", str(process.wait()).encode()))

    def _output(self, key):
        data = os.read(key.fileobj.fileno(), 65536)
        if data:
            self.link.sendall(pack(key.data, data))
            return 0
        self.selector.unregister(key.fileobj)
        return 1

    def _input(self):
        kind, data = read_frame(self.link.recv)
        stdin = self.process.stdin
        if stdin is None or stdin.closed:
            return
        if kind == b"i":
            if not self.unsent and data:
                self.selector.register(stdin, selectors.EVENT_WRITE, b"w")
            self.unsent += data
        elif kind == b"z":
            self.at_end = True
            if not self.unsent:
                stdin.close()

    def _feed(self):
        stdin = self.process.stdin
        try:
            sent = os.write(stdin.fileno(), self.unsent[:65536])
        except BrokenPipeError:
            sent, self.at_end = len(self.unsent), True
        del self.unsent[:sent]
        if not self.unsent:
            self.selector.unregister(stdin)
            if self.at_end:
                stdin.close()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def serve(link):
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        command = Command(link)
    except EOFError:
        return
    except OSError as error:
        link.sendall(pack(b"e", f"rig: cannot start the command: {error}\n".encode()))
        link.sendall(pack(b"x", b"127"))
        return
    try:
        command.run()
    except (EOFError, ConnectionError):
        command.kill()


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], PORT))
    listener.listen(16)
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(link)
            os._exit(0)
        link.close()
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


main()
