# SPDX-License-Identifier: GPL-2.0
"""The host's end of the report: frames that dom0 writes through a virtio port.

QEMU appends them to a file, so nothing that the host does can hold up the
machine. The letters are listed in machine/lib/frames.py.
"""

import json
import struct
import subprocess
import sys
import time

from .say import say

HEADER = struct.Struct("<cI")


class Report:
    """Reads the frames as they come and acts on each."""

    def __init__(self, path, logs, out):
        self.file = open(path, "rb")
        self.rest = bytearray()
        self.logs = logs
        self.out = out
        self.archive = None
        self.verdict = None
        self.last_progress = "Xen and dom0 boot"
        self.began = False
        self.heard = time.monotonic()
        self.script_log = open(logs / "script.log", "ab", buffering=0)

    def poll(self):
        """Act on what has come; True if that was more than signs of life."""
        data = self.file.read()
        if not data:
            return False
        self.heard = time.monotonic()
        self.rest += data
        more = False
        while len(self.rest) >= HEADER.size:
            kind, length = HEADER.unpack_from(self.rest)
            end = HEADER.size + length
            if len(self.rest) < end:
                break
            self._act(kind, bytes(self.rest[HEADER.size:end]))
            del self.rest[:end]
            more = more or kind != b"h"
        return more

    def _act(self, kind, data):
        if kind in (b"o", b"e"):
            self.script_log.write(data)
        if kind == b"o":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif kind == b"e":
            sys.stdout.flush()
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        elif kind == b"p":
            self.began = True
            self.last_progress = data.decode(errors="replace")
            say(self.last_progress)
        elif kind == b"l":
            name, text = data.split(b"\0", 1)
            with open(self.logs / name.decode().replace("/", "_"), "ab") as log:
                log.write(text)
        elif kind == b"f":
            self._unpack(data)
        elif kind == b"x":
            self.verdict = json.loads(data)

    def _unpack(self, data):
        if self.archive is None:
            self.archive = subprocess.Popen(["tar", "-C", str(self.out), "-xf", "-"],
                                            stdin=subprocess.PIPE)
        self.archive.stdin.write(data)

    def close(self):
        """True if the archive of results came whole."""
        self.file.close()
        self.script_log.close()
        if self.archive is None:
            return True
        self.archive.stdin.close()
        return self.archive.wait() == 0
