#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""writelog.py LOG MARK IMAGE [some|fewer]: what a disk holds after a cut of its power.

LOG is the log of dm-log-writes. It has a write only once a flush has followed it,
so all that stands before a mark is what a disk had to keep if its power went as the
mark was set, and nothing else. With "some", it has also kept a part of what follows
up to the next flush, which it may. With "fewer", it has lost what its last flushes
were to save, which it may not: that is to be found out.
"""

import random
import struct
import sys

SECTOR = 512
MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
# Flushes that are as if they had not been
FEWER = 30


def entries(log):
    """Of each entry its flags, sector, number of sectors, and data."""
    magic, _, count, size = struct.unpack("<QQQI", log.read(28))
    if magic != MAGIC:
        raise SystemExit("writelog.py: this is no log of dm-log-writes")
    log.seek(size)
    for _ in range(count):
        sector, sectors, flags, length = struct.unpack("<QQQQ", log.read(32))
        log.seek(size - 32, 1)
        if flags & MARK:
            # Behind the numbers, in the same block
            log.seek(32 - size, 1)
            yield flags, 0, 0, log.read(size - 32)[:length]
        elif flags & DISCARD:
            yield flags, sector, sectors, bytes(sectors * SECTOR)
        else:
            yield flags, sector, sectors, log.read(sectors * SECTOR)


def split(log, mark):
    """What stands before a mark, and what follows it up to the next flush."""
    before, after, found = [], [], False
    for entry in entries(log):
        if found and entry[0] & (FLUSH | FUA):
            break
        if entry[0] & MARK:
            found = found or entry[3].rstrip(b"\0") == mark.encode()
        else:
            (after if found else before).append(entry)
    if not found:
        raise SystemExit(f"writelog.py: the log has no mark {mark}")
    return before, after


def without_last_flushes(kept):
    flushes = [n for n, entry in enumerate(kept) if entry[0] & FLUSH]
    if len(flushes) <= FEWER:
        raise SystemExit(f"writelog.py: there are but {len(flushes)} flushes before the mark")
    return kept[:flushes[-FEWER - 1]]


def main(log, mark, image, what=""):
    with open(log, "rb") as file:
        kept, after = split(file, mark)
    if what == "some":
        kept += [entry for entry in after if random.random() < 0.5]
    elif what == "fewer":
        kept = without_last_flushes(kept)
    with open(image, "r+b") as disk:
        for _, sector, _, data in kept:
            disk.seek(sector * SECTOR)
            disk.write(data)
    print(f"{mark}: {len(kept)} writes and flushes, {len(after)} writes that were not flushed")


main(*sys.argv[1:])
