#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest with several vCPUs keeps every ring busy: data is verified, rings run
# full, requests wait for long, processes are killed in the middle of what they do,
# and nothing hangs or is left behind.
#
# rig: kernel=mainline when=spare timeout=900

. "$(dirname "$0")/../lib/ktap.sh"

guest()
{
	rig-guest exec b --timeout 300 -- bash -c "$1"
}

remount()
{
	guest "umount /mnt; mount -t 9p -o trans=xen,version=9p2000.L,$1 load /mnt"
}

a_ring_per_vcpu()
{
	local domid

	domid=$(rig-guest domid b)
	[ "$(xenstore-read "/local/domain/$domid/device/9pfs/0/num-rings")" = 2 ]
}

fio_verifies()
{
	guest 'fio --name=v --directory=/mnt --rw=randrw --bs=4k --size=2m --numjobs=4 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --ioengine=psync \
		--group_reporting --output-format=terse >/dev/null'
}

large_blocks_verified()
{
	guest 'fio --name=l --directory=/mnt --rw=write --bs=1m --size=16m --numjobs=2 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --ioengine=psync \
		--output-format=terse >/dev/null'
}

dbench_runs()
{
	guest 'cd /mnt && dbench -t 5 -D /mnt 4 >/run/dbench.log || { tail /run/dbench.log; false; }'
}

rings_run_full()
{
	remount msize=1048576
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for i in 1 2 3 4 5 6; do
			dd if=/dev/zero of=/mnt/full.$i bs=1M count=8 status=none &
		done; wait
		for i in 1 2 3 4 5 6; do cmp -n 8388608 /mnt/full.$i /dev/zero & done; wait
		rm /mnt/full.*'
	remount msize=131072
}

# The kernel reads it to vmalloc'd memory, whose pages do not adjoin, and looks at all of it
module_is_loaded()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'cp "$(modinfo -n null_blk)" /mnt/null_blk.ko
		modprobe configfs
		insmod /mnt/null_blk.ko nr_devices=0
		grep "^null_blk " /proc/modules
		rmmod null_blk'
	rm /srv/load/null_blk.ko
}

# requests_to_read MSIZE: how many it takes to read 8 MiB in small pieces
requests_to_read()
{
	local requests before

	requests=/sys/kernel/9p-server/9pback-$(rig-guest domid b).0/requests
	remount "msize=$1,cache=loose"
	before=$(cat "$requests")
	guest 'dd if=/mnt/ahead of=/dev/null bs=4k status=none'
	echo $(($(cat "$requests") - before))
}

# The client reads ahead as much as a message takes
reads_ahead_by_msize()
{
	local large small

	dd if=/dev/urandom of=/srv/load/ahead bs=1M count=8 status=none
	large=$(requests_to_read 1048576)
	small=$(requests_to_read 65536)
	remount msize=131072
	rm /srv/load/ahead
	echo "requests with an msize of 1 MiB: $large, of 64 KiB: $small"
	[ "$large" -ge 8 ]
	[ "$large" -le 40 ]
	[ "$small" -ge 128 ]
}

# What is written to a frozen file system waits in dom0 until it thaws. Six threads of the
# server are at that, of requests by one ring; both rings are served meanwhile
others_go_on()
{
	local image inflight _

	image=/srv/frozen.img
	inflight=/sys/kernel/9p-server/9pback-$(rig-guest domid b).0/inflight
	truncate -s 16M "$image"
	mkfs.ext4 -q "$image"
	mkdir /srv/load/frozen
	mount -o loop "$image" /srv/load/frozen
	touch /srv/load/frozen/{1..6}
	fsfreeze --freeze /srv/load/frozen
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for i in 1 2 3 4 5 6; do
			(taskset -c 0 dd if=/dev/zero of=/mnt/frozen/$i bs=4k count=1 conv=notrunc &&
				echo $i >>/run/written) </dev/null >/dev/null 2>&1 &
		done'
	for _ in {1..100}; do
		[ "$(cat "$inflight")" -lt 6 ] || break
		sleep 0.2
	done
	equal "$(cat "$inflight")" 6 "requests that wait"
	# shellcheck disable=SC2016 # the guest's variables
	guest 'set -e
		for cpu in 0 1; do
			taskset -c $cpu sh -c "echo $cpu >/mnt/other; cat /mnt/other; rm /mnt/other"
		done
		[ ! -e /run/written ]'
	equal "$(cat "$inflight")" 6 "requests that still wait"
	fsfreeze --unfreeze /srv/load/frozen
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for n in {1..100}; do
			[ "$(wc -l </run/written)" -lt 6 ] || exit 0
			sleep 0.2
		done; exit 1'
	umount /srv/load/frozen
	rm "$image"
}

killed_in_the_middle()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for round in 1 2 3 4 5 6 7 8; do
			dd if=/dev/zero of=/mnt/k.1 bs=128k count=2000 status=none & one=$!
			cat /mnt/k.1 /mnt/k.1 >/dev/null 2>&1 & two=$!
			find /mnt -ls >/dev/null 2>&1 & three=$!
			sleep 0.3; kill -9 $one $two $three; wait
		done 2>/dev/null
		echo alive >/mnt/k.2; cat /mnt/k.2; rm -f /mnt/k.*' | grep -qx alive
	[ -z "$(ls /srv/load/k.* 2>/dev/null)" ]
}

no_fid_is_left()
{
	local fids

	guest 'sync; echo 3 >/proc/sys/vm/drop_caches'
	fids=$(awk '/^fids/ { print $2 }' /sys/kernel/debug/9p-server/*/stats)
	echo "fids: $fids"
	[ "$fids" -lt 100 ]
}

# context_switches: of all threads of the backend since they began; one that ends
# while this reads counts for nothing
context_switches()
{
	awk 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			ours = 0
			while ((getline < ARGV[i]) > 0) {
				if ($1 == "Name:")
					ours = $2 ~ /^9pback/
				if (ours && /ctxt_switches/)
					sum += $2
			}
			close(ARGV[i])
		}
		print sum + 0
	}' /proc/[0-9]*/status
}

idle_sleeps()
{
	local before after

	before=$(context_switches)
	sleep 15
	after=$(context_switches)
	echo "context switches of all its threads: $before, 15 s later $after"
	[ "$before" -gt 0 ]
	[ $((after - before)) -le 20 ]
}

# A ring of 32 pages, of which half is for replies
rings_are_as_asked()
{
	guest 'umount /mnt
		echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/unbind
		rmmod 9pnet_xen
		modprobe 9pnet_xen ring_order=5 max_rings=1
		mount -t 9p -o trans=xen,version=9p2000.L,msize=1048576 load /mnt
		grep "^load /mnt .*msize=65536" /proc/mounts'
	fails a_ring_per_vcpu
	fio_verifies
	large_blocks_verified
}

mkdir -p /srv/load
mount -t tmpfs load /srv/load
rig-guest create b --front ours --back ours --vcpus 2 \
	--p9 'tag=load,security_model=none,path=/srv/load'
rig-guest mount b load /mnt

plan 12
run_test "a ring for each vCPU" a_ring_per_vcpu
run_test "fio verifies what four jobs wrote at random" fio_verifies
run_test "fio verifies blocks of a megabyte" large_blocks_verified
run_test "dbench runs" dbench_runs
run_test "rings run full with six writers and readers" rings_run_full
run_test "a module of the kernel is loaded from the mount" module_is_loaded
run_test "the client reads ahead as far as msize goes" reads_ahead_by_msize
run_test "six requests that wait keep no other waiting" others_go_on
run_test "processes killed in the middle leave nothing stuck" killed_in_the_middle
run_test "no fid is left behind" no_fid_is_left
run_test "an idle session does not wake" idle_sleeps
run_test "rings are as few and small as is asked" rings_are_as_asked
rig-guest shutdown b
umount /srv/load
finish
