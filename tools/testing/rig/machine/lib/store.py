# SPDX-License-Identifier: GPL-2.0
"""A small client of xenstore, which spares scripts a process for each look."""

import os
import socket
import struct
import time

DIRECTORY, READ, WRITE = 1, 2, 11
ERROR = 16
HEADER = struct.Struct("<IIII")


class StoreError(Exception):
    """xenstored is gone or refuses."""


class Store:
    """One connection to xenstored."""

    def __init__(self, path="/run/xenstored/socket"):
        self.link = socket.socket(socket.AF_UNIX)
        try:
            self.link.connect(path)
        except OSError as error:
            raise StoreError(f"xenstored cannot be reached at {path}: {error}") from error

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.link.recv(count - len(data))
            if not part:
                raise StoreError("xenstored closed the connection")
            data += part
        return data

    def _ask(self, kind, payload):
        try:
            self.link.sendall(HEADER.pack(kind, 0, 0, len(payload)) + payload)
        except OSError as error:
            raise StoreError(f"xenstored closed the connection: {error}") from error
        answer, _, _, length = HEADER.unpack(self._exactly(HEADER.size))
        data = self._exactly(length)
        if answer == ERROR:
            name = data.rstrip(b"\0").decode()
            if name == "ENOENT":
                return None
            raise StoreError(f"xenstore: {name}: {payload!r}")
        return data

    def read(self, path):
        """The value of a node, or None."""
        data = self._ask(READ, path.encode() + b"\0")
        return None if data is None else data.decode()

    def write(self, path, value):
        self._ask(WRITE, path.encode() + b"\0" + value.encode())

    def list(self, path):
        data = self._ask(DIRECTORY, path.encode() + b"\0")
        return [name.decode() for name in data.split(b"\0") if name] if data else []

    def wait_for(self, test, seconds, step=0.1):
        """Wait until test() is true; False if it is not within the time."""
        deadline = time.monotonic() + seconds
        while not test():
            if time.monotonic() > deadline:
                return False
            time.sleep(step)
        return True


def available():
    return os.path.exists("/run/xenstored/socket")
