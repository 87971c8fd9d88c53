#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a guest may mount, and what it is told when it may not: several devices,
# a tag that is mounted already, an unknown tag, versions and sizes that are
# negotiated or refused, exports that do not exist, and the modules' life around
# all of it. A device that nobody has mounted takes nothing of either side. One
# guest with four devices, two of them good.
#
# rig: kernel=lts timeout=1500
# rig: kernel=lockdep when=spare timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"

mkdir -p /srv/one /srv/two
echo first >/srv/one/file
echo second >/srv/two/file
: >/srv/plain-file

guest()
{
	rig-guest exec m --timeout 300 -- bash -c "$1"
}

mount_options()
{
	guest "mount -t 9p -o trans=xen,version=9p2000.L$1 $2 $3"
}

# refused ERRNO-TEXT OPTIONS TAG: fails within seconds and for that reason
refused()
{
	local out began=$SECONDS

	if out=$(mount_options "$2" "$3" /mnt/x 2>&1); then
		echo "mounting $3 with '$2' was to fail"
		guest 'umount /mnt/x'
		return 1
	fi
	echo "$out"
	grep -qi "$1" <<<"$out" && [ $((SECONDS - began)) -le 20 ]
}

backend_dir()
{
	local domid dir

	domid=$(rig-guest domid m)
	for dir in $(xenstore-list /local/domain/0/backend/9pfs/"$domid"); do
		dir=/local/domain/0/backend/9pfs/$domid/$dir
		[ "$(xenstore-read "$dir/path")" != "$1" ] || echo "$dir"
	done
}

# session NUMBER: a device's, in dom0's sysfs
session()
{
	echo "/sys/kernel/9p-server/9pback-$(rig-guest domid m).$1"
}

# connected COUNT: so many devices are, as the guest and as dom0 see it; what
# unmounting begins may take a moment
connected()
{
	local now

	for _ in {1..100}; do
		now="$(guest 'grep -l Connected /sys/bus/xen/devices/9pfs-*/state | wc -l'
			guest 'grep -c 9pnet_xen /proc/interrupts || true'
			grep -c xen-9pback /proc/interrupts || true
			pgrep '^9pback/' >/dev/null && echo 1 || echo 0
			find /sys/kernel/9p-server -mindepth 1 -maxdepth 1 | wc -l)"
		now=${now//$'\n'/ }
		# The guest has one vCPU, so each has one ring
		[ "$now" != "$1 $1 $1 $(($1 > 0)) $1" ] || return 0
		sleep 0.1
	done
	fail "devices, event channels, threads and sessions of $1 connections: $now"
}

not_connected_unless_mounted()
{
	connected 0
	guest 'grep -h . /sys/bus/xen/devices/9pfs-*/state' | sort -u | tee /tmp/states
	equal "$(cat /tmp/states)" Closed "the devices' states"
	guest 'mkdir -p /mnt/one /mnt/two /mnt/x'
	mount_options "" one /mnt/one
	connected 1
	mount_options "" two /mnt/two
	connected 2
	[ "$(guest 'cat /mnt/one/file /mnt/two/file')" = "first
second" ]
	guest 'umount /mnt/one'
	connected 1
	[ -d "$(session 1)" ]
	[ "$(guest 'cat /mnt/two/file')" = second ]
	guest 'umount /mnt/two'
	connected 0
}

two_devices()
{
	mount_options ,msize=262144 one /mnt/one
	mount_options "" two /mnt/two
	[ "$(guest 'cat /mnt/one/file /mnt/two/file')" = "first
second" ]
	guest 'echo from the guest >/mnt/one/new'
	[ "$(cat /srv/one/new)" = "from the guest" ]
}

mounted_twice()
{
	refused 'busy\|already mounted' "" one
	[ "$(guest 'cat /mnt/one/file')" = first ]
}

unknown_tag()
{
	refused 'unknown filesystem type' "" nonesuch
	guest 'dmesg | grep "no device has the tag .nonesuch."' >/tmp/tags
	cat /tmp/tags
	grep -q "'one'" /tmp/tags
	grep -q "'two'" /tmp/tags
}

msize_as_asked()
{
	guest 'grep " /mnt/one " /proc/mounts' | tee /tmp/mounts
	grep -q msize=262144 /tmp/mounts
}

msize_too_large()
{
	guest 'umount /mnt/one'
	mount_options ,msize=16777216 one /mnt/one
	guest 'grep " /mnt/one " /proc/mounts' | tee /tmp/mounts
	grep -q msize=1048576 /tmp/mounts
	guest 'head -c 3000000 /dev/urandom >/mnt/one/big && sync'
	[ "$(guest 'sha256sum </mnt/one/big')" = "$(sha256sum </srv/one/big)" ]
}

msize_too_small()
{
	guest 'umount /mnt/one'
	refused 'invalid\|wrong fs type\|bad option' ,msize=1024 one
}

other_versions()
{
	fails guest 'mount -t 9p -o trans=xen,version=9p2000 one /mnt/x'
	fails guest 'mount -t 9p -o trans=xen,version=9p2000.u one /mnt/x'
	mount_options "" one /mnt/one
}

# Memory that the guest has left, in KiB
guest_memory()
{
	# shellcheck disable=SC2016 # awk's variables
	guest 'sync; echo 3 >/proc/sys/vm/drop_caches
		awk "/^(MemFree|Buffers|Cached):/ { sum += \$2 } END { print sum }" /proc/meminfo'
}

# A ring takes 2 MiB, and 513 of 16384 grants at most: forty that are not given back
# are more than there are. The next mount comes while the backend lets go of the last
# one's rings. With lockdep, which looks at the locks, fewer do.
mounted_again_and_again()
{
	local before after times=40

	[ "$RIG_KERNEL" != lockdep ] || times=10
	before=$(guest_memory)
	guest "for ((n = 0; n < $times; n++)); do
			umount /mnt/one
			mount -t 9p -o trans=xen,version=9p2000.L one /mnt/one
			cat /mnt/one/file || exit
		done" >/tmp/firsts
	equal "$(grep -c -x first /tmp/firsts)" "$times" "mounts"
	after=$(guest_memory)
	echo "the guest has $before KiB before and $after KiB after"
	[ $((before - after)) -lt 20480 ]
	connected 2
}

# Of those who mount at once, one does, and the others are told so.
# Each has a file of its own: mount prints a message in pieces, which would mix.
mounted_by_several()
{
	guest 'umount /mnt/one'
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for n in 1 2 3 4; do
			mount -t 9p -o trans=xen,version=9p2000.L one /mnt/x \
				>/tmp/several.$n 2>&1 &
		done; wait
		cat /tmp/several.*
		echo mounts $(grep -c " /mnt/x " /proc/mounts)
		echo refusals $(grep -l -i "busy\|already mounted" /tmp/several.* |
				wc -l)' >/tmp/several
	cat /tmp/several
	grep -x 'mounts 1' /tmp/several
	grep -x 'refusals 3' /tmp/several
	guest 'umount /mnt/x'
	mount_options "" one /mnt/one
}

# A process that is in it keeps what is not seen any more
unmounted_lazily()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'set -e
		cd /mnt/one; sleep 1000 >/dev/null 2>&1 & cd /
		umount -l /mnt/one
		[ "$(cat /proc/$!/cwd/file)" = first ]
		if mount -t 9p -o trans=xen,version=9p2000.L one /mnt/x; then exit 1; fi
		kill $!; wait $! || true
		until mount -t 9p -o trans=xen,version=9p2000.L one /mnt/one; do sleep 0.1; done'
	connected 2
	[ "$(guest 'cat /mnt/one/file')" = first ]
}

options_count_at_the_next_mount()
{
	local dir

	dir=$(backend_dir /srv/one)
	xenstore-write "$dir/readonly" 1
	guest 'touch /mnt/one/touched'
	guest 'umount /mnt/one'
	mount_options "" one /mnt/one
	guest '! touch /mnt/one/touched' 2>&1 | grep 'Read-only file system'
	equal "$(cat "$(session 0)/readonly")" 1 "readonly"

	xenstore-write "$dir/readonly" perhaps
	guest 'umount /mnt/one'
	refused 'refused' "" one
	xenstore-read "$dir/error" | grep 'readonly=perhaps'
	guest 'dmesg | grep "readonly=perhaps"'
	connected 1

	xenstore-rm "$dir/readonly"
	mount_options "" one /mnt/one
	guest 'rm /mnt/one/touched'
	fails xenstore-read "$dir/error"
}

missing_path()
{
	local dir

	refused 'refused' "" missing
	dir=$(backend_dir /srv/missing)
	xenstore-read "$dir/error" | grep '/srv/missing: no such directory'
	guest 'dmesg | grep "/srv/missing: no such directory"'
	mkdir /srv/missing
	mount_options "" missing /mnt/x
	guest 'umount /mnt/x'
	rmdir /srv/missing
	refused 'refused' "" missing
}

# A guest may try as often as it likes, and is told why each time; dom0's log tells
# of ten times a minute
refused_again_and_again()
{
	local dir began=$SECONDS lines

	dir=$(backend_dir /srv/missing)
	lines=$(dmesg | grep -c '/srv/missing: no such directory')
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for ((n = 0; n < 25; n++)); do
			if mount -t 9p -o trans=xen,version=9p2000.L missing /mnt/x; then
				exit 1
			fi
		done' 2>/tmp/refusals
	equal "$(grep -c -i refused /tmp/refusals)" 25 "refusals"
	xenstore-read "$dir/error" | grep '/srv/missing: no such directory'
	lines=$(($(dmesg | grep -c '/srv/missing: no such directory') - lines))
	echo "lines: $lines"
	# Of two minutes, if one ended meanwhile
	[ "$lines" -le $((10 * (2 + (SECONDS - began) / 60))) ]
}

path_is_a_file()
{
	local dir

	refused 'refused' "" plainfile
	dir=$(backend_dir /srv/plain-file)
	xenstore-read "$dir/error" | grep '/srv/plain-file: not a directory'
	guest 'dmesg | grep "/srv/plain-file: not a directory"'
	[ "$(guest 'cat /mnt/two/file')" = second ]
}

module_in_use()
{
	fails guest 'rmmod 9pnet_xen'
	# At once, while the backend lets go of the rings
	# shellcheck disable=SC2016 # the guest's variables
	guest 'umount /mnt/one /mnt/two
		cd /sys/bus/xen/drivers/9pfs
		for device in 9pfs-*; do echo "$device" >unbind; done
		cd / && rmmod 9pnet_xen && modprobe 9pnet_xen'
	mount_options "" two /mnt/two
	[ "$(guest 'cat /mnt/two/file')" = second ]
}

threads_are_the_guests()
{
	local domid

	domid=$(rig-guest domid m)
	pgrep -l "^9pback/$domid\\."
}

backend_goes_and_comes()
{
	local driver=/sys/bus/xen-backend/drivers/xen-9pback device

	device=9pfs-$(rig-guest domid m)-1
	fails rmmod xen-9pback
	echo "$device" >"$driver/unbind"
	fails guest 'timeout 20 cat /mnt/two/file'
	guest 'umount /mnt/two'
	refused 'refused' "" two
	echo "$device" >"$driver/bind"
	until mount_options "" two /mnt/two; do sleep 0.5; done
	[ "$(guest 'cat /mnt/two/file')" = second ]
}

# The backend's state is what the frontend sees of it, and a guest that does not
# run sees only the last one
restarted_unseen()
{
	local driver=/sys/bus/xen-backend/drivers/xen-9pback device dir

	device=9pfs-$(rig-guest domid m)-1
	dir=$(backend_dir /srv/two)
	xl pause m
	echo "$device" >"$driver/unbind"
	echo "$device" >"$driver/bind"
	until [ "$(xenstore-read "$dir/state")" = 2 ]; do sleep 0.1; done
	# Time to mistake the frontend, which is Connected, for a new one
	sleep 0.5
	equal "$(xenstore-read "$dir/state")" 2 "the backend's state"
	xl unpause m
	fails guest 'timeout 20 cat /mnt/two/file'
	guest 'umount /mnt/two'
	mount_options "" two /mnt/two
	[ "$(guest 'cat /mnt/two/file')" = second ]
}

# Requests are in flight each time: an event or a work item that came after its
# device had gone would be found by the kernels that look for such things
taken_away_again_and_again()
{
	truncate -s 1G /srv/two/large
	# shellcheck disable=SC2016 # the guest's variables
	rig-guest exec m --timeout 150 -- bash -c 'cd /sys/bus/xen/drivers/9pfs
		for round in 1 2 3 4; do
			dd if=/dev/zero of=/mnt/two/busy bs=64k count=100000 & one=$!
			cat /mnt/two/large >/dev/null & two=$!
			(while :; do stat /mnt/two/file; done) >/dev/null & three=$!
			sleep "0.$round"
			echo 9pfs-1 >unbind
			wait $one && echo "dd ended well"
			wait $two && echo "cat ended well"
			kill $three; wait $three
			echo "round $round ended after $SECONDS s"
			umount /mnt/two
			echo 9pfs-1 >bind
			mount -t 9p -o trans=xen,version=9p2000.L two /mnt/two
			cat /mnt/two/file
		done' 2>/dev/null | tee /tmp/rounds
	equal "$(grep -c -x second /tmp/rounds)" 4 "rounds"
	fails grep "ended well" /tmp/rounds
	rm /srv/two/busy /srv/two/large
}

nothing_is_left()
{
	rig-guest shutdown m
	rmmod xen-9pback
	modprobe xen-9pback
	fails pgrep -l '^9pback/'
}

rig-guest create m --front ours --back ours \
	--p9 'tag=one,security_model=none,path=/srv/one' \
	--p9 'tag=two,security_model=none,path=/srv/two' \
	--p9 'tag=missing,security_model=none,path=/srv/missing' \
	--p9 'tag=plainfile,security_model=none,path=/srv/plain-file'
guest 'modprobe 9pnet_xen; modprobe 9p'

plan 21
run_test "a device that nobody has mounted is not connected" not_connected_unless_mounted
run_test "two devices, each with its own tree" two_devices
run_test "a tag that is mounted gives EBUSY" mounted_twice
run_test "an unknown tag gives ENODEV, the log names the known" unknown_tag
run_test "msize is what was asked for" msize_as_asked
run_test "too large an msize is negotiated down" msize_too_large
run_test "too small an msize is refused" msize_too_small
run_test "versions that the server lacks are refused" other_versions
run_test "unmounted and mounted again and again" mounted_again_and_again
run_test "mounted by several at once" mounted_by_several
run_test "unmounted while a process is in it" unmounted_lazily
run_test "options count at the next mount" options_count_at_the_next_mount
run_test "an export that is missing says so to both sides" missing_path
run_test "a guest that is refused does not fill dom0's log" refused_again_and_again
run_test "an export that is a file says so, others go on" path_is_a_file
run_test "the frontend is unloaded when unused, not before" module_in_use
run_test "the server's threads bear the guest's name" threads_are_the_guests
run_test "the backend goes and comes while mounted" backend_goes_and_comes
run_test "the backend starts over while the guest is paused" restarted_unseen
run_test "the device taken away while it is busy, again and again" taken_away_again_and_again
run_test "nothing is left after the guest" nothing_is_left
finish
