# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Disks of a guest called d, or of the one in which a suite's own guest() runs what it is
# given, and what dom0 makes them of. Files lie on a tmpfs; loop devices and device mapper
# make block devices of them.

# guest COMMAND...: in bash, which stops at the first error
guest()
{
	rig-guest exec d --timeout 600 -- bash -euo pipefail -c "$*"
}

# disk_folder SIZE: for files, at /srv/disk
disk_folder()
{
	mkdir -p /srv/disk
	mount -t tmpfs -o "size=$1" disk /srv/disk
}

# disk_folder_end: nobody uses what lies there any more
disk_folder_end()
{
	losetup -D
	umount /srv/disk
}

# disk_file NAME SIZE [LOSETUP'S OPTIONS...]: prints a new block device
disk_file()
{
	local file=/srv/disk/$1 size=$2

	shift 2
	rm -f "$file"
	truncate -s "$size" "$file"
	losetup --find --show "$@" "$file"
}

# disk_back VDEV: where it stands for the backend
disk_back()
{
	local domid number

	domid=$(rig-guest domid d)
	number=$(guest "cat /sys/block/$1/device/nodename")
	echo "/local/domain/0/backend/vbd/$domid/${number##*/}"
}

# appears VDEV: wait until the guest has the disk
appears()
{
	guest "for ((n = 0; n < 300; n++)); do
			[ ! -b /dev/$1 ] || exit 0
			sleep 0.1
		done
		echo 'no $1 came' >&2
		exit 1"
}

# plug VDEV DEVICE [FURTHER PARTS OF XL'S LINE]
plug()
{
	xl block-attach d "format=raw,vdev=$1,access=w,backendtype=phy,script=rig-block,${3:+$3,}target=$2"
	appears "$1"
}

# unplug VDEV
unplug()
{
	xl block-detach d "$1"
	guest "for ((n = 0; n < 300; n++)); do
			[ -b /dev/$1 ] || exit 0
			sleep 0.1
		done
		echo '$1 is still there' >&2
		exit 1"
}

# verify VDEV [FIO'S OPTIONS...]: writes and reads again, in sizes of all kinds
verify()
{
	local device=$1

	shift
	guest "fio --name=verify --filename=/dev/$device --allow_file_create=0 --direct=1 --rw=randrw \
		--ioengine=libaio --iodepth=16 --bsrange=512-256k --blockalign=512 \
		--size=32M --io_size=12M --verify=crc32c --verify_fatal=1 \
		--output=/tmp/verify $* || { cat /tmp/verify; exit 1; }"
}

# load_start VDEV [FIO'S OPTIONS...]: write, and verify, again and again until load_end
load_start()
{
	local device=$1

	shift
	guest "rm -f /run/load.*
		(set +e; (while [ ! -e /run/load.end ]; do
			fio --name=load --filename=/dev/$device --allow_file_create=0 \
				--direct=1 --rw=write \
				--ioengine=libaio --iodepth=8 --bsrange=4k-64k --size=8M \
				--allrandrepeat=0 --verify=crc32c --verify_fatal=1 \
				--verify_backlog=32 $* >/run/load.log 2>&1 || exit
		done)
		echo \$? >/run/load.status) </dev/null >/dev/null 2>&1 &"
	load_moves "$device"
}

# load_moves VDEV: wait until requests have been served that were not before
load_moves()
{
	guest "was=\$(awk '{ print \$5 }' /sys/block/$1/stat)
		for ((n = 0; n < 600; n++)); do
			now=\$(awk '{ print \$5 }' /sys/block/$1/stat)
			[ \$now -lt \$((was + 40)) ] || exit 0
			[ ! -e /run/load.status ] || break
			sleep 0.1
		done
		echo 'nothing moves on $1'
		cat /run/load.log
		exit 1"
}

# load_status: how it ended, after it was made to
load_status()
{
	guest 'touch /run/load.end
		for ((n = 0; n < 600; n++)); do
			[ ! -e /run/load.status ] || break
			sleep 0.1
		done
		cat /run/load.log >&2
		cat /run/load.status'
}

# load_end: it is to have gone well
load_end()
{
	equal "$(load_status)" 0 "status of fio"
}
