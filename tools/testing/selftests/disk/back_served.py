# SPDX-License-Identifier: GPL-2.0
"""What every frontend may ask of the disks' backend."""

import contextlib
import os
import subprocess
import time

from back import (MIB, descriptors, goes_around, mapped, parameter, shared, slow, status_of,
                  switches, used, whole)
from domain import BACKEND
from frontend import (BARRIER, CLOSED, CONNECTED, ERROR, FLUSH, INITIALISING, INIT_WAIT,
                      NOT_SUPPORTED, OKAY, PAGE, READ, RESERVED, SECTOR, WRITE, wait_for)
from harness import Skip, check, equal, test


@contextlib.contextmanager
def erasing_disk():
    """A disk that takes secure discards and no others, and the pipe by which it is told
    to take none: what xen-blkfront makes, in this domain, of a backend in user space.
    """
    if BACKEND.domid:
        raise Skip("the disk would be one of dom0's")
    BACKEND.run("modprobe", "xen-blkfront")
    path = "/dev/xvdy"
    liar = subprocess.Popen(
        [os.path.join(os.path.dirname(__file__), "hostile.py"), "0", str(1 << 28 | 24 << 8),
         "erases"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        equal(liar.stdout.readline(), "connected\n", "what the disk's backend says")
        wait_for(lambda: os.path.exists(path), f"{path} is there")
        yield path, liar
    finally:
        liar.stdin.close()
        equal(liar.wait(60), 0, "status of the disk's backend")
        BACKEND.run("modprobe", "-r", "xen-blkfront")


@test("each layout of requests, and none named, which is 32-bit")
def layouts(env):
    for seed, layout in enumerate(("x86_64-abi", "x86_32-abi", None)):
        with env.device() as device, shared(11) as pages:
            goes_around(env, device.connect(layout=layout), pages, seed)


@test("rings of 1 to 16 pages, each slot of them used")
def orders(env):
    for order in range(5):
        # Xen lets a grant be used by 127 at once
        with env.device() as device, shared(8) as pages:
            ring = device.connect(order=order)
            for start in range(0, 2 * ring.entries, ring.entries):
                numbers = range(start, start + ring.entries)
                replies = ring.ask(*[ring.request(READ, n, n % 1024, [(pages.refs[n % 8], 0, 0)])
                                     for n in numbers])
                equal(sorted(replies), list(numbers), f"replies, order {order}")
                bad = [r for r in replies.values() if r.status != OKAY]
                check(not bad, f"order {order}: {len(bad)} errors, {bad[:3]}")


@test("several rings, each with a thread that is called like guest and disk")
def queues(env):
    with parameter("max_queues", 4), env.device() as device, shared(11) as pages:
        device.wait_back(INIT_WAIT)
        count = int(device.back_node("multi-queue-max-queues"))
        device.connect(queues=count, order=1)
        for seed, ring in enumerate(device.rings):
            goes_around(env, ring, pages, seed)
        equal((count, len(device.threads())), (4, 4), "queues and threads")


@test("data of each sector of a page, copied and mapped")
def sectors(env):
    for most in (0, PAGE):
        with parameter("max_copy_bytes", most), env.device() as device, shared(1) as pages:
            ring = device.connect()
            env.write("disk", 0, bytes(n // SECTOR + 1 for n in range(PAGE)))
            for first in range(8):
                for last in range(first, 8):
                    pages.set(0, b"\xff" * PAGE)
                    length = (last - first + 1) * SECTOR
                    request = ring.request(READ, 1, 0, [(pages.refs[0], first, last)])
                    equal(status_of(ring, request), OKAY, "read")
                    wanted = b"\xff" * (first * SECTOR) + env.read("disk", 0, length)
                    check(pages.get(0, PAGE) == wanted.ljust(PAGE, b"\xff"),
                          f"sectors {first} to {last}")
            counters = device.counters()
            check(bool(counters["maps"]) == (not most), f"{counters} with {most}")


@test("indirect requests, up to the most segments; the reply is the data's")
def indirect(env):
    with env.device() as device, shared(256) as pages, shared(1) as page:
        ring = device.connect()
        most = int(device.back_node("feature-max-indirect-segments"))
        for count in (1, 12, most):
            data = bytes((count + n // 16) % 253 for n in range(count * PAGE))
            pages.set(0, data)
            descriptors(page, whole(pages, 0, count))
            reply = ring.ask(ring.indirect(WRITE, 7, 0, count, page.refs[0]))[7]
            equal((reply.operation, reply.status), (WRITE, OKAY), f"{count} segments")
            check(env.read("disk", 0, len(data)) == data, "what was written is not there")
            pages.set(0, bytes(len(data)))
            reply = ring.ask(ring.indirect(READ, 8, 0, count, page.refs[0]))[8]
            equal((reply.operation, reply.status), (READ, OKAY), f"{count} segments")
            check(pages.get(0, len(data)) == data, "what was read is something else")


@test("pages that are granted again and again stay mapped, to a bound")
def persistent(env):
    with parameter("max_persistent_grants", 16), env.device() as device, shared(32) as pages:
        ring = device.connect(persistent=1)
        for _ in range(8):
            goes_around(env, ring, pages, 3)
        counters = device.counters()
        equal(counters["maps"], 11, "pages mapped")
        check(counters["persistent"] >= 15 * 11, f"found mapped: {counters}")
        for first in range(0, 22, 11):
            equal(status_of(ring, ring.request(READ, 1, 0, whole(pages, first, 11))), OKAY, "read")
        counters = device.counters()
        equal(counters["maps"] - counters["unmaps"], 16, "pages that stay mapped")


@test("two requests at once may use one page that stays mapped")
def persistent_twice(env):
    with env.device() as device, shared(1) as pages:
        ring = device.connect(persistent=1)
        replies = ring.ask(*[ring.request(READ, n, n, [(pages.refs[0], n % 8, n % 8)])
                             for n in range(32)])
        equal([r.status for r in replies.values()], [OKAY] * 32, "statuses")


@test("pages that stay mapped are let go if they are not used")
def persistent_expires(env):
    with parameter("persistent_grant_unused_seconds", 1), env.device() as device, \
            shared(4) as pages:
        ring = device.connect(persistent=1)
        equal(status_of(ring, ring.request(READ, 1, 0, whole(pages))), OKAY, "read")
        wait_for(lambda: device.counters()["unmaps"] == 4, "they are unmapped", 20)


@test("pages that stay mapped are let go if memory is scarce")
def persistent_shrinks(env):
    with env.device() as device, shared(4) as pages:
        ring = device.connect(persistent=1)
        equal(status_of(ring, ring.request(READ, 1, 0, whole(pages))), OKAY, "read")
        BACKEND.write("/proc/sys/vm/drop_caches", "2")
        wait_for(lambda: device.counters()["unmaps"] == 4, "they are unmapped")
        equal(device.counters()["pool"], 0, "pages that nothing is mapped at")


@test("discard; nothing but a whole number of blocks of the disk")
def discard(env):
    with env.device() as device:
        ring = device.connect()
        equal(device.back_node("feature-discard"), "1", "feature-discard")
        env.write("disk", 0, b"x" * MIB)
        equal(status_of(ring, ring.discard(1, 0, 1024)), OKAY, "discard")
        check(env.read("disk", 0, MIB // 2) == bytes(MIB // 2), "it is still there")
        check(env.read("disk", MIB // 2, 4) == b"xxxx", "more is gone")
        equal(status_of(ring, ring.discard(1, 0, 0)), OKAY, "nothing")
        equal(status_of(ring, ring.discard(1, 65535, 2)), ERROR, "beyond the end")
        equal(status_of(ring, ring.discard(1, 1, (1 << 64) - 1)), ERROR, "around the end")


@test("the wish for a secure discard counts for nothing on a disk that has none")
def no_secure_discard(env):
    with env.device() as device:
        ring = device.connect()
        equal(device.back_node("discard-secure"), "0", "discard-secure")
        env.write("disk", 0, b"x" * 2 * MIB)
        for sector, flag in ((0, 1), (2048, 0xff)):
            equal(status_of(ring, ring.discard(1, sector, 1024, flag)), OKAY, f"flag {flag}")
            check(env.read("disk", sector * SECTOR, MIB // 2) == bytes(MIB // 2), "it is still there")
        equal(status_of(ring, ring.discard(1, 65535, 2, 1)), ERROR, "beyond the end")


@test("a secure discard is one of the disk, and its end is the reply")
def secure_discard(env):
    with erasing_disk() as (path, liar), env.device(path) as device:
        ring = device.connect()
        equal(device.back_node("discard-secure"), "1", "discard-secure")
        equal(status_of(ring, ring.discard(1, 0, 1024, 1)), OKAY, "secure discard")
        equal(status_of(ring, ring.discard(1, 0, 1024)), ERROR, "another discard")
        equal(status_of(ring, ring.discard(1, 2047, 2, 1)), ERROR, "beyond the end")
        liar.stdin.write("lie\n")
        liar.stdin.flush()
        equal(liar.stdout.readline(), "lied\n", "what the disk's backend says")
        equal(status_of(ring, ring.discard(1, 0, 1024, 1)), NOT_SUPPORTED, "if it takes none")


@test("no discard if the toolstack says so")
def no_discard(env):
    with env.device(discard_enable=0) as device:
        ring = device.connect()
        equal(device.back_node("feature-discard"), "0", "feature-discard")
        equal(status_of(ring, ring.discard(1, 0, 8)), NOT_SUPPORTED, "discard")


@test("sectors of 4 KiB, counted as 512 bytes all the same")
def large_sectors(env):
    disk = env.loop("large", 16 * MIB, "--sector-size", "4096")
    with env.device(disk) as device, shared(1) as pages:
        ring = device.connect()
        equal(device.back_node("sector-size"), "4096", "sector-size")
        equal(device.back_node("sectors"), str(16 * MIB // SECTOR), "sectors")
        pages.set(0, b"z" * PAGE)
        equal(status_of(ring, ring.request(WRITE, 1, 16, whole(pages))), OKAY, "write")
        check(env.read("large", 2 * PAGE, PAGE) == b"z" * PAGE, "it is not there")
        ref = pages.refs[0]
        for sector, first, last in ((1, 0, 7), (0, 0, 3), (0, 4, 7)):
            equal(status_of(ring, ring.request(WRITE, 1, sector, [(ref, first, last)])), ERROR,
                  f"sector {sector}, {first} to {last}")


@test("a disk that may not be written")
def read_only(env):
    with env.device(mode="r") as device, shared(1) as pages:
        ring = device.connect()
        check(int(device.back_node("info")) & 4, "it does not say so")
        equal(device.sysfs_file("mode"), "r", "mode")
        equal(device.sysfs_file("physical_device"), device.back_node("physical-device"), "disk")
        equal(status_of(ring, ring.request(READ, 1, 0, whole(pages))), OKAY, "read")
        equal(status_of(ring, ring.request(WRITE, 1, 0, whole(pages))), ERROR, "write")
        equal(status_of(ring, ring.request(BARRIER, 1, 0, whole(pages))), ERROR, "barrier")
        equal(status_of(ring, ring.request(FLUSH, 1, 0, [])), OKAY, "flush")
        equal(status_of(ring, ring.discard(1, 0, 8)), ERROR, "discard")


# How it does it


@test("what comes together goes together: few looks, few hypercalls, few events")
def batches(env):
    # The disk is done with some at a time
    most = {"map_calls": 2, "unmap_calls": 24, "passes": 48, "notifies": 16}
    with slow(env, 200) as disk, parameter("max_copy_bytes", 0), env.device(disk) as device, \
            shared(32) as pages:
        ring = device.connect()
        ring.ask(ring.request(READ, 1, 0, whole(pages, 0, 1)))
        before = device.counters()
        ring.ask(*[ring.request(WRITE, n, 8 * n, whole(pages, n, 1)) for n in range(32)])
        after = device.counters()
        took = {name: after[name] - before[name] for name in ("maps", "unmaps", *most)}
        equal((took["maps"], took["unmaps"]), (32, 32), "pages")
        check(all(took[name] <= limit for name, limit in most.items()), f"{took}")


@test("idle is asleep: no thread wakes up, once what it had is given back")
def idle(env):
    with env.device() as device, shared(1) as pages:
        ring = device.connect()
        ring.ask(ring.request(READ, 1, 0, whole(pages)))
        # For that it wakes up, ten seconds after its last request
        wait_for(lambda: device.counters()["pool"] == 0, "its pages are given back", 20)
        time.sleep(0.5)
        before = switches(device)
        time.sleep(4)
        equal(switches(device) - before, 0, "context switches")


def settled():
    """The same, when what others were giving back has gone."""
    if "slab_debug=" in BACKEND.read("/proc/cmdline"):
        raise Skip("this kernel has red zones at each object, which take memory themselves")
    last = used()
    for _ in range(20):
        time.sleep(0.5)
        now = used()
        if now == last:
            break
        last = now
    return last


@test("a ring of a page takes 128 KiB at most")
def memory(env):
    with parameter("max_queues", 16), env.device() as device:
        device.wait_back(INIT_WAIT)
        before = settled()
        device.connect(queues=16)
        taken = used() - before
        check(0 < taken <= 16 * 128, f"{taken} KiB for 16 rings")


@test("with many pages that stay mapped as well")
def memory_persistent(env):
    with env.device() as device, shared(768) as pages, shared(1) as page:
        device.wait_back(INIT_WAIT)
        before = settled()
        ring = device.connect(persistent=1)
        for again in range(2):
            for first in range(0, 768, 256):
                descriptors(page, whole(pages, first, 256))
                equal(status_of(ring, ring.indirect(READ, 1, 0, 256, page.refs[0])), OKAY, "read")
            counters = device.counters()
            # The page of segments among them
            equal((counters["maps"], counters["unmaps"], counters["copies"]), (769, 0, 0),
                  f"counters, {again}")
        taken = used() - before
        check(taken <= 128, f"{taken} KiB")


@test("and with the largest requests, as many as there may be, in flight")
def memory_in_flight(env):
    with slow(env, 1000) as disk, env.device(disk) as device, shared(256) as pages, \
            shared(1) as page:
        device.wait_back(INIT_WAIT)
        before = settled()
        ring = device.connect()
        descriptors(page, whole(pages))
        ring.add(*[ring.indirect(WRITE, n, 0, 256, page.refs[0]) for n in range(32)])
        ring.publish()
        time.sleep(0.5)
        taken = used() - before
        replies = ring.replies(32, 60)
        equal([reply.status for reply in replies], [OKAY] * 32, "statuses")
        check(0 < taken <= 128, f"{taken} KiB")


@test("how long requests take is counted, and where")
def latencies(env):
    def spans(device):
        lines = [line.split(": ") for line in device.debugfs_file("latency").splitlines()]
        return {name.split()[-1]: [int(number) for number in numbers.split()]
                for name, numbers in lines if name.startswith("queue 0")}

    with slow(env, 600) as disk, env.device(disk) as device, shared(1) as pages:
        ring = device.connect()
        ring.ask(ring.request(WRITE, 1, 0, whole(pages)), ring.request(READ, 2, 8, whole(pages)),
                 ring.request(READ, 3, 16, whole(pages)))
        found = spans(device)
        equal({name: sum(counts) for name, counts in found.items()},
              {"queued": 3, "in_disk": 3, "total": 3}, "requests")
        # From 524 ms on, as the write at least has taken
        for name in ("in_disk", "total"):
            check(sum(found[name][20:]) >= 1, f"{name}: {found[name]}")


@test("counters in sysfs")
def counted(env):
    with env.device() as device, shared(2) as pages:
        ring = device.connect()
        ring.ask(ring.request(READ, 1, 0, whole(pages)), ring.request(WRITE, 2, 0, whole(pages)),
                 ring.request(FLUSH, 3, 0, []), ring.discard(4, 0, 8),
                 ring.request(RESERVED, 5, 0, []))
        wanted = {"rd_req": 1, "wr_req": 1, "f_req": 1, "ds_req": 1, "rd_sect": 16,
                  "wr_sect": 16, "refusals": 1, "errors": 0}
        for again in range(2):
            found = {name: int(device.sysfs_file(f"statistics/{name}")) for name in wanted}
            equal(found, wanted, "connected" if not again else "later")
            if not again:
                device.disconnect()


# Barriers, and what happens to disks


@test("one guest holds so many pages at most; its requests wait, and go on")
def bounded(env):
    with slow(env, 500) as disk, parameter("max_guest_pages", 1), env.device(disk) as device, \
            shared(256) as pages, shared(1) as page:
        ring = device.connect()
        descriptors(page, whole(pages))
        # Two of the largest requests is what each guest may have: while the disk is at
        # four of half their size, there are no pages for a fifth
        replies = ring.ask(*[ring.indirect(WRITE, n, 0, 256, page.refs[0]) for n in range(8)])
        equal([r.status for r in replies.values()], [OKAY] * 8, "statuses")
        check(int(device.sysfs_file("statistics/oo_req")) > 0, f"none waited: {device.counters()}")


@test("a barrier waits for all rings of the disk, and they for it")
def barrier(env):
    with parameter("max_queues", 2), slow(env, 1000) as disk, env.device(disk) as device, \
            shared(3) as pages:
        device.connect(queues=2)
        one, two = device.rings
        began = time.monotonic()
        one.add(one.request(WRITE, 1, 0, whole(pages, 0, 1)))
        one.publish()
        time.sleep(0.2)
        two.add(two.request(BARRIER, 2, 8, whole(pages, 1, 1)))
        two.publish()
        time.sleep(0.2)
        one.add(one.request(READ, 3, 16, whole(pages, 2, 1)))
        one.publish()
        # The read takes no time; it was asked for before the write had ended
        equal([r.number for r in one.replies(1)], [1], "the write comes first")
        equal(two.got, two.pages.word(8), "and the barrier after it")
        equal([r.number for r in two.replies(1)], [2], "the barrier")
        check(time.monotonic() - began > 1.9, "the barrier did not wait")
        equal([(r.number, r.status) for r in one.replies(1)], [(3, OKAY)], "what came after")


@test("a flush and a discard keep no request waiting that comes after them")
def asynchronous(env):
    with slow(env, 1500) as disk, env.device(disk) as device, shared(1) as pages:
        ring = device.connect()
        for slow_one in (ring.request(FLUSH, 1, 0, []), ring.discard(1, 0, 8)):
            ring.add(slow_one, ring.request(READ, 2, 64, whole(pages)))
            ring.publish()
            equal([(r.number, r.status) for r in ring.replies(2)], [(2, OKAY), (1, OKAY)],
                  "replies")


@test("a frontend that goes with requests in flight may come again")
def reconnects(env):
    with slow(env, 700) as disk, env.device(disk) as device, shared(8) as pages:
        ring = device.connect()
        ring.add(*[ring.request(WRITE, n, 8 * n, whole(pages, n, 1)) for n in range(8)])
        ring.publish()
        time.sleep(0.1)
        device.state(CLOSED)
        device.state(INITIALISING)
        wait_for(lambda: device.back_state() == INIT_WAIT, "it is offered again")
        ring = device.connect()
        equal(status_of(ring, ring.request(READ, 1, 0, whole(pages, 0, 1))), OKAY, "read")


@test("errors of the disk are errors of the requests that met them, and no others")
def errors(env):
    table = f"0 64 linear {env.disk} 0\n64 8 error\n72 64 linear {env.disk} 72"
    with mapped("broken", table) as disk, env.device(disk) as device, shared(3) as pages:
        ring = device.connect()
        for operation in (READ, WRITE):
            replies = ring.ask(ring.request(operation, 1, 56, whole(pages, 0, 1)),
                               ring.request(operation, 2, 64, whole(pages, 1, 1)),
                               ring.request(operation, 3, 72, whole(pages, 2, 1)),
                               ring.request(operation, 4, 56, whole(pages)))
            equal([replies[n].status for n in (1, 2, 3, 4)], [OKAY, ERROR, OKAY, ERROR],
                  "statuses")
        equal(device.sysfs_file("statistics/errors"), "4", "errors")


@test("a disk that grows says so, though nobody asks")
def grows(env):
    disk = env.loop("grows", 8 * MIB)
    with env.device(disk) as device, shared(1) as pages:
        ring = device.connect()
        equal(status_of(ring, ring.request(READ, 1, 16384, whole(pages))), ERROR, "beyond")
        BACKEND.run("truncate", "-s", "16M", env.path("grows"))
        BACKEND.run("losetup", "-c", disk)
        wait_for(lambda: device.back_node("sectors") == str(16 * MIB // SECTOR), "sectors")
        equal(device.back_state(), CONNECTED, "state")
        equal(status_of(ring, ring.request(READ, 1, 16384, whole(pages))), OKAY, "there")


@test("a disk is taken out and another put in while it is in use")
def exchanged(env):
    other = env.loop("other", 4 * MIB)
    env.write("other", 0, b"other".ljust(SECTOR))
    env.write("disk", 0, b"disk".ljust(SECTOR))
    with env.device() as device, shared(1) as pages:
        ring = device.connect()
        for disk, wanted, size in ((None, b"", 0), (other, b"other", 4 * MIB // SECTOR),
                                   (env.disk, b"disk", 32 * MIB // SECTOR)):
            device.insert(disk)
            wait_for(lambda: device.back_node("sectors") == str(size), f"size {size}")  # pylint: disable=cell-var-from-loop
            status = status_of(ring, ring.request(READ, 1, 0, [(pages.refs[0], 0, 0)]))
            equal(status, OKAY if disk else ERROR, f"{wanted}")
            check(pages.get(0, len(wanted)) == wanted, f"it is not {wanted}")


@test("unbound and bound again while it is in use")
def rebound(env):
    with env.device() as device, shared(11) as pages:
        ring = device.connect()
        goes_around(env, ring, pages, 9)
        name = os.path.basename(device.sysfs)
        for action in ("unbind", "bind"):
            BACKEND.write(f"/sys/bus/xen-backend/drivers/vbd/{action}", name)
            if action == "unbind":
                ring.add(ring.request(READ, 77, 0, whole(pages)))
                ring.publish()
        equal([(r.number, r.status) for r in ring.replies(1)], [(77, OKAY)], "what came between")
        goes_around(env, ring, pages, 10)
