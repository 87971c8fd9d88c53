#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# This frontend of disks is one that data can be trusted to: on each way that data
# take, with what a backend does in between, and whatever becomes of the backend.
# Everything that fio writes it reads again and compares. The guest has its root
# on such a disk too.
#
# rig: kernel=lts when=spare timeout=2700

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/disk.sh"

# Pages of a request
segments=${DISK_SEGMENTS:-128}
# Few grants, so that a large load runs out of them: of a frame's 512, each ring of each
# disk has to have as many as its largest request
few_grants="max_grant_frames=$((segments / 16))"
# The kernel's backend makes 265 objects for each request that a ring has room for. Where
# each is looked at that takes half a minute, and libxl waits ten seconds until they go.
queues=5 order=1
[ ! -e /sys/kernel/debug/kmemleak ] || queues=2 order=0
parameters=("max_ring_page_order=$order" poll_queues=1 "max_indirect_segments=$segments")

# says FILE TEXT: what a file of the guest says of a disk
says()
{
	equal "$(guest "cat $1")" "$2" "$1"
}

set_parameter()
{
	guest "echo $2 >/sys/module/xen_blkfront/parameters/$1"
}

root_is_on_it()
{
	guest 'grep O /sys/module/xen_blkfront/taint; grep "^/dev/xvda /base" /proc/mounts ||
		grep xvda /proc/partitions'
}

file_system_stays()
{
	guest 'mkfs.ext4 -q /dev/xvdc; mkdir -p /mnt/c; mount /dev/xvdc /mnt/c
		cp -r /usr/share/perl /mnt/c; umount /mnt/c; mount -r /dev/xvdc /mnt/c
		diff -r /usr/share/perl /mnt/c/perl; umount /mnt/c'
	e2fsck -fn "$disk"
}

kept_pages()
{
	guest 'dmesg' | grep 'xvdc: .* persistent bounced'
	verify xvdc
}

granted_pages()
{
	unplug xvdc
	set_parameter feature_persistent N
	plug xvdc "$disk"
	guest 'dmesg' | grep -v bounced | grep 'xvdc: .*'
	verify xvdc
	# From memory that does not lie on pages
	verify xvdc --iomem_align=512 --mem=malloc
}

largest()
{
	local kib=$((segments * 4))

	says /sys/block/xvdc/queue/max_hw_sectors_kb "$kib"
	guest "echo $kib >/sys/block/xvdc/queue/max_sectors_kb"
	verify xvdc "--bs=${kib}k" --iodepth=4
}

not_trusted()
{
	set_parameter trusted N
	unplug xvdc
	plug xvdc "$disk"
	guest 'dmesg' | grep 'xvdc: .* bounced' | grep -v persistent
	verify xvdc
	set_parameter trusted Y
	unplug xvdc
	plug xvdc "$disk"
}

polled()
{
	guest 'grep -q . /sys/block/xvdc/mq/*/cpu_list; cat /sys/block/xvdc/queue/io_poll' |
		grep 1
	guest 'fio --name=poll --filename=/dev/xvdc --direct=1 --rw=randrw --bs=4k \
		--ioengine=io_uring --hipri=1 --iodepth=8 --size=16M --io_size=4M \
		--verify=crc32c --verify_fatal=1'
}

flushes_seen()
{
	cat /sys/devices/vbd-*/statistics/f_req | awk '{ n += $1 } END { print n }'
}

flushes()
{
	local before

	before=$(flushes_seen)
	says /sys/block/xvdc/queue/write_cache 'write back'
	says /sys/block/xvdc/queue/fua 0
	guest 'dd if=/dev/zero of=/dev/xvdc bs=4k count=4 conv=fsync
		dd if=/dev/zero of=/dev/xvdc bs=4k count=4 oflag=direct,dsync'
	[ "$(flushes_seen)" -ge $((before + 5)) ] || fail "the backend saw too few flushes"
}

discards()
{
	guest 'dd if=/dev/urandom of=/dev/xvdc bs=1M count=16 oflag=direct'
	[ "$(du -k /srv/disk/a | cut -f 1)" -ge 16384 ]
	guest 'blkdiscard /dev/xvdc; cmp -n 16777216 /dev/xvdc /dev/zero'
	[ "$(du -k /srv/disk/a | cut -f 1)" -lt 1024 ]
}

resized()
{
	load_start xvdc
	truncate -s 96M /srv/disk/a
	losetup -c "$disk"
	# shellcheck disable=SC2016 # the guest's
	guest 'for ((n = 0; n < 200; n++)); do
			[ "$(cat /sys/block/xvdc/size)" != $((96 * 2048)) ] || exit 0
			sleep 0.1
		done
		echo "the size stays $(cat /sys/block/xvdc/size)"; exit 1'
	load_end
	guest 'dd if=/dev/zero of=/dev/xvdc bs=1M seek=90 count=4 oflag=direct'
}

# medium NODE VALUE: the backend of xvdf has a disk of which that is to be said
medium()
{
	xenstore-write "$back/$1" "$2" "$back/state" 4
}

# A disk is put in that may not be written, and one whose sectors are not those that
# the guest's requests are made for
exchanged()
{
	local back other flag

	other=$(disk_file other 8M)
	plug xvdf "$other"
	back=$(disk_back xvdf)
	for flag in 4 0; do
		medium info "$flag"
		guest "for ((n = 0; n < 100; n++)); do
				[ \$(cat /sys/block/xvdf/ro) != $((flag / 4)) ] || exit 0
				sleep 0.1
			done
			exit 1"
	done
	guest 'dd if=/dev/zero of=/dev/xvdf bs=64k count=4 oflag=direct'
	medium sector-size 4096
	guest 'for ((n = 0; n < 100; n++)); do
			if dmesg | grep "exchanged for one with other sectors"; then
				exit 0
			fi
			sleep 0.1
		done
		exit 1'
	# So is a disk that has failed: nothing can be read or written
	says /sys/block/xvdf/size 0
	fails guest 'dd if=/dev/zero of=/dev/xvdf bs=64k count=4 oflag=direct'
	unplug xvdf
	losetup -d "$other"
}

# probe EVENT FILTER: from now on the guest counts what passes there
probe()
{
	guest "cd /sys/kernel/tracing
		echo '$1' >kprobe_events
		echo '$2' >events/kprobes/seen/filter
		echo 1 >events/kprobes/seen/enable"
}

# probe_end: no longer; fails if none has passed
probe_end()
{
	# shellcheck disable=SC2016 # the guest's
	guest 'cd /sys/kernel/tracing
		echo 0 >events/kprobes/seen/enable
		found=$(grep -c " seen: " trace || true)
		echo >kprobe_events
		echo >trace
		[ "$found" -gt 0 ]'
}

# Large requests and many of them; some have come for grants when there were none
out_of_grants()
{
	# shellcheck disable=SC2016 # the guest's
	probe 'r:seen blkfront_pool_grow err=$retval:s32' 'err == -28'
	guest 'fio --name=large --filename=/dev/xvdc --direct=1 --rw=randwrite --bs=1M \
		--ioengine=libaio --iodepth=32 --numjobs=2 --size=48M --offset_increment=0 \
		--io_size=64M --verify=crc32c --verify_fatal=1 --do_verify=0 --group_reporting'
	probe_end
	verify xvdc --bs=1M --iodepth=64
	fails guest 'dmesg | grep -i "i/o error"'
}

# What a load has left in the pools, and does not need any more. It comes when somebody
# looks already, for pools do not wait for that.
grants_go_back()
{
	# shellcheck disable=SC2016 # the guest's
	probe 'r:seen blkfront_pool_trim freed=$retval:u32' 'freed > 0'
	verify xvdc
	guest 'for ((n = 0; n < 180; n++)); do
			if grep -q " seen: " /sys/kernel/tracing/trace; then
				break
			fi
			sleep 0.5
		done'
	probe_end
}

# The backend closes and is there again, as when its driver was replaced
backend_comes_back()
{
	local back

	back=$(disk_back xvdc)
	load_start xvdc
	for _ in 1 2 3; do
		xenstore-write "$back/state" 5
		sleep 0.5
		load_moves xvdc
	done
	load_end
}

# offers MAX-QUEUES MAX-SEGMENTS: what the backend of xvdc is to say when it comes back;
# a backend says that once, when there is a device
offers()
{
	echo "$1" >/sys/module/xen_blkback/parameters/max_queues
	xenstore-write "$back/multi-queue-max-queues" "$1" \
		"$back/feature-max-indirect-segments" "$2" "$back/state" 5
	sleep 0.5
	load_moves xvdc
}

# Queues share a ring then, and requests that were made for the old one are cut
comes_back_with_less()
{
	local back contexts

	back=$(disk_back xvdc)
	contexts=$(guest 'ls /sys/block/xvdc/mq | wc -l')
	[ "$contexts" -gt 1 ]
	load_start xvdc --bsrange=4k-512k --blockalign=4k
	offers 1 11
	guest dmesg | grep "xvdc: 1 rings of .* up to 11 pages"
	offers "$queues" 256
	load_end
	verify xvdc
	equal "$(guest 'ls /sys/block/xvdc/mq | wc -l')" "$contexts" "hardware queues"
}

# What dom0 has does not answer for longer than the guest waits
not_answered()
{
	local held

	held=$(disk_file held 48M)
	dmsetup create held --noudevsync --table "0 98304 linear $held 0"
	[ -b /dev/mapper/held ] || dmsetup mknodes held
	plug xvde /dev/mapper/held
	guest 'echo 2000 >/sys/block/xvde/queue/io_timeout'
	load_start xvde
	dmsetup suspend --nolockfs --noflush held
	for ((n = 0; n < 200; n++)); do
		if guest dmesg | grep 'xvde has not answered a request'; then
			break
		fi
		sleep 0.2
	done
	guest dmesg | grep 'xvde has not answered a request for 2 s'
	dmsetup resume --noudevsync held
	load_moves xvde
	load_end
	unplug xvde
	dmsetup remove --noudevsync held
}

saved_and_restored()
{
	load_start xvdc
	xl save d /srv/disk/saved
	xl restore /srv/disk/saved
	rm /srv/disk/saved
	rig-guest wait d
	load_moves xvdc
	load_end
	verify xvdc
}

unplugged_under_load()
{
	load_start xvdc
	unplug xvdc
	fails equal "$(load_status)" 0
	plug xvdc "$disk"
	verify xvdc
}

unbound_and_bound()
{
	local name

	name=$(guest 'readlink /sys/block/xvdc/device'); name=${name##*/}
	guest "echo $name >/sys/bus/xen/drivers/vbd/unbind; [ ! -e /dev/xvdc ]
		echo $name >/sys/bus/xen/drivers/vbd/bind
		for ((n = 0; n < 100; n++)); do
			[ ! -b /dev/xvdc ] || exit 0
			sleep 0.1
		done
		exit 1"
	verify xvdc
}

read_only()
{
	local ro

	ro=$(disk_file ro 8M)
	plug xvdf "$ro" access=r
	says /sys/block/xvdf/ro 1
	guest 'dd if=/dev/xvdf of=/dev/null bs=64k'
	fails guest 'dd if=/dev/zero of=/dev/xvdf bs=4k count=1 oflag=direct'
	unplug xvdf
	plug xvdf "$ro" devtype=cdrom,access=r
	says /sys/block/xvdf/ro 1
	# CDROM_GET_CAPABILITY
	guest 'python3 -c "import fcntl; fcntl.ioctl(open(\"/dev/xvdf\"), 0x5331)"'
	fails guest 'python3 -c "import fcntl; fcntl.ioctl(open(\"/dev/xvdc\"), 0x5331)"'
	# CDROMMULTISESSION: one session
	equal "$(guest 'python3 -c "import fcntl
print(fcntl.ioctl(open(\"/dev/xvdf\"), 0x5310, b\"x\" * 8).hex())"')" 0000000000000000
	unplug xvdf
	losetup -d "$ro"
}

# By HDIO_GETGEO; heads and sectors are what everybody says
geometry()
{
	local sectors

	sectors=$(guest 'cat /sys/block/xvdc/size')
	equal "$(guest 'python3 -c "import fcntl, struct
print(*struct.unpack(\"BBHL\", fcntl.ioctl(open(\"/dev/xvdc\"), 0x301, bytes(16))))"')" \
		"255 63 $((sectors / 255 / 63)) 0"
}

sectors_of_4k()
{
	local large

	large=$(disk_file large 48M --sector-size 4096)
	plug xvdg "$large"
	says /sys/block/xvdg/queue/logical_block_size 4096
	says /sys/block/xvdg/size 98304
	verify xvdg --bsrange=4k-256k --blockalign=4k
	cmp <(guest 'dd if=/dev/xvdg bs=1M count=4 skip=20 iflag=direct' 2>/dev/null) \
		<(dd if="$large" bs=1M count=4 skip=20 2>/dev/null)
	unplug xvdg
	losetup -d "$large"
}

# partition DEVICE: one, from sector 2048 on
partition()
{
	python3 - "$1" <<-'END'
	import struct, sys
	entry = struct.pack("<B3sB3sII", 0, b"\0" * 3, 0x83, b"\0" * 3, 2048, 4096)
	table = b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"
	with open(sys.argv[1], "r+b") as disk:
	    disk.write(table)
	END
	sync
}

called_as_ever()
{
	local named

	named=$(disk_file named 4M)
	partition "$named"
	plug xvdz "$named"
	equal "$(guest 'stat -c %t:%T /dev/xvdz /dev/xvdz1')" $'ca:1900\nca:1901'
	says /sys/block/xvdz/xvdz1/start 2048
	unplug xvdz
	plug xvdh3 "$named"
	equal "$(guest 'stat -c %t:%T /dev/xvdh3')" ca:73
	unplug xvdh3
	losetup -d "$named"
}

disk_folder 1200m
# A backend offers as many queues as its domain has CPUs, unless it is told
echo "$queues" >/sys/module/xen_blkback/parameters/max_queues
rig-guest create d --blk-front ours --no-p9 --vcpus 4 --memory 320 --config "$few_grants" \
	"${parameters[@]/#/--append=xen_blkfront.}"
# The rig's guests go without where what is left behind is looked for
set_parameter feature_persistent Y
disk=$(disk_file a 64M)
plug xvdc "$disk"

plan 24
run_test "the guest's root is on this frontend" root_is_on_it
run_test "a file system that is written is there when it is mounted again" file_system_stays
run_test "data come back as they were, through pages that the backend keeps" kept_pages
run_test "through pages that it is granted each time" granted_pages
run_test "in requests as large as there may be" largest
run_test "through pages of the driver's own, where it is not trusted" not_trusted
run_test "where replies are polled for" polled
run_test "a flush and a write with FUA reach the backend" flushes
run_test "a discard gives the room back" discards
run_test "a disk that grows under load has its new size" resized
run_test "a disk that is exchanged for another is that one, or none" exchanged
run_test "requests that there are no grants for wait for them" out_of_grants
run_test "grants that are not used any more go back" grants_go_back
run_test "a backend that goes and comes back under load costs no request" backend_comes_back
run_test "so does one that comes back with fewer rings and smaller requests" comes_back_with_less
run_test "a request that is not answered is sent again, by another connection" not_answered
run_test "a guest that is saved under load goes on as it was" saved_and_restored
run_test "a disk that is unplugged under load ends it, and can be plugged again" \
	unplugged_under_load
run_test "a device that is unbound and bound again works" unbound_and_bound
run_test "a disk that is read-only, and a CD-ROM, are that" read_only
run_test "a disk has a geometry for programs that want one" geometry
run_test "sectors of 4 KiB are counted as ever" sectors_of_4k
run_test "disks and partitions have the names and numbers they always had" called_as_ever

# What nobody heard of is in the log
no_complaint()
{
	fails guest 'dmesg | grep -e "backed has not" -e "deferring g.e." -e "the backend of xvd[a-z]* [^h]"'
}
run_test "and nothing is wrong in the log" no_complaint

unplug xvdc
rig-guest shutdown d
disk_folder_end
finish
