# SPDX-License-Identifier: GPL-2.0
"""QEMU's monitor, asked when a machine has gone silent."""

import json
import socket

# A QEMU that is well answers at once
PATIENCE = 10


class Monitor:
    """One end of a pair of sockets, of which QEMU is given the other."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(PATIENCE)
        self.lines = self.ours.makefile("rb")
        self.talks = False

    def arguments(self):
        return ["-chardev", f"socket,id=monitor,fd={self.theirs.fileno()}",
                "-mon", "chardev=monitor,mode=control"]

    def _execute(self, command, **arguments):
        self.ours.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while line := self.lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                return f"{answer['error']['desc']}\n"
            if "return" in answer:
                return answer["return"]
        return "QEMU has closed its monitor\n"

    def ask(self, line):
        """What QEMU says to a line of its human monitor."""
        try:
            if not self.talks:
                self._execute("qmp_capabilities")
                self.talks = True
            return self._execute("human-monitor-command", **{"command-line": line})
        except TimeoutError:
            return f"QEMU does not answer within {PATIENCE} s\n"
        except OSError as error:
            return f"QEMU's monitor cannot be asked: {error}\n"

    def close(self):
        self.lines.close()
        self.ours.close()
        self.theirs.close()
