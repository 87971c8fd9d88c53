# SPDX-License-Identifier: GPL-2.0
"""A disk's frontend in user space, of dom0, for a backend in any domain.

It does what it is told, right or wrong. Its directory is not beneath device/, so
that no driver of this domain takes it for a disk of its own.
"""

import ctypes
import dataclasses
import struct
import time

from domain import BACKEND
from store import Store

GRANTS = ctypes.CDLL("libxengnttab.so.1", use_errno=True)
EVENTS = ctypes.CDLL("libxenevtchn.so.1", use_errno=True)
for function in (GRANTS.xengntshr_open, GRANTS.xengntshr_share_pages, EVENTS.xenevtchn_open):
    function.restype = ctypes.c_void_p

PAGE, HEADER, SECTOR = 4096, 64, 512
READ, WRITE, BARRIER, FLUSH, RESERVED, DISCARD, INDIRECT = range(7)
OKAY, ERROR, NOT_SUPPORTED = 0, -1, -2
INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED = range(1, 7)
SIZES = {"x86_64-abi": 112, "x86_32-abi": 108}
XENSTORE_RM, XENSTORE_SET_PERMS = 13, 14


class Tree(Store):
    """Xenstore, also to remove what is no longer wanted."""

    def put(self, folder, **nodes):
        for name, value in nodes.items():
            self.write(f"{folder}/{name.replace('_', '-')}", str(value))

    def remove(self, path):
        self._ask(XENSTORE_RM, path.encode() + b"\0")

    def allow(self, path, owner, reader):
        """Make a directory of a domain, which another one may read."""
        self.write(path, "")
        self._ask(XENSTORE_SET_PERMS, f"{path}\0n{owner}\0r{reader}\0".encode())


class Pages:
    """Pages that the backend may use."""

    def __init__(self, count, writable=True):
        self.grants = ctypes.c_void_p(GRANTS.xengntshr_open(None, 0))
        refs = (ctypes.c_uint32 * count)()
        self.count = count
        self.at = GRANTS.xengntshr_share_pages(self.grants, BACKEND.domid, count, refs,
                                               int(writable))
        if not self.at:
            raise OSError(ctypes.get_errno(), f"granting {count} pages")
        self.refs = list(refs)

    def get(self, offset, length):
        return ctypes.string_at(self.at + offset, length)

    def set(self, offset, data):
        ctypes.memmove(self.at + offset, data, len(data))

    def word(self, offset, value=None):
        if value is not None:
            self.set(offset, struct.pack("<I", value & 0xffffffff))
        return struct.unpack("<I", self.get(offset, 4))[0]

    def close(self):
        GRANTS.xengntshr_unshare(self.grants, ctypes.c_void_p(self.at), self.count)
        GRANTS.xengntshr_close(self.grants)


@dataclasses.dataclass
class Reply:
    """What came back."""

    number: int
    operation: int
    status: int


class Ring:
    """A ring and its event channel."""

    def __init__(self, order, layout):
        self.pages = Pages(1 << order)
        self.size = SIZES[layout]
        self.long = layout == "x86_64-abi"
        self.entries = 1 << (((PAGE << order) - HEADER) // self.size).bit_length() - 1
        self.events = ctypes.c_void_p(EVENTS.xenevtchn_open(None, 0))
        self.port = EVENTS.xenevtchn_bind_unbound_port(self.events, BACKEND.domid)
        if self.port < 0:
            raise OSError(ctypes.get_errno(), "making an event channel")
        self.start_over()

    def start_over(self):
        """As a ring that nobody has used."""
        self.put, self.got = 0, 0
        for offset, value in ((0, 0), (4, 1), (8, 0), (12, 1)):
            self.pages.word(offset, value)

    def slot(self, index):
        return HEADER + index % self.entries * self.size

    def _head(self, operation, count, handle, number):
        head = struct.pack("<BBH", operation, count, handle)
        return head + (b"\0" * 4 if self.long else b"") + struct.pack("<Q", number)

    def request(self, operation, number, sector, segments, count=None):
        """segments: (grant, first sector, last sector) each"""
        count = len(segments) if count is None else count
        return self._head(operation, count, 0, number) + struct.pack("<Q", sector) + \
            b"".join(struct.pack("<IBBxx", *segment) for segment in segments)

    def discard(self, number, sector, count, flag=0):
        return self._head(DISCARD, flag, 0, number) + struct.pack("<QQ", sector, count)

    def indirect(self, operation, number, sector, count, grant):
        head = struct.pack("<BBH", INDIRECT, operation, count)
        return head + (b"\0" * 4 if self.long else b"") + \
            struct.pack("<QQHH8I", number, sector, 0, 0, grant, *[0] * 7)

    def add(self, *requests):
        """Into the ring, not yet to be seen."""
        for request in requests:
            self.pages.set(self.slot(self.put), request)
            self.put += 1

    def publish(self, ahead=0):
        self.pages.word(0, self.put + ahead)
        self.notify()

    def notify(self):
        EVENTS.xenevtchn_notify(self.events, self.port)

    def replies(self, count, seconds=30):
        """As many as are wanted, or those that came within the time."""
        found, end = [], time.monotonic() + seconds
        while len(found) < count:
            if self.got == self.pages.word(8):
                if time.monotonic() > end:
                    break
                time.sleep(0.001)
                continue
            data = self.pages.get(self.slot(self.got), 12)
            found.append(Reply(*struct.unpack("<QBxh", data)))
            self.got += 1
            self.pages.word(12, self.got + 1)
        return found

    def ask(self, *requests, seconds=30):
        """Replies by number."""
        self.add(*requests)
        self.publish()
        return {reply.number: reply for reply in self.replies(len(requests), seconds)}

    def close(self):
        EVENTS.xenevtchn_close(self.events)
        self.pages.close()


def wait_for(test, what, seconds=30):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.005)


class Device:
    """A disk: both directories, and the frontend's side of it."""

    numbers = iter(range(51712, 60000))

    def __init__(self, tree, disk, **nodes):
        self.tree = tree
        self.number = next(self.numbers)
        self.front = f"/local/domain/0/disk-front/{self.number}"
        self.back = f"/local/domain/{BACKEND.domid}/backend/vbd/0/{self.number}"
        self.rings = []
        tree.allow(self.front, 0, BACKEND.domid)
        tree.allow(self.back, BACKEND.domid, 0)
        tree.put(self.front, backend=self.back, backend_id=BACKEND.domid, device_type="disk",
                 virtual_device=self.number, state=INITIALISING)
        tree.put(self.back, frontend=self.front, frontend_id=0, online=1, dev="xvdz",
                 **{"mode": "w", **nodes})
        if disk:
            self.insert(disk)
        tree.put(self.back, state=INITIALISING)

    def insert(self, disk):
        """What a hotplug script does; nothing, to take a disk out."""
        number = BACKEND.command("stat", "-L", "-c", "%t:%T", disk) if disk else ""
        self.tree.put(self.back, physical_device=number)

    def back_node(self, name):
        return self.tree.read(f"{self.back}/{name}")

    def back_state(self):
        return int(self.back_node("state") or 0)

    def wait_back(self, *states, seconds=30):
        end = time.monotonic() + seconds
        while (state := self.back_state()) not in states:
            if time.monotonic() > end:
                raise TimeoutError(f"the backend is in {state}, not in {states}: "
                                   f"{self.back_node('error')}")
            time.sleep(0.005)

    def state(self, value):
        self.tree.put(self.front, state=value)

    def open_rings(self, queues, order, layout):
        self.rings = [Ring(order or 0, layout or "x86_32-abi") for _ in range(queues)]
        for index, ring in enumerate(self.rings):
            folder = self.front if queues == 1 else f"{self.front}/queue-{index}"
            refs = {"ring_ref": ring.pages.refs[0]} if order is None else \
                {f"ring_ref{n}": ref for n, ref in enumerate(ring.pages.refs)}
            self.tree.put(folder, event_channel=ring.port, **refs)

    def connect(self, queues=1, order=None, layout="x86_64-abi", persistent=0):
        self.wait_back(INIT_WAIT)
        self.open_rings(queues, order, layout)
        nodes = {"feature_persistent": persistent}
        if layout:
            nodes["protocol"] = layout
        if order is not None:
            nodes["ring_page_order"] = order
        if queues != 1:
            nodes["multi_queue_num_queues"] = queues
        self.tree.put(self.front, **nodes)
        self.state(INITIALISED)
        self.wait_back(CONNECTED)
        self.state(CONNECTED)
        return self.rings[0]

    def drop_rings(self):
        for ring in self.rings:
            ring.close()
        self.rings = []

    def disconnect(self):
        """As a guest does that lets go of its disk, and may want it again."""
        self.state(CLOSING)
        self.wait_back(CLOSING, CLOSED)
        self.state(CLOSED)
        self.wait_back(CLOSED)
        self.drop_rings()
        for name in self.tree.list(self.front):
            if name not in ("backend", "backend-id", "device-type", "state"):
                self.tree.remove(f"{self.front}/{name}")
        self.state(INITIALISING)

    def remove(self):
        """As the toolstack does."""
        self.tree.put(self.back, online=0)
        self.state(CLOSED)
        try:
            self.tree.put(self.back, state=CLOSING)
            wait_for(lambda: not BACKEND.exists(self.sysfs), "the device goes")
        finally:
            self.drop_rings()
            self.tree.remove(self.front)
            self.tree.remove(self.back)

    @property
    def sysfs(self):
        return f"/sys/bus/xen-backend/devices/vbd-0-{self.number}"

    def sysfs_file(self, name):
        return BACKEND.read(f"{self.sysfs}/{name}").strip()

    def debugfs_file(self, name):
        return BACKEND.read(f"/sys/kernel/debug/xen-blkback/0.{self.number}/{name}")

    def counters(self, queue=0):
        """What debugfs says of a queue."""
        text = self.debugfs_file("queues")
        words = text.split(f"queue {queue}:")[1].split("queue ")[0].split()
        return {name: int(value) for name, value in zip(words[0::2], words[1::2])
                if value.isdigit()}

    def threads(self):
        """Process ids of those that work for it; they are called by the disk's name."""
        # Its status is 1 if there is none
        return BACKEND.shell("pgrep '^0[.]xvdz-' || [ $? = 1 ]").split()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.remove()
