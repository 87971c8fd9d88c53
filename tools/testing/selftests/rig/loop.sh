#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest that serves itself: both ends of the rings are in one domain, so that
# one kernel with KASAN, which boots as PVH guest only, watches frontend, backend
# and server at work. The files suite runs on the mount, then the device goes
# away while it is busy.
#
#   v: mount /mnt -- 9pnet_xen ==rings== xen-9pback -- 9pnet_server -- /tmp/loop
#
# rig: kernel=debug timeout=1200

. "$(dirname "$0")/../lib/ktap.sh"

guest()
{
	rig-guest exec v --timeout 900 -- bash -c "$1"
}

# Offer the device as xl would, had it a guest that is its own driver domain
attach()
{
	local domid front back

	domid=$(rig-guest domid v)
	front=/local/domain/$domid/device/9pfs/0
	back=/local/domain/$domid/backend/9pfs/$domid/0
	xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$domid" \
		"$back/path" /tmp/loop "$back/security_model" none \
		"$front/backend" "$back" "$front/backend-id" "$domid" "$front/tag" loop
	xenstore-chmod -r "$back" "n$domid"
	xenstore-chmod -r "$front" "n$domid"
	xenstore-write "$back/online" 1 "$back/state" 1 "$front/state" 1
}

mounts()
{
	guest 'mkdir -p /tmp/loop; modprobe xen-9pback'
	attach
	guest 'rig-mount loop /mnt'
	guest 'echo there and back >/mnt/file; cat /tmp/loop/file' | grep -x 'there and back'
	guest 'rm /mnt/file'
}

files()
{
	guest '/rig/9p/files.py /mnt' >/tmp/loop.log || { grep -A 20 '^not ok' /tmp/loop.log; false; }
	grep '^ok' /tmp/loop.log
}

killed()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'for round in 1 2 3 4; do
			dd if=/dev/zero of=/mnt/k.1 bs=128k count=2000 status=none & one=$!
			cat /mnt/k.1 >/dev/null 2>&1 & two=$!
			sleep 0.5; kill -9 $one $two; wait
		done 2>/dev/null
		echo alive >/mnt/k.2; cat /mnt/k.2; rm -f /mnt/k.*' | grep -qx alive
}

taken_away()
{
	# shellcheck disable=SC2016 # the guest's variables
	guest 'dd if=/dev/zero of=/mnt/busy bs=128k count=20000 status=none & writer=$!
		until [ -s /tmp/loop/busy ]; do sleep 0.2; done
		device=$(basename /sys/bus/xen/devices/9pfs-0)
		echo "$device" >/sys/bus/xen/drivers/9pfs/unbind
		wait "$writer" && exit 1
		ls /mnt && exit 1
		umount /mnt; rm /tmp/loop/busy'
}

rig-guest create v --no-p9 --front ours --back ours --vcpus 2
plan 4
run_test "a guest mounts what it serves itself" mounts
run_test "all tests of files.py" files
run_test "processes killed in the middle" killed
run_test "the device taken away while it is busy" taken_away
finish
