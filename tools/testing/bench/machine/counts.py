# SPDX-License-Identifier: GPL-2.0
"""What dom0 counts around a measurement: its own counters, and Xen's."""

import ctypes
import os
import signal
import subprocess

from common import ADD, Missing, run

# Which domain runs where (class 2); that and hypercalls of PV domains (class 0x20),
# in the first two subclasses of each
RUNS = "0x00021000"
CALLS = "0x00223000"
TRACES = "/out/trace"
LIBRARY = "libxenstat.so.4.20"


class CpuTimes:
    """The CPU time of domains, in nanoseconds."""

    def __init__(self):
        try:
            self.library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise Missing(f"CPU times need {LIBRARY}: {error}") from None
        for name, result, arguments in (
                ("init", ctypes.c_void_p, []),
                ("get_node", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_uint]),
                ("free_node", None, [ctypes.c_void_p]),
                ("node_domain", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_uint]),
                ("domain_cpu_ns", ctypes.c_ulonglong, [ctypes.c_void_p])):
            function = getattr(self.library, f"xenstat_{name}")
            function.restype, function.argtypes = result, arguments
        self.handle = self.library.xenstat_init()
        if not self.handle:
            raise Missing("libxenstat cannot talk to Xen")

    def of(self, domids):
        node = self.library.xenstat_get_node(self.handle, 0)
        if not node:
            raise Missing("libxenstat did not answer")
        found = {}
        for who, domid in domids.items():
            domain = self.library.xenstat_node_domain(node, domid)
            if domain:
                found[who] = self.library.xenstat_domain_cpu_ns(domain)
        self.library.xenstat_free_node(node)
        return found


class Trace:
    """xentrace, while one measurement runs.

    It sleeps until the end, so as not to take part; the buffers hold all.
    """

    def __init__(self, name, mask):
        os.makedirs(TRACES, exist_ok=True)
        self.path = f"{TRACES}/{name}"
        self.log = open(f"{self.path}.log", "wb")
        try:
            self.process = subprocess.Popen(
                ["xentrace", "-D", "-S", "4096", "-s", "600000", "-e", mask, self.path], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        except OSError as error:
            raise Missing(f"cannot run xentrace: {error.strerror}") from None

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Missing("xentrace did not end") from None
        finally:
            self.log.close()


def counters(program, when):
    """What a program of machine/ says here of the time until now."""
    return run("sh", f"{ADD}/machine/{program}", when)
