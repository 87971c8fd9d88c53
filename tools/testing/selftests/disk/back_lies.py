# SPDX-License-Identifier: GPL-2.0
"""What no frontend should ask of the disks' backend, or do."""

import os
import threading
import time

from domain import BACKEND
from back import (descriptors, goes_around, parameter, shared, slow, status_of, switches, used,
                  whole)
from frontend import (CLOSED, CLOSING, CONNECTED, ERROR, FLUSH, INITIALISED, INITIALISING,
                      INIT_WAIT, NOT_SUPPORTED, OKAY, PAGE, READ, RESERVED, WRITE, Pages,
                      Tree, wait_for)
from harness import check, equal, one_of, repeated, test


BAD = {
    "an operation that there is not": (lambda r, p: r.request(99, 1, 0, []), NOT_SUPPORTED),
    "one that is reserved": (lambda r, p: r.request(RESERVED, 1, 0, []), NOT_SUPPORTED),
    "no segments": (lambda r, p: r.request(READ, 1, 0, []), ERROR),
    "12 segments": (lambda r, p: r.request(READ, 1, 0, whole(p, 0, 11), 12), ERROR),
    "255 segments": (lambda r, p: r.request(WRITE, 1, 0, whole(p, 0, 11), 255), ERROR),
    "a flush with 200": (lambda r, p: r.request(FLUSH, 1, 0, whole(p, 0, 11), 200), ERROR),
    "a sector past the page": (lambda r, p: r.request(READ, 1, 0, [(p.refs[0], 0, 8)]), ERROR),
    "the last one of 256": (lambda r, p: r.request(READ, 1, 0, [(p.refs[0], 0, 255)]), ERROR),
    "last before first": (lambda r, p: r.request(READ, 1, 0, [(p.refs[0], 4, 3)]), ERROR),
    "the end of the disk": (lambda r, p: r.request(READ, 1, 65529, whole(p, 0, 1)), ERROR),
    "far beyond": (lambda r, p: r.request(WRITE, 1, 1 << 62, whole(p, 0, 1)), ERROR),
    "around the end": (lambda r, p: r.request(WRITE, 1, (1 << 64) - 4, whole(p, 0, 1)), ERROR),
    "a grant that there is not": (lambda r, p: r.request(READ, 1, 0, [(9999, 0, 7)]), ERROR),
    "one to write from": (lambda r, p: r.request(WRITE, 1, 0, [(0xffffffff, 0, 7)]), ERROR),
    "one among good ones": (lambda r, p: r.request(
        WRITE, 1, 0, [*whole(p, 0, 4), (9999, 0, 7), *whole(p, 4, 4)]), ERROR),
    "an indirect flush": (lambda r, p: r.indirect(FLUSH, 1, 0, 1, p.refs[0]), ERROR),
    "indirect twice": (lambda r, p: r.indirect(6, 1, 0, 1, p.refs[0]), ERROR),
    "indirect of nothing": (lambda r, p: r.indirect(READ, 1, 0, 0, p.refs[0]), ERROR),
    "indirect of too much": (lambda r, p: r.indirect(READ, 1, 0, 257, p.refs[0]), ERROR),
    "indirect of 65535": (lambda r, p: r.indirect(READ, 1, 0, 65535, p.refs[0]), ERROR),
    "indirect from nowhere": (lambda r, p: r.indirect(READ, 1, 0, 12, 9999), ERROR),
}


@test("requests that make no sense get an error, and nothing else happens")
def nonsense(env):
    for most in (0, 64 * 1024):
        with parameter("max_copy_bytes", most), env.device() as device, shared(11) as pages:
            pages.set(0, b"\xee" * PAGE)
            ring = device.connect()
            for name, (make, wanted) in BAD.items():
                equal(status_of(ring, make(ring, pages)), wanted, name)
            goes_around(env, ring, pages, 5)
            counters = device.counters()
            equal(counters["unmaps"], counters["maps"], f"mappings that ended, {counters}")


@test("many of them cost a reply each, and no sleep")
def floods(env):
    with env.device() as device:
        ring = device.connect()
        before = switches(device, "voluntary")
        for _ in range(64):
            ring.ask(*[ring.request(READ, n, 0, [(1, 5, 4)]) for n in range(32)])
        slept = switches(device, "voluntary") - before
        equal(device.counters()["refusals"], 2048, "refusals")
        # Once or twice when all have been replied to
        check(slept < 512, f"the thread has slept {slept} times")


@test("pages that may not be written are not written")
def not_writable(env):
    for most in (0, PAGE):
        with parameter("max_copy_bytes", most), env.device() as device:
            ring = device.connect()
            pages = Pages(1, writable=False)
            try:
                equal(status_of(ring, ring.request(READ, 1, 0, whole(pages))), ERROR, "read")
                equal(status_of(ring, ring.request(WRITE, 1, 0, whole(pages))), OKAY, "write")
            finally:
                pages.close()


@test("a reply has nothing of this domain's memory between its fields")
def padding(env):
    for layout in ("x86_64-abi", "x86_32-abi"):
        with env.device() as device:
            ring = device.connect(layout=layout)
            request = ring.request(RESERVED, 1, 0, []).ljust(ring.size, b"\xa5")
            equal(status_of(ring, request), NOT_SUPPORTED, "status")
            left = ring.pages.get(ring.slot(0), ring.size)
            check(left[9] == request[9] and left[12:] == request[12:], f"{left.hex()}")


@test("a request that changes while it is read")
def changes(env):
    with env.device() as device, shared(11) as pages:
        ring = device.connect()
        good = ring.request(READ, 1, 0, whole(pages))
        bad = ring.request(READ, 1, 1 << 60, [(9999, 7, 255)] * 11, 255)

        def change():
            for index in range(ring.entries):
                ring.pages.set(ring.slot(index), bad)
                ring.pages.set(ring.slot(index), good)

        with repeated(change):
            for _ in range(50):
                ring.put += 8
                ring.publish()
                # The replies themselves are written over
                wait_for(lambda: ring.pages.word(8) == ring.put, "replies")
        equal(device.back_state(), CONNECTED, "state")


@test("segments that change while they are read, on a page that stays mapped")
def segments_change(env):
    with env.device() as device, shared(32) as pages, shared(1) as page:
        ring = device.connect(persistent=1)
        good = whole(pages)

        def change():
            descriptors(page, [(9999, 7, 255)] * len(good))
            descriptors(page, good)

        found = set()
        with repeated(change):
            for _ in range(50):
                replies = ring.ask(*[ring.indirect(READ, n, 0, len(good), page.refs[0])
                                     for n in range(8)])
                found |= {reply.status for reply in replies.values()}
        check(found <= {OKAY, ERROR}, f"statuses {found}")
        descriptors(page, good)
        equal(status_of(ring, ring.indirect(READ, 1, 0, len(good), page.refs[0])), OKAY, "then")
        equal(device.back_state(), CONNECTED, "state")


def breaks(device, ring, ahead):
    """Publish what cannot be; the device closes and says why."""
    ring.publish(ahead)
    device.wait_back(CLOSING)
    wait_for(lambda: "broke the protocol" in (device.back_node("error") or ""), "the reason")
    equal(device.threads(), [], "threads")


@test("an index that makes no sense closes the device, until it starts over")
def index(env):
    for ahead in (33, 1 << 31, -1):
        with env.device() as device, shared(11) as pages:
            ring = device.connect()
            goes_around(env, ring, pages, 1)
            breaks(device, ring, ahead)
            device.disconnect()
            goes_around(env, device.connect(), pages, 2)


@test("so does one that was so before it connected")
def index_before(env):
    with env.device() as device:
        device.wait_back(INIT_WAIT)
        device.open_rings(1, None, "x86_64-abi")
        device.rings[0].pages.word(0, 1000)
        env.tree.put(device.front, protocol="x86_64-abi", state=INITIALISED)
        device.wait_back(CLOSING)
        wait_for(lambda: "cannot be used" in (device.back_node("error") or ""), "the reason")


@test("choices that were not offered are refused, with a reason")
def choices(env):
    for nodes, reason in (({"ring_page_order": 5}, "ring-page-order 5"),
                          ({"multi_queue_num_queues": 0}, "0 queues"),
                          ({"multi_queue_num_queues": 1000}, "1000 queues"),
                          ({"protocol": "vax-abi"}, "vax-abi"),
                          ({"ring_ref": "x"}, "ring-ref"),
                          ({"ring_ref": 9999}, "cannot be used"),
                          ({"event_channel": 9999}, "cannot be used")):
        with env.device() as device:
            device.wait_back(INIT_WAIT)
            device.open_rings(1, None, "x86_64-abi")
            env.tree.put(device.front, protocol="x86_64-abi")
            env.tree.put(device.front, **nodes)
            device.state(INITIALISED)
            device.wait_back(CLOSING)
            wait_for(lambda: device.back_node("error"), "the reason")
            check(reason in device.back_node("error"), f"{nodes}: {device.back_node('error')}")


@test("events without requests")
def storm(env):
    with env.device() as device, env.device() as other, shared(11) as pages:
        ring, good = device.connect(), other.connect()
        with repeated(ring.notify):
            time.sleep(1)
            goes_around(env, good, pages, 4)
        check(int(device.sysfs_file("xenbus/spurious_events")) > 0, "none was spurious")
        goes_around(env, ring, pages, 5)


@test("a state that is written again and again; other disks come meanwhile")
def floods_of_states(env):
    with env.device() as device, env.device() as other, shared(11) as pages:
        ring = device.connect()
        tree, before = Tree(), used()
        with repeated(lambda: tree.put(device.front, state=CONNECTED)):
            time.sleep(3)
            goes_around(env, other.connect(), pages, 8)
            goes_around(env, ring, pages, 9)
            left = used() - before
        # A word of xenstore's that nobody has seen to yet takes some hundred bytes
        check(left < 1024, f"{left} KiB more are in use")
        equal(device.back_state(), CONNECTED, "state")


def read_all(device, ended):
    """What a program does that watches, again and again."""
    while not ended.is_set():
        for name in ("rd_req", "oo_req"):
            device.sysfs_file(f"statistics/{name}")
        for name in ("queues", "latency"):
            device.debugfs_file(name)


@test("connections come and go, and nothing of them is left")
def comes_and_goes(env):
    turns = int(os.environ.get("DISK_TURNS", "30"))
    with env.device() as device, shared(11) as pages:
        ring = device.connect()
        for turn in range(turns + 10):
            if turn == 10:
                before = used()
            device.state(CLOSED)
            device.wait_back(CLOSED)
            ring.start_over()
            device.state(INITIALISING)
            device.wait_back(INIT_WAIT)
            device.state(INITIALISED)
            device.wait_back(CONNECTED)
            if turn % 10 == 0:
                equal(status_of(ring, ring.request(READ, 1, 0, whole(pages))), OKAY, "read")
        # A thread and its queue are 30 KiB, and what else the kernel does makes some hundred
        left = used() - before
        check(left < max(turns, 500), f"{left} KiB more are in use after {turns}")
        equal(len(device.threads()), 1, "threads")
        goes_around(env, ring, pages, 7)


@test("going and coming in whatever order, while somebody looks")
def flickers(env):
    orders_of_states = ((CLOSING, CLOSED, INITIALISING), (CLOSED, INITIALISING, INITIALISED),
                        (CONNECTED, CLOSING, CONNECTED, CLOSED),
                        (INITIALISING, INITIALISED, CONNECTED))
    with env.device() as device, shared(11) as pages:
        device.connect()
        ended = threading.Event()
        reader = threading.Thread(target=read_all, args=(device, ended))
        reader.start()
        try:
            for turn in range(1000):
                for state in orders_of_states[turn % 4]:
                    device.state(state)
        finally:
            ended.set()
            reader.join()
        device.state(CLOSED)
        device.wait_back(CLOSED)
        equal(device.threads(), [], "threads")
        device.disconnect()
        goes_around(env, device.connect(), pages, 6)


@test("a device that goes in the middle of everything")
def goes(env):
    with slow(env, 500) as disk, shared(8) as pages:
        device = env.device(disk)
        ring = device.connect()
        ring.add(*[ring.request(WRITE, n, 8 * n, whole(pages, n, 1)) for n in range(8)])
        ring.publish()
        time.sleep(0.1)
        env.tree.remove(device.front)
        wait_for(lambda: not BACKEND.exists(device.sysfs), "the device goes")
        env.tree.remove(device.back)
        wait_for(lambda: device.threads() == [], "its threads end")
        device.drop_rings()


@test("a block device that cannot be opened; the next one can")
def no_disk(env):
    # No driver has that major number
    with env.device(physical_device="3e7:0") as device:
        wait_for(lambda: "cannot be opened" in (device.back_node("error") or ""), "the reason")
        one_of(device.back_state(), (INITIALISING, INIT_WAIT), "state")
        device.insert(env.disk)
        device.connect()
