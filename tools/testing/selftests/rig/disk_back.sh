#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The backend of disks serves upstream's frontend (and this project's, in disk_pair): a
# guest has its root on it, and further disks that are a block device and, by the
# stock hotplug script, a file. What the guest writes is there, in dom0 as well; its
# I/O is charged to the cgroup that its threads are in; and each disk comes and goes,
# with its threads.
#
# rig: kernel=mainline when=spare timeout=1200

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/vbd.sh"

folder=/srv/disk-back

guest()
{
	rig-guest exec b --timeout 200 -- bash -euo pipefail -c "$1"
}

threads()
{
	pgrep -c "^$domid\.$1-" || true
}

# Later, too, than a moment
eventually()
{
	local _

	for _ in {1..100}; do
		if "$@"; then return 0; fi
		sleep 0.1
	done
	fail "not within 10 s: $*"
}

# This project's modules are out of the kernel's tree
is_ours()
{
	local front

	[ -e /sys/module/xen_blkback/parameters/max_copy_bytes ]
	front=$(guest 'grep -o O /sys/module/xen_blkfront/taint || true')
	equal "$front" "${DISK_FRONT:+O}" "what taints the frontend"
	guest 'grep -q xvda /proc/partitions'
	[ "$(threads xvda)" -ge 1 ]
}

# libxl's children close each file that there may be, one by one
attached()
{
	local device=$1 target=$2 status=0

	(ulimit -n 256; xl block-attach b \
		"format=raw,vdev=$device,access=rw${3:+,$3},target=$target") \
		>/tmp/attach 2>&1 || status=$?
	cat /tmp/attach
	if grep -q 'because of timeout' /tmp/attach; then
		excuse "the hotplug script takes longer here than libxl waits for it"
	fi
	equal "$status" 0 "status of xl block-attach"
	guest "for n in {1..100}; do [ ! -b /dev/$device ] || exit 0; sleep 0.1; done; exit 1"
}

gone()
{
	[ "$(threads "$1")" = 0 ]
}

detached()
{
	xl block-detach b "$1"
	eventually gone "$1"
	fails guest "test -b /dev/$1"
}

# With verification, in sizes and places of all kinds, and flushes between
holds_what_is_written()
{
	guest "fio --name=v --filename=/dev/$1 --direct=1 --rw=randrw --bsrange=512-128k \
		--blockalign=512 --size=8M --io_size=4M --iodepth=16 --ioengine=libaio \
		--fsync=32 --verify=crc32c --verify_fatal=1 --output=/tmp/fio ||
		{ cat /tmp/fio; exit 1; }"
}

phy()
{
	attached xvdc "$loop" backendtype=phy,script=rig-block
	equal "$(threads xvdc)" 2 threads
	holds_what_is_written xvdc
}

no_loop()
{
	[ -z "$(losetup -j "$folder/file")" ]
}

file()
{
	attached xvdd "$folder/file"
	guest 'mkfs.ext4 -q /dev/xvdd; mount /dev/xvdd /mnt; cp -r /usr/share/perl /mnt
		fstrim /mnt; umount /mnt; mount -r /dev/xvdd /mnt
		diff -r /usr/share/perl /mnt/perl; umount /mnt'
	e2fsck -fn "$folder/file"
	detached xvdd
	# The script is told once the disk is closed, and takes its loop device apart
	eventually no_loop
}

# Bytes that a cgroup has read from a device
charged()
{
	awk -v dev="$2" '$1 == dev { sub(/.*rbytes=/, ""); print $1 }' "/sys/fs/cgroup/$1/io.stat"
}

# The test reads 8 MiB: 4 s at this limit. Another disk, on the same device, has read
# what it wants meanwhile
charged_to_the_guest()
{
	local number pid began

	attached xvde "$loop" backendtype=phy,script=rig-block

	number=$(lsblk -dno MAJ:MIN "$loop" | tr -d ' ')
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	echo +io >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/b
	for pid in $(pgrep "^$domid\.xvdc-"); do
		echo "$pid" >/sys/fs/cgroup/b/cgroup.procs
	done
	echo "$number rbps=2097152" >/sys/fs/cgroup/b/io.max
	began=$SECONDS
	# shellcheck disable=SC2016 # the guest's
	guest 'dd if=/dev/xvdc of=/dev/null bs=256k count=32 iflag=direct & limited=$!
		dd if=/dev/xvde of=/dev/null bs=256k count=8 iflag=direct
		kill -0 $limited; wait $limited'
	[ $((SECONDS - began)) -ge 3 ] || fail "the limit of its cgroup did not hold it"
	[ "$(charged b "$number")" -ge 8388608 ] || fail "$(cat /sys/fs/cgroup/b/io.stat)"
	for pid in $(pgrep "^$domid\.xvdc-"); do
		echo "$pid" >/sys/fs/cgroup/cgroup.procs
	done
	rmdir /sys/fs/cgroup/b
	umount /sys/fs/cgroup
	detached xvde
}

# As many large requests as a ring takes are under way, of a thread on one CPU. What they
# use is mapped once
stays_mapped()
{
	# Where the rig looks for leaked grants, its guests' disks keep none
	guest 'cd /sys/module/xen_blkfront/parameters; cat feature_persistent >/run/persistent
		echo Y >feature_persistent'
	attached xvde "$loop" backendtype=phy,script=rig-block
	guest 'fio --name=large --filename=/dev/xvde --direct=1 --rw=read --bs=1M --size=24M \
		--loops=4 --iodepth=32 --ioengine=libaio --cpus_allowed=0 >/dev/null'
	blkback_kept "$domid" xvde
	detached xvde
	guest 'cat /run/persistent >/sys/module/xen_blkfront/parameters/feature_persistent'
}

comes_and_goes()
{
	local _

	for _ in {1..5}; do
		attached xvde "$loop" backendtype=phy,script=rig-block
		guest 'dd if=/dev/xvde of=/dev/null bs=64k count=4 iflag=direct'
		detached xvde
	done
}

nothing_left()
{
	# Which holds grants in reserve as long as it is there
	detached xvdc
	# This project's frontend gives back what a ring has not used for ten seconds, at
	# the second look; until then those grants look as if they were left
	[ -z "${DISK_FRONT:-}" ] || sleep 30
	rig-guest shutdown b
	fails pgrep -l "^$domid\.xvd"
	[ -z "$(ls /sys/bus/xen-backend/devices)" ] || ls /sys/bus/xen-backend/devices
	[ -z "$(ls -A /sys/kernel/debug/xen-blkback)" ]
}

mkdir -p "$folder"
mount -t tmpfs -o size=256M disk-back "$folder"
truncate -s 32M "$folder/block"
truncate -s 64M "$folder/file"
loop=$(losetup --find --show "$folder/block")
disk-backend ours
# More than dom0 has CPUs
echo 4 >/sys/module/xen_blkback/parameters/max_queues
rig-guest create b --type "$RIG_TYPE" --no-p9 --vcpus 2 --blk-front "${DISK_FRONT:-upstream}"
domid=$(rig-guest domid b)

# What the hotplug script does for one frontend it does for the other
tests=7
[ -z "${DISK_FRONT:-}" ] || tests=6
plan "$tests"
run_test "a guest boots from it" is_ours
run_test "a block device, with a thread for each of two vCPUs" phy
[ -n "${DISK_FRONT:-}" ] || run_test "a file, by the stock hotplug script" file
run_test "what a disk reads is charged to its threads' cgroup, and limited there alone" \
	charged_to_the_guest
run_test "what large requests use stays mapped, as much as there is at a time" stays_mapped
run_test "disks come and go" comes_and_goes
run_test "when the guest is gone nothing is left" nothing_left
disk-backend stock
losetup -d "$loop"
umount "$folder"
finish
