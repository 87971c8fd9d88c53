#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""hostile.py DOMID VDEV LIE: a disk's backend that lies.

Makes a device in a running domain, serves it honestly until "lie" is read from its
input, and then tells the lie named. What it offers and what it does are lies too,
if that is what the lie is about. Ends when its input does, and takes the device
away.

The directory of the backend is not beneath backend/, so that no other backend of
this domain hears of it.
"""

import ctypes
import mmap
import select
import signal
import struct
import subprocess
import sys
import time

GNTTAB = ctypes.CDLL("libxengnttab.so.1", use_errno=True)
EVTCHN = ctypes.CDLL("libxenevtchn.so.1", use_errno=True)
for function in (GNTTAB.xengnttab_open, GNTTAB.xengnttab_map_grant_ref, EVTCHN.xenevtchn_open):
    function.restype = ctypes.c_void_p

ENTRIES = 32
HEADER = 64
ENTRY = 112
READ, WRITE, DISCARD, INDIRECT = 0, 1, 5, 6
ERROR, NOT_SUPPORTED = -1, -2
SECURE = 1
INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED = 2, 3, 4, 5, 6
SECTORS = 2048
# What a guest has beside the data that it writes (../rig/disk_hostile.sh)
SECRET = b"secret!!"

# What the backend says of itself, by the lie
OFFERS = {
    "sector-size-0": {"sector-size": 0},
    "sector-size-3": {"sector-size": 3},
    "sector-size-huge": {"sector-size": 1 << 20},
    "size-huge": {"sectors": (1 << 64) - 1},
    "size-missing": {"sectors": ""},
    "numbers-odd": {
        "physical-sector-size": 7, "discard-granularity": 3, "discard-alignment": 1,
        "feature-discard": 1, "max-ring-page-order": 4294967295,
        "multi-queue-max-queues": 4294967295, "feature-max-indirect-segments": 4294967295,
    },
    "queues-none": {"multi-queue-max-queues": 0},
    # No lie: takes secure discards, no others, until it takes none
    "erases": {"feature-discard": 1, "discard-secure": 1},
    # Nor is this: a removable disk, whose number is in the node that old guests pass by
    "removable": {"info": 2},
}


# What the toolstack says of it to the guest, by the lie
TOLD = {"peeks": {"trusted": 0}}


class Store:
    """Xenstore, by the tools that everybody has."""

    @staticmethod
    def write(pairs):
        words = [str(word) for pair in pairs.items() for word in pair]
        subprocess.run(["xenstore-write", *words], check=True)

    @staticmethod
    def read(path):
        done = subprocess.run(["xenstore-read", path], capture_output=True, text=True,
                              check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    @staticmethod
    def remove(*paths):
        subprocess.run(["xenstore-rm", *paths], check=False, stderr=subprocess.DEVNULL)

    @staticmethod
    def rights(path, owner, reader):
        subprocess.run(["xenstore-chmod", "-r", path, f"n{owner}", f"r{reader}"], check=True)


class Ring:
    """The shared ring of one page, and its event channel."""

    def __init__(self, domid, ref, port):
        self.domid = domid
        self.grants = GNTTAB.xengnttab_open(None, 0)
        self.events = EVTCHN.xenevtchn_open(None, 0)
        self.page = self.map(ref, mmap.PROT_READ | mmap.PROT_WRITE)
        self.port = EVTCHN.xenevtchn_bind_interdomain(ctypes.c_void_p(self.events), domid, port)
        if self.port < 0:
            raise OSError(ctypes.get_errno(), "binding the event channel")
        self.taken = 0
        self.answered = 0
        self.kept = []

    def map(self, ref, protection=mmap.PROT_READ):
        address = GNTTAB.xengnttab_map_grant_ref(ctypes.c_void_p(self.grants), self.domid, ref,
                                                 protection)
        if not address:
            raise OSError(ctypes.get_errno(), f"mapping grant {ref}")
        return address

    def unmap(self, address):
        GNTTAB.xengnttab_unmap(ctypes.c_void_p(self.grants), ctypes.c_void_p(address), 1)

    def close(self):
        for address in [*self.kept, self.page]:
            self.unmap(address)
        EVTCHN.xenevtchn_close(ctypes.c_void_p(self.events))

    def _index(self, number, value=None):
        where = self.page + 4 * number
        if value is not None:
            ctypes.memmove(where, struct.pack("<I", value & 0xffffffff), 4)
        return struct.unpack("<I", ctypes.string_at(where, 4))[0]

    def next_request(self):
        """The bytes of a request that has come, or None."""
        if self._index(0) == self.taken:
            self._index(1, self.taken + 1)
            return None
        at = self.page + HEADER + self.taken % ENTRIES * ENTRY
        self.taken += 1
        return ctypes.string_at(at, ENTRY)

    def put(self, number, operation, status=0):
        at = self.page + HEADER + self.answered % ENTRIES * ENTRY
        ctypes.memmove(at, struct.pack("<QBxh", number, operation, status), 12)
        self.answered += 1

    def publish(self, ahead=0):
        self._index(2, self.answered + ahead)
        self.notify()

    def notify(self):
        EVTCHN.xenevtchn_notify(ctypes.c_void_p(self.events), self.port)


class Liar:
    """A backend, honest until it is told to lie."""

    def __init__(self, domid, vdev, lie):
        self.domid, self.vdev, self.name = domid, vdev, lie
        self.front = f"/local/domain/{domid}/device/vbd/{vdev}"
        self.back = f"/local/domain/0/hostile/{domid}/{vdev}"
        self.ring = None
        self.lying = False

    def state(self, value):
        Store.write({f"{self.back}/state": value})

    def offer(self):
        nodes = {
            "frontend": self.front, "frontend-id": self.domid, "online": 1, "sectors": SECTORS,
            "sector-size": 512, "info": 0, "feature-flush-cache": 1, "mode": "w",
            **OFFERS.get(self.name, {}),
        }
        Store.write({f"{self.back}/{name}": value for name, value in nodes.items()
                     if value != ""})
        number = "virtual-device" + ("-ext" if self.name == "removable" else "")
        Store.write({f"{self.front}/backend": self.back, f"{self.front}/backend-id": 0,
                     f"{self.front}/{number}": self.vdev,
                     f"{self.front}/device-type": "disk",
                     **{f"{self.front}/{name}": value
                        for name, value in TOLD.get(self.name, {}).items()}})
        Store.rights(self.back, 0, self.domid)
        Store.rights(self.front, self.domid, 0)
        Store.write({f"{self.back}/state": INIT_WAIT})
        Store.write({f"{self.front}/state": 1})

    def wait_front(self, states, seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = int(Store.read(f"{self.front}/state") or 0)
            if state in states:
                return state
            time.sleep(0.05)
        raise TimeoutError(f"the frontend is not in {states} but in {state}")

    def connect(self):
        self.wait_front({INITIALISED})
        ref = int(Store.read(f"{self.front}/ring-ref"))
        port = int(Store.read(f"{self.front}/event-channel"))
        self.ring = Ring(self.domid, ref, port)
        self.state(CONNECTED)
        self.wait_front({CONNECTED, CLOSING, CLOSED})

    def _map_data(self, request):
        """Map the first page of data."""
        return self.ring.map(struct.unpack_from("<I", request, 24)[0])

    def _peek(self, request):
        """Look at all of a page of data."""
        address = self._map_data(request)
        print("seen" if SECRET in ctypes.string_at(address, mmap.PAGESIZE) else "unseen",
              flush=True)
        self.ring.unmap(address)

    def _lie(self, request, number, operation):
        ring, name = self.ring, self.name
        if name == "twice":
            ring.put(number, operation)
            ring.put(number, operation)
        elif name == "unknown-id":
            ring.put(number ^ 1, operation)
        elif name == "far-id":
            ring.put(1 << 63, operation)
        elif name == "other-operation":
            ring.put(number, WRITE if operation == READ else READ)
        elif name == "no-operation":
            ring.put(number, 200)
        elif name == "odd-status":
            ring.put(number, operation, -30000)
        elif name == "erases" and operation == DISCARD:
            ring.put(number, operation, NOT_SUPPORTED)
        elif name == "kept" and operation in (READ, WRITE):
            ring.kept.append(self._map_data(request))
            ring.put(number, operation)
        elif name.startswith("peeks") and operation == WRITE:
            self._peek(request)
            ring.put(number, operation)
        else:
            ring.put(number, operation)

    def _serve_one(self, request):
        operation, number = request[0], struct.unpack_from("<Q", request, 8)[0]
        if operation == INDIRECT:
            operation = request[1]
        if not self.lying:
            plain = operation == DISCARD and request[1] != SECURE
            self.ring.put(number, operation, ERROR if plain else 0)
        elif self.name == "silence":
            return
        else:
            self._lie(request, number, operation)
        ahead = {"ahead": 100, "far-ahead": 1 << 31, "back": -5}
        self.ring.publish(ahead.get(self.name, 0) if self.lying else 0)

    def _misbehave(self):
        """What needs no request."""
        if self.name == "storm":
            for _ in range(2000):
                self.ring.notify()
        elif self.name == "closes":
            self.state(CLOSED)
        elif self.name == "flickers":
            for state in (CONNECTED, CLOSING, INIT_WAIT, CLOSED, CONNECTED, CLOSING):
                self.state(state)
        elif self.name == "vanishes":
            Store.remove(self.back)

    def serve(self):
        """Until the input ends."""
        while True:
            if self.ring:
                while (request := self.ring.next_request()) is not None:
                    self._serve_one(request)
            ready, _, _ = select.select([sys.stdin], [], [], 0.002)
            if not ready:
                continue
            if not sys.stdin.readline():
                return
            self.lying = True
            if self.ring:
                self._misbehave()
            print("lied", flush=True)

    def end(self):
        """As a toolstack does, which has seen enough."""
        Store.write({f"{self.back}/online": 0, f"{self.back}/state": CLOSED})
        self.wait_front({CLOSED})
        Store.remove(self.front, self.back)
        if self.ring:
            self.ring.close()


def main():
    domid, vdev, lie = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    liar = Liar(domid, vdev, lie)
    # A test that fails kills it: the device goes all the same
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    liar.offer()
    try:
        liar.connect()
        print("connected", flush=True)
        liar.serve()
    finally:
        liar.end()


main()
