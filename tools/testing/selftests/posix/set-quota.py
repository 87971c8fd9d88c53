#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Limit what a user may store in a filesystem that counts it.

usage: set-quota.py DEVICE UID KIB
"""

import ctypes
import os
import sys

Q_SETQUOTA = 0x800008
USRQUOTA = 0
QIF_BLIMITS = 1


class Dqblk(ctypes.Structure):
    """struct if_dqblk of linux/quota.h; limits in KiB."""

    _fields_ = [(name, ctypes.c_uint64) for name in (
        "bhardlimit", "bsoftlimit", "curspace", "ihardlimit", "isoftlimit", "curinodes",
        "btime", "itime")] + [("valid", ctypes.c_uint32)]


def main():
    device, uid, kib = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    limit = Dqblk(bhardlimit=kib, valid=QIF_BLIMITS)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.quotactl(Q_SETQUOTA << 8 | USRQUOTA, device.encode(), uid, ctypes.byref(limit)):
        error = ctypes.get_errno()
        sys.exit(f"set-quota: {device}: {os.strerror(error)}")


main()
