# SPDX-License-Identifier: GPL-2.0
"""The way from dom0 to the host: frames through a virtio port.

Not the console, which may lose and mix what is written to it.
"""

import glob
import json
import os
import subprocess
import threading

from frames import pack

PORT = "rig"
CHUNK = 1 << 16


def _device():
    for path in glob.glob("/sys/class/virtio-ports/*"):
        with open(f"{path}/name", encoding="utf-8") as file:
            if file.read().strip() == PORT:
                return f"/dev/{os.path.basename(path)}"
    raise OSError(f"dom0 sees no virtio port named {PORT}: the rig's channel is missing")


class Report:
    """What the host gets to know."""

    def __init__(self):
        self.port = os.open(_device(), os.O_WRONLY)
        self.lock = threading.Lock()

    def send(self, kind, data=b""):
        frame = memoryview(pack(kind, data))
        with self.lock:
            while frame:
                frame = frame[os.write(self.port, frame[:CHUNK]):]

    def progress(self, text):
        self.send(b"p", text.encode())

    def log(self, name, data):
        for start in range(0, len(data), CHUNK):
            self.send(b"l", name.encode() + b"\0" + data[start:start + CHUNK])

    def lines(self, kind):
        """A function that takes bytes as they come and sends whole lines."""
        rest = bytearray()

        def write(data):
            rest.extend(data)
            end = rest.rfind(b"\n") + 1
            if end or not data:
                piece = bytes(rest[:end] if end else rest)
                del rest[:len(piece)]
                for start in range(0, len(piece), CHUNK):
                    self.send(kind, piece[start:start + CHUNK])
        return write

    def archive(self, folder):
        with subprocess.Popen(["tar", "-C", folder, "-cf", "-", "."],
                              stdout=subprocess.PIPE) as process:
            while data := process.stdout.read(CHUNK):
                self.send(b"f", data)

    def verdict(self, status, faults):
        self.send(b"x", json.dumps({"status": status, "faults": faults}).encode())


class LogFeed(threading.Thread):
    """Sends logs of dom0 to the host while they grow, so that a hang keeps none.

    And a sign of life each time, for a machine that hangs sends none.
    """

    def __init__(self, report, folder, every):
        super().__init__(daemon=True)
        self.report, self.folder, self.every = report, folder, every
        self.sent = {}
        self.stop = threading.Event()

    def run(self):
        while not self.stop.wait(self.every):
            self.feed()
            self.report.send(b"h")

    def feed(self):
        for path in glob.glob(f"{self.folder}/**/*.log", recursive=True):
            with open(path, "rb") as file:
                file.seek(self.sent.get(path, 0))
                data = file.read()
            if data:
                self.sent[path] = self.sent.get(path, 0) + len(data)
                self.report.log(os.path.basename(path), data)

    def finish(self):
        self.stop.set()
        self.join()
        self.feed()
