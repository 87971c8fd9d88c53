# SPDX-License-Identifier: GPL-2.0
"""Serves the calls of rig-guest, each in a child that has all modules loaded.

The program rig-guest (src/rig-guest.c) is only the way to get here.
"""

import array
import os
import signal
import socket
import struct
import sys
import threading
import traceback

import job as jobs
import rigguest

PATH = "/run/rig-guest.sock"
ENVIRONMENT = "/run/guests/.environment"


def _receive(link):
    """Arguments, working directory and the caller's three streams."""
    room = socket.CMSG_SPACE(3 * array.array("i").itemsize)
    data, control, _, _ = link.recvmsg(4, room)
    streams = array.array("i")
    for level, kind, content in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            streams.frombytes(content)
    if len(data) != 4 or len(streams) != 3:
        raise EOFError("not a call of rig-guest")
    left = struct.unpack("<I", data)[0]
    call = b""
    while len(call) < left:
        part = link.recv(left - len(call))
        if not part:
            raise EOFError("the caller went away")
        call += part
    folder, *words = [os.fsdecode(word) for word in call[:-1].split(b"\0")]
    return words, folder, streams


def _watch(link):
    """A caller that is killed takes its call along."""
    def wait():
        try:
            link.recv(1)
        finally:
            os._exit(130)
    threading.Thread(target=wait, daemon=True).start()


def _serve(link):
    words, folder, streams = _receive(link)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    _watch(link)
    try:
        status = rigguest.main(words)
    except SystemExit as end:  # argparse, after it has said what is wrong
        status = end.code if isinstance(end.code, int) else 2
    except Exception:
        traceback.print_exc()
        status = 125
    sys.stdout.flush()
    sys.stderr.flush()
    link.send(bytes([status & 255]))


def _write_environment():
    """What programs in a guest find besides GUEST, for src/exec.c."""
    environment = jobs.environment(jobs.load())
    del environment["GUEST"]
    with open(ENVIRONMENT, "w", encoding="utf-8") as file:
        file.write("".join(f"{name}={value}\0" for name, value in environment.items()))


def main():
    _write_environment()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PATH)
    listener.listen(64)
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _serve(link)
            except EOFError:
                pass
            os._exit(0)
        link.close()


main()
