#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the suite interop does in its guest:
#
# interop_guest.sh front FRONT CPUS MOST: the module FRONT, ours, which modprobe takes, or
# upstream, the kernel's own; and CPUS of its MOST CPUs online
#
# interop_guest.sh tree VERSION: mount the device, copy a tree, have fio verify what it
# writes, and unmount
#
# interop_guest.sh log VERSION: append to a file of a mount, and read it

set -euo pipefail

front()
{
	for ((n = 1; n < $3; n++)); do
		echo $((n < $2)) >"/sys/devices/system/cpu/cpu$n/online"
	done
	[ "$(nproc)" = "$2" ]

	rmmod 9pnet_xen 2>/dev/null || true
	modprobe 9p
	if [ "$1" = ours ]; then
		modprobe 9pnet_xen
	else
		insmod "/lib/modules/$(uname -r)/kernel/net/9p/9pnet_xen.ko"*
	fi
}

# mounted VERSION: once the device is what it becomes of itself
mounted()
{
	for ((n = 0; n < 600; n++)); do
		case $(cat /sys/bus/xen/devices/9pfs-0/state 2>/dev/null) in
		Connected|Closed) break ;;
		esac
		sleep 0.1
	done
	mkdir -p /mnt
	mount -t 9p -o "trans=xen,version=$1,msize=131072" interop /mnt
}

tree()
{
	local headers

	headers=$(printf '%s\n' /usr/src/linux-headers-*-common | sort -V | tail -n 1)
	mounted "$1"
	cp -r "$headers/include/keys" /mnt/tree
	diff -r --no-dereference "$headers/include/keys" /mnt/tree
	fio --name=verify --directory=/mnt --size=256k --rw=randrw --bsrange=4k-64k \
		--verify=crc32c --ioengine=psync --fallocate=none --minimal >/run/fio.log ||
		{ tail -n 5 /run/fio.log; exit 1; }
	umount /mnt
}

log()
{
	mounted "$1"
	echo first >/mnt/log
	echo second >>/mnt/log
	cat /mnt/log
	umount /mnt
}

"$@"
