#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Guests come and go at any moment: destroyed in the middle of a copy, before
# they connect, while they boot, rebooted; each time dom0 gets every page and
# thread back, and the next guest mounts at once. So do devices, mounted or not,
# and the backend. A device that another backend has taken is left to it.
#
# rig: kernel=lts when=spare timeout=1800

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/p9device.sh"

mkdir -p /srv/life
share='tag=life,security_model=none,path=/srv/life'

guest()
{
	rig-guest exec l --timeout 120 -- bash -c "$1"
}

create()
{
	rig-guest create l --front ours --back ours --vcpus 2 \
		--config 'on_reboot="restart"' --p9 "$share" "$@"
}

# Destroying waits until the domain is gone for good, with none of its pages
# mapped any more; the threads end before that.
nothing_left()
{
	fails pgrep -l '^9pback/'
	xl list >/tmp/domains
	fails grep -w '(null)' /tmp/domains
}

destroyed_in_a_copy()
{
	create
	rig-guest mount l life /mnt
	guest 'mkdir /mnt/c; cp -r /usr/share/perl /mnt/c/1 & cp -r /usr/lib/python3 /mnt/c/2 &
		dd if=/dev/zero of=/mnt/c/3 bs=1M count=4000 & wait' >/dev/null 2>&1 &
	until [ -n "$(find /srv/life/c -type f 2>/dev/null | head -n 5)" ]; do
		sleep 0.2
	done
	rig-guest destroy l
	wait $! || true
	nothing_left
	rm -rf /srv/life/c
}

# This guest stays up to the test "two guests share an export"
next_one_mounts()
{
	create
	rig-guest mount l life /mnt
	guest 'echo hello >/mnt/hello'
	[ "$(cat /srv/life/hello)" = hello ]
}

# Begin to write, and wait until the file grows
write_on()
{
	guest 'rm -f /mnt/busy; (while cat /etc/passwd; do :; done) >/mnt/busy 2>/dev/null' &
	writer=$!
	until [ -s /srv/life/busy ]; do sleep 0.1; done
}

# The guest's kernel tells of each page that its backend has still mapped when the
# frontend frees it
watch_grants()
{
	local control=/sys/kernel/debug/dynamic_debug/control

	guest "echo 'func gnttab_add_deferred +p' >$control"
	guest "grep 'gnttab_add_deferred =p' $control"
}

none_was_mapped()
{
	fails guest 'dmesg | grep "deferring g.e."'
}

unbound_in_a_copy()
{
	watch_grants
	write_on
	guest 'echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/unbind'
	wait "$writer" || true
	none_was_mapped
	guest 'umount /mnt; echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/bind'
	rig-guest mount l life /mnt
	guest 'ls /mnt' | grep -x busy
}

# As xl does it, which has no command for it: both directories go when the backend
# has closed, and come again
unplugged_in_a_copy()
{
	local domid front back

	domid=$(rig-guest domid l)
	front=$(p9_front "$domid")
	back=$(p9_back "$domid")
	write_on
	p9_unplug "$back"
	until [ "$(xenstore-read "$back/state")" = 6 ]; do sleep 0.1; done
	xenstore-rm "$front"
	xenstore-rm "$back"
	wait "$writer" || true
	none_was_mapped
	fails guest 'ls /mnt'
	guest 'umount /mnt'

	p9_plug life /srv/life "$domid"
	guest 'until [ -e /sys/bus/xen/drivers/9pfs/9pfs-0 ]; do sleep 0.2; done'
	rig-guest mount l life /mnt
	guest 'ls /mnt; rm /mnt/busy' | grep -x busy
}

# Neither side has anything of the device but its directories, so nobody needs to be
# waited for
unplugged_while_unmounted()
{
	local domid front back

	domid=$(rig-guest domid l)
	front=$(p9_front "$domid")
	back=$(p9_back "$domid")
	guest 'umount /mnt'
	for _ in {1..100}; do
		[ "$(xenstore-read "$back/state")" != 6 ] || break
		sleep 0.1
	done
	equal "$(xenstore-read "$front/state" "$back/state" | xargs)" "6 6" "states"
	nothing_left
	p9_unplug "$back"
	equal "$(xenstore-read "$back/state")" 6 "the backend's state"
	xenstore-rm "$front"
	xenstore-rm "$back"
	guest 'for ((n = 0; n < 100; n++)); do
			[ -e /sys/bus/xen/devices/9pfs-0 ] || exit 0
			sleep 0.1
		done; exit 1'
	fails guest 'mount -t 9p -o trans=xen,version=9p2000.L life /mnt'

	p9_plug life /srv/life "$domid"
	guest 'until [ -e /sys/bus/xen/drivers/9pfs/9pfs-0 ]; do sleep 0.2; done'
	rig-guest mount l life /mnt
	[ "$(guest 'cat /mnt/hello')" = hello ]
}

# The device is not there any more when its backend has let go of the rings, or
# before
unbound_after_unmounting()
{
	watch_grants
	# shellcheck disable=SC2016 # the guest's variables
	guest 'set -e
		for ((n = 0; n < 5; n++)); do
			umount /mnt
			echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/unbind
			echo 9pfs-0 >/sys/bus/xen/drivers/9pfs/bind
			mount -t 9p -o trans=xen,version=9p2000.L life /mnt
			cat /mnt/hello
		done' >/tmp/hellos
	equal "$(grep -c -x hello /tmp/hellos)" 5 "rounds"
	none_was_mapped
}

# Who mounts has to wait for a backend that does not run, no longer than he is told,
# and less if he is killed; nothing of it is left when it runs again
not_served()
{
	local driver=/sys/bus/xen-backend/drivers/xen-9pback domid back began

	domid=$(rig-guest domid l)
	back=$(p9_back "$domid")
	guest 'umount /mnt'
	for _ in {1..100}; do
		[ "$(xenstore-read "$back/state")" != 6 ] || break
		sleep 0.1
	done
	echo "9pfs-$domid-0" >"$driver/unbind"
	# As soon as the backend takes back what it has promised
	began=$SECONDS
	fails guest 'mount -t 9p -o trans=xen,version=9p2000.L life /mnt' 2>&1 |
		grep -i refused
	[ $((SECONDS - began)) -le 5 ]
	# One that crashes does not do so
	xenstore-write "$back/feature-reconnect" 1
	began=$SECONDS
	fails guest 'timeout -s KILL 2 mount -t 9p -o trans=xen,version=9p2000.L life /mnt'
	[ $((SECONDS - began)) -le 8 ]
	guest 'echo 3 >/sys/module/9pnet_xen/parameters/mount_timeout'
	began=$SECONDS
	fails guest 'mount -t 9p -o trans=xen,version=9p2000.L life /mnt' 2>&1 |
		grep -i 'timed out'
	[ $((SECONDS - began)) -lt 9 ]
	guest 'echo 10 >/sys/module/9pnet_xen/parameters/mount_timeout'
	guest 'dmesg' | grep "nobody serves the device of tag 'life'"
	echo "9pfs-$domid-0" >"$driver/bind"
	rig-guest mount l life /mnt
	[ "$(guest 'cat /mnt/hello')" = hello ]
}

destroyed_while_paused()
{
	create --paused
	sleep 1
	rig-guest destroy l
	nothing_left
}

destroyed_while_booting()
{
	local after

	for after in 1 3 5; do
		create --paused
		rig-guest unpause l
		sleep "$after"
		rig-guest destroy l
		nothing_left
	done
}

rebooted()
{
	local before

	before=$(rig-guest domid l)
	xl reboot l
	until now=$(rig-guest domid l 2>/dev/null) && [ "$now" != "$before" ]; do
		sleep 0.5
	done
	rig-guest wait l
	rig-guest mount l life /mnt
	[ "$(guest 'cat /mnt/hello')" = hello ]
}

# Four write all the while, and are to be told. Linux 6.12 tells of a write that has failed
# by writing nothing, which dd takes for a full disk.
saved_and_restored()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for n in 1 2 3 4; do
			(while dd if=/dev/zero of=/mnt/busy.$n bs=256k count=4 2>/run/busy.$n; do :; done
			echo >>/run/over) </dev/null >/dev/null 2>&1 &
		done'
	sleep 2
	xl save l /tmp/life.saved
	nothing_left
	xl restore /tmp/life.saved
	rm /tmp/life.saved
	rig-guest wait l
	# Its connection did not come with it
	fails guest 'cat /mnt/hello'
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for ((n = 0; n < 100; n++)); do
			[ "$(wc -l </run/over)" != 4 ] || break
			sleep 0.1
		done
		cat /run/busy.*
		[ "$(grep -l "Input/output error\|No space left" /run/busy.* | wc -l)" = 4 ] &&
			umount /mnt'
	rig-guest mount l life /mnt
	equal "$(guest 'cat /mnt/hello')" hello
	rm /srv/life/busy.*
}

two_guests_share()
{
	rig-guest create k --front ours --back ours --p9 "$share"
	rig-guest mount k life /mnt
	guest 'echo from l >/mnt/shared'
	[ "$(rig-guest exec k -- cat /mnt/shared)" = "from l" ]
	rig-guest destroy l
	[ "$(rig-guest exec k -- cat /mnt/shared)" = "from l" ]
	rig-guest shutdown k
	nothing_left
}

# libxl starts its own daemon for devices of this type unless somebody is there
# already
create_of_type_xen_9pfsd()
{
	local device='type=xen_9pfsd,security_model=none,path=/srv/life'

	xenstore-write /local/domain/0/libxl/xen-9pfs/state running
	rig-guest create l --front ours --back ours \
		--p9 "$device,tag=life" --p9 "$device,tag=limited,max-files=10"
	guest 'modprobe 9pnet_xen; modprobe 9p; mkdir -p /mnt/limited'
}

of_type_xen_9pfsd()
{
	create_of_type_xen_9pfsd
	guest 'until mount -t 9p -o trans=xen,version=9p2000.L life /mnt; do sleep 0.2; done'
	[ "$(guest 'cat /mnt/hello')" = hello ]
}

limits_not_enforced()
{
	guest '! mount -t 9p -o trans=xen,version=9p2000.L limited /mnt/limited &&
		dmesg | grep "max-files=10 cannot be enforced"'
	rig-guest shutdown l
	xenstore-rm /local/domain/0/libxl/xen-9pfs/state
	nothing_left
}

left_to_another()
{
	rmmod xen-9pback
	rig-guest create l --front ours --back qemu --p9 "$share"
	modprobe xen-9pback
	dmesg | grep 'another backend serves it; left alone'
	guest 'modprobe 9pnet_xen; modprobe 9p
		mount -t 9p -o trans=xen,version=9p2000.L life /mnt'
	[ "$(guest 'cat /mnt/hello')" = hello ]
	guest 'umount /mnt'
	rig-guest shutdown l
	nothing_left
}

plan 15
run_test "destroyed in the middle of a copy" destroyed_in_a_copy
run_test "the next guest mounts at once" next_one_mounts
run_test "unbound in the middle of a copy, and bound again" unbound_in_a_copy
run_test "unplugged in the middle of a copy, and plugged in again" unplugged_in_a_copy
run_test "unplugged while nobody has it mounted, and plugged in again" unplugged_while_unmounted
run_test "unbound just after it was unmounted, again and again" unbound_after_unmounting
run_test "mounted while its backend does not run" not_served
run_test "rebooted" rebooted
run_test "saved while it is mounted, and restored" saved_and_restored
run_test "two guests share an export, one is destroyed" two_guests_share
run_test "destroyed before it ran" destroyed_while_paused
run_test "destroyed while it boots and connects" destroyed_while_booting
run_test "a device of type xen_9pfsd" of_type_xen_9pfsd
run_test "a limit that is not enforced refuses the device" limits_not_enforced
run_test "a device that QEMU serves is left to it" left_to_another
finish
