#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""bad_sectors.py DEVICE FIRST COUNT: what a program sees of a disk with bad sectors.

Each access of bad sectors ends with EIO, and each of the others, their neighbours
too, goes well: reads find in each sector its own number, as dom0 has written it.
"""

import errno
import mmap
import os
import sys

SECTOR = 512
AROUND = 12
LARGE = 256 * 1024


class Disk:
    """Past the page cache, which asks for more than is read."""

    def __init__(self, path):
        self.handle = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.memory = mmap.mmap(-1, LARGE)

    def read(self, sector, length=SECTOR):
        """The data, or the number of an error."""
        part = memoryview(self.memory)[:length]
        try:
            got = os.preadv(self.handle, [part], sector * SECTOR)
        except OSError as error:
            return error.errno
        return bytes(part[:got])

    def write(self, sector, length=SECTOR):
        """How much, or the number of an error."""
        part = memoryview(self.memory)[:length]
        part[:] = numbers(sector, length)
        try:
            return os.pwritev(self.handle, [part], sector * SECTOR)
        except OSError as error:
            return -error.errno


def numbers(sector, length):
    return b"".join(n.to_bytes(8, "little") * (SECTOR // 8)
                    for n in range(sector, sector + length // SECTOR))


def main(path, first, count):
    first, count = int(first), int(count)
    disk, wrong = Disk(path), []
    bad = range(first, first + count)
    for sector in range(first - AROUND, first + count + AROUND):
        found = disk.read(sector)
        if found != (errno.EIO if sector in bad else numbers(sector, SECTOR)):
            wrong.append(f"read of sector {sector}: {found if isinstance(found, int) else 'other data'}")
        found = disk.write(sector)
        if found != (-errno.EIO if sector in bad else SECTOR):
            wrong.append(f"write of sector {sector}: {found}")
    far = LARGE // SECTOR
    for start in (first - far, first + count):
        if disk.read(start, LARGE) != numbers(start, LARGE):
            wrong.append(f"read of {LARGE} bytes beside the bad ones, from sector {start}")
    # Of such a read what lies before may be had
    found = disk.read(first - far // 2, LARGE)
    if found != errno.EIO and (isinstance(found, int) or len(found) > LARGE // 2):
        wrong.append(f"read of {LARGE} bytes over the bad ones: {found}")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
