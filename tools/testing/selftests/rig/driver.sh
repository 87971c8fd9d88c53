#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A domain that is not dom0 serves a guest files and a disk: a driver domain. Trees are
# copied, fio verifies what it writes, processes are killed, the devices are taken away
# while they are busy, and in the end the whole backend domain is. With KASAN, which boots
# as PVH guest only, frontends, backends and server are watched at work, both ends of the
# rings.
#
#   v: mount /mnt -- 9pnet_xen ==rings== d: xen-9pback -- 9pnet_server -- /tmp/served
#   v: /dev/xvdc -- xen-blkfront ==ring== d: xen-blkback -- a file
#
# Two domains with KASAN on one emulated CPU take some minutes to boot.
#
# rig: kernel=debug when=spare timeout=4800

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/disk.sh"
. "$(dirname "$0")/../lib/p9device.sh"
. "$(dirname "$0")/../lib/vbd.sh"

guest()
{
	rig-guest exec v --timeout 900 -- bash -c "$1"
}

server()
{
	rig-guest exec d --timeout 120 -- bash -c "$1"
}

mounts()
{
	server 'mkdir -p /tmp/served; modprobe xen-9pback'
	# xl itself wants its daemon to run in the domain
	p9_plug served /tmp/served "$(rig-guest domid v)" "$(rig-guest domid d)"
	# Two domains with KASAN, and one CPU for both
	guest 'modprobe 9pnet_xen mount_timeout=120; until [ -e /sys/bus/xen/devices/9pfs-0 ]; do sleep 0.2; done'
	rig-guest mount v served /mnt
	guest 'echo from the guest >/mnt/file'
	[ "$(server 'cat /tmp/served/file')" = "from the guest" ]
	guest 'rm /mnt/file'
}

copied()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'mountpoint -q /mnt || exit
		for n in 1 2; do cp -r /usr/lib/udev/rules.d /mnt/tree.$n & done; wait
		for n in 1 2; do
			diff -r --no-dereference /usr/lib/udev/rules.d /mnt/tree.$n
			mv /mnt/tree.$n /mnt/moved
			rm -r /mnt/moved
		done
		fio --name=verify --directory=/mnt --size=1m --rw=randrw --bsrange=512-512k \
			--verify=crc32c --numjobs=2 --ioengine=psync --fallocate=none \
			--minimal >/run/fio.log || { tail -n 5 /run/fio.log; exit 1; }
		rm /mnt/verify.*'
}

# One that writes, one that reads, and one that waits for a lock
killed()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'mountpoint -q /mnt || exit
		flock -o /mnt/k.lock sleep 900 & holder=$!
		while flock -n /mnt/k.lock true; do sleep 0.2; done
		for round in 1 2; do
			dd if=/dev/zero of=/mnt/k.1 bs=128k count=200 status=none & one=$!
			cat /mnt/k.1 >/dev/null 2>&1 & two=$!
			flock /mnt/k.lock true & three=$!
			sleep 0.5; kill -9 $three || exit; kill -9 $one $two
			wait $one $two $three
		done 2>/dev/null
		kill -9 $holder
		flock /mnt/k.lock true
		echo alive >/mnt/k.2; cat /mnt/k.2; rm -f /mnt/k.*' | grep -qx alive
}

# Begin to write, and wait until the file grows in the domain that serves it
write_on()
{
	guest 'mountpoint -q /mnt'
	guest 'rm -f /mnt/busy; (while cat /etc/passwd; do :; done) >/mnt/busy 2>/dev/null' &
	writer=$!
	until server 'test -s /tmp/served/busy'; do sleep 0.2; done
}

taken_away()
{
	write_on
	guest 'echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/unbind'
	wait "$writer"
	fails guest 'ls /mnt'
	guest 'umount /mnt; echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/bind'
	rig-guest mount v served /mnt
	guest 'ls /mnt' | grep -x busy
}

disk_plugged()
{
	vbd_plug "$(rig-guest domid v)" xvdc vbd /dev/loop0 d
	appears xvdc
}

disk_verified()
{
	server 'modprobe xen-blkback; truncate -s 16M /tmp/disk; losetup /dev/loop0 /tmp/disk'
	disk_plugged
	verify xvdc --size=16M --io_size=8M
	[ "$(guest 'md5sum </dev/xvdc')" = "$(server 'md5sum </tmp/disk')" ]
}

# Begin to write to the disk, and wait until something has come there
disk_write_on()
{
	server 'blkdiscard /dev/loop0'
	guest 'while dd if=/etc/passwd of=/dev/xvdc bs=512 count=1 oflag=direct,dsync conv=nocreat
		do :; done 2>/dev/null' &
	disk_writer=$!
	until server 'cmp -s -n 16 /tmp/disk /etc/passwd'; do sleep 0.2; done
}

disk_taken_away()
{
	disk_write_on
	vbd_unplug "$(rig-guest domid v)" xvdc vbd "$(rig-guest domid d)"
	wait "$disk_writer"
	guest 'until [ ! -b /dev/xvdc ]; do sleep 0.2; done'
	disk_plugged
	guest 'dd if=/dev/xvdc bs=64k count=1 iflag=direct status=none' | grep -q root
}

backend_destroyed()
{
	local v

	v=$(rig-guest domid v)
	disk_write_on
	write_on
	rig-guest destroy d
	# What dom0 knows of it the guest learns from xenstore
	xenstore-rm "$(p9_front "$v")" "$(vbd_front "$v" xvdc)"
	wait "$writer" "$disk_writer"
	guest 'until [ ! -b /dev/xvdc ]; do sleep 0.2; done'
	fails guest 'ls /mnt'
	guest 'umount /mnt; echo alive' | grep -x alive
}

# KASAN is what they are here for: the others take half the time of a boot, and look at
# the same code in other suites
lean=(--no-p9 --front ours --back ours --append kmemleak=off
	--append lockdep.prove_locking=0 --timeout 1200)
rig-guest create d "${lean[@]}" &
rig-guest create v --vcpus 2 --blk-front ours "${lean[@]}"
wait $!
plan 7
run_test "a guest mounts what another domain serves" mounts
run_test "trees are copied, and data verified" copied
run_test "processes killed in the middle" killed
run_test "the device taken away while it is busy, and back" taken_away
run_test "a disk of the other domain's, data verified" disk_verified
run_test "the disk taken away while it is busy, and back" disk_taken_away
run_test "the backends' domain destroyed while they are busy" backend_destroyed
rig-guest shutdown v
finish
