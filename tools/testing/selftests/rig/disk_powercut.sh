#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a guest was told to be on its disk is there after dom0 has lost its power, with
# all that no flush had saved: dm-log-writes has what the disk of dom0 was given, and
# when it was flushed. And an error of that disk is an error of that very sector in
# the guest. Both halves of the block pair are this project's.
#
# rig: kernel=lts,mainline when=spare timeout=600

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/disk.sh"
. "$(dirname "$0")/../lib/vbd.sh"

here=$(dirname "$0")/../disk
cuts=(first second third)

# map NAME TABLE: a device of device mapper's
map()
{
	dmsetup create "$1" --noudevsync --table "$2"
	[ -b "/dev/mapper/$1" ] || dmsetup mknodes "$1"
}

# given VDEV DEVICE: the guest has it
given()
{
	vbd_plug "$domid" "$1" vbd "$2"
	guest "for ((n = 0; n < 300; n++)); do
			[ ! -b /dev/$1 ] || exit 0
			sleep 0.1
		done
		exit 1"
}

# Three cuts while files are written, of which each may come at any moment
writes_and_cuts()
{
	local disk log cut writer enough

	disk=$(disk_file a 32M)
	log=$(disk_file log 256M)
	# As it is before the log begins
	mkfs.ext4 -q -b 1024 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0 "$disk"
	sync "$disk"
	cp --sparse=always /srv/disk/a /srv/disk/before
	map cut "0 65536 log-writes $disk $log"
	given xvdc /dev/mapper/cut
	guest 'mkdir -p /mnt/cut; mount /dev/xvdc /mnt/cut'
	rig-guest exec d --timeout 120 -- /rig/disk/acks.py write /mnt/cut 20 >/tmp/acks &
	writer=$!
	for cut in "${cuts[@]}"; do
		enough=$(($(wc -l </tmp/acks) + 8))
		until [ "$(wc -l </tmp/acks)" -ge "$enough" ]; do
			kill -0 "$writer"
			sleep 0.2
		done
		# What has come by now was said before
		cp /tmp/acks "/tmp/acks.$cut"
		dmsetup message cut 0 mark "$cut"
	done
	wait "$writer"
	# Now all that was said has come
	cp /tmp/acks /tmp/acks.end
	dmsetup message cut 0 mark end
	guest 'umount /mnt/cut'
	vbd_unplug "$domid" xvdc vbd
	dmsetup remove --noudevsync cut
	losetup -d "$disk"
	sync "$log"
	losetup -d "$log"
}

# disk_after CUT [some|fewer]: mounts what is left of it
disk_after()
{
	cp --sparse=always /srv/disk/before /srv/disk/after
	"$here/writelog.py" /srv/disk/log "$1" /srv/disk/after "${2:-}"
	dumpe2fs -h /srv/disk/after 2>/dev/null | grep needs_recovery
	mkdir -p /mnt/after
	mount -o loop /srv/disk/after /mnt/after
}

# A mount that fails to come is a failure, too
left_after()
{
	local status=0

	disk_after "$@"
	"$here/acks.py" check /mnt/after "/tmp/acks.$1" || status=$?
	umount /mnt/after
	e2fsck -fn /srv/disk/after
	return "$status"
}

# The disk of before the last flushes is in order, but it is not what it had to be
lost_is_found()
{
	local said

	disk_after end fewer
	said=$("$here/acks.py" check /mnt/after /tmp/acks.end) && fail "nothing is lost: $said"
	umount /mnt/after
	echo "$said" | grep -e ' are lost' | grep -v ' 0 are lost'
}

# bad TARGET: what is to happen to eight sectors of the disk, from 1000 on
bad()
{
	echo "0 1000 linear $1 0"
	echo "1000 8 error"
	echo "1008 7184 linear $1 1008"
}

# fill DISK: each sector of 4 MiB has its own number
fill()
{
	python3 -S -E -c '
import sys
for sector in range(8192):
    sys.stdout.buffer.write(sector.to_bytes(8, "little") * 64)' | dd of="$1" bs=64k conv=fsync
}

# By null_blk, whose other requests end at once
blocks_are_bad()
{
	local config=/srv/config/nullb/nullbad disk=/dev/nullbad

	mkdir "$config"
	echo 4 >"$config/size"
	echo 512 >"$config/blocksize"
	echo 1 >"$config/memory_backed"
	echo 1 >"$config/power"
	fill "$disk"
	echo +1000-1007 >"$config/badblocks"
	given xvdf "$disk"
	guest '/rig/disk/bad_sectors.py /dev/xvdf 1000 8'
	vbd_unplug "$domid" xvdf vbd
	rmdir "$config"
	modprobe -r null_blk
}

errors_are_where_they_are()
{
	local disk

	disk=$(disk_file bad 4M)
	fill "$disk"
	map bad "$(bad "$disk")"
	given xvde /dev/mapper/bad
	guest '/rig/disk/bad_sectors.py /dev/xvde 1000 8'
}

# The disk is mended while the guest has it
errors_end()
{
	dmsetup suspend --noudevsync bad
	dmsetup load bad --table "0 8192 linear $(losetup -j /srv/disk/bad | cut -d : -f 1) 0"
	dmsetup resume --noudevsync bad
	fails guest '/rig/disk/bad_sectors.py /dev/xvde 1000 8'
	guest 'dd if=/dev/xvde of=/dev/null bs=64k count=64 iflag=direct'
	guest 'dd if=/dev/zero of=/dev/xvde bs=512 seek=1000 count=8 oflag=direct conv=fsync'
}

# What a program was not told to be safe, and what it has to be told. What it has written
# is in the guest's cache, and it is the flush, or a write before it, that fails
failed_flush()
{
	local disk

	disk=$(losetup -j /srv/disk/bad | cut -d : -f 1)
	dmsetup suspend --noudevsync bad
	dmsetup load bad --table "0 8192 flakey $disk 0 0 3600 1 error_writes"
	dmsetup resume --noudevsync bad
	# shellcheck disable=SC2016 # the guest's
	guest 'dd if=/dev/xvde of=/dev/null bs=4k count=16 iflag=direct
		status=0
		dd if=/dev/zero of=/dev/xvde bs=4k count=1 conv=fsync 2>/tmp/dd || status=$?
		cat /tmp/dd
		[ $status = 1 ]
		grep "fsync failed.*Input/output error" /tmp/dd'
	# A flush alone
	fails guest 'sync /dev/xvde'
	vbd_unplug "$domid" xvde vbd
	dmsetup remove --noudevsync bad
	losetup -d "$disk"
}

disk_folder 700m
modprobe -a dm-mod dm-log-writes dm-flakey
modprobe null_blk nr_devices=0
mkdir -p /srv/config
mount -t configfs none /srv/config
disk-backend ours
# It is as many as dom0 has CPUs, else
echo 2 >/sys/module/xen_blkback/parameters/max_queues
rig-guest create d --type "$RIG_TYPE" --blk-front ours --no-p9 --vcpus 2 --memory 320
domid=$(rig-guest domid d)

plan $((2 * ${#cuts[@]} + 6))
run_test "a guest writes and flushes while the power is cut" writes_and_cuts
for cut in "${cuts[@]}"; do
	run_test "the $cut cut: what was said to be safe is there, where no more is" \
		left_after "$cut"
	run_test "the $cut cut: and where more is, in no order" left_after "$cut" some
done
run_test "a disk that has not kept what it flushed is found out" lost_is_found
run_test "reads and writes of bad sectors fail, and no others" errors_are_where_they_are
run_test "a disk that is mended works again" errors_end
run_test "who flushes is told of what failed" failed_flush
run_test "bad blocks of a disk that answers at once" blocks_are_bad

rig-guest shutdown d
disk-backend stock
disk_folder_end
umount /srv/config
finish
