#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What disk_back_raw has of the disks' backend in dom0, of one in a driver domain: with
# KASAN, which boots as PVH guest only. The frontend is dom0's user space.
#
# rig: kernel=debug when=spare timeout=3600

set -eu

folder=/run/disk-back

server()
{
	rig-guest exec d --timeout 120 -- bash -euc "$1"
}

rig-guest create d --no-p9 --timeout 1200
server "mkdir -p $folder; mount -t tmpfs -o size=128M disk-back $folder; modprobe xen-blkback"
DISK_BACKEND=d python3 -B "$(dirname "$0")/../disk/test_back.py" "$folder" "$@" && status=0 ||
	status=$?
server "modprobe -r xen-blkback; umount $folder"
rig-guest shutdown d
exit "$status"
