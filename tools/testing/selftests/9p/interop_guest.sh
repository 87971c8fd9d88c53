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
# interop_guest.sh rings CPUS: on a mount with any ring for any request, as many rings as
# CPUs; a CPU's requests are on its ring, and are answered there
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

# How many interrupts each ring has had
interrupts()
{
	awk -v cpus="$(nproc)" '$NF == "9pnet_xen" {
		sum = 0
		for (i = 2; i < 2 + cpus; i++)
			sum += $i
		print sum }' /proc/interrupts
}

rings()
{
	local cpu other irqs before after

	mounted 9p2000.L
	head -c 64k /dev/zero >/mnt/data
	mapfile -t irqs < <(awk -F: '/ 9pnet_xen$/ { print $1 + 0 }' /proc/interrupts)
	[ "${#irqs[@]}" = "$1" ]
	for ((cpu = 0; cpu < $1; cpu++)); do
		[ "$(cat "/proc/irq/${irqs[cpu]}/smp_affinity_list")" = "$cpu" ]
		mapfile -t before < <(interrupts)
		taskset -c "$cpu" dd if=/mnt/data of=/dev/null bs=512 status=none
		mapfile -t after < <(interrupts)
		for ((other = 0; other < $1; other++)); do
			echo "by CPU $cpu, ring $other: $((after[other] - before[other]))"
			[ $((after[other] - before[other] > 64)) = $((other == cpu)) ]
		done
	done
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
