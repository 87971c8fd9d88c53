#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P without an initramfs, by a kernel with this checkout's transport
# built in: PV and PVH domains come up, even if their backend is there only after
# they have begun to look for it, and the root is mounted as asked for. Where there is
# no root, the kernel says why and panics; where the backend goes, it says so. A small
# program stands for init.
#
# rig: kernel=9p dom0=mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

# Of a boot, on a busy host; and of that wait
patience=600
flags=rootfstype=9p
options=trans=xen,version=9p2000.L

# domain NAME TYPE WORDS [TAG=PATH]: start one
domain()
{
	domain_config "$1" "$2" "" "$flags $3"
	[ -z "${4:-}" ] || domain_p9 "$1" "$4"
	domain_start "$1" "${@:5}"
}

# comes_up NAME ROOT: init runs, and shuts down
comes_up()
{
	domain_ran_init "$1" "$patience" '^root / 9p rw,.*trans=xen'
	grep -e '-rig-9p' "$2/root/written"
}

# The backend is there only when the domain has met its devices, and waits for them
backend_comes_late()
{
	local feature end=$((SECONDS + patience))

	modprobe -r xen-9pback
	domain pv pv "root=root rootflags=$options,cache=loose rw init=/root/init" "root=$root"
	feature=/local/domain/$(xl domid pv)/control/feature-poweroff
	until [ "$(xenstore-read "$feature" 2>/dev/null)" = 1 ]; do
		[ "$SECONDS" -lt "$end" ] || fail "the domain has not written $feature"
		domain_pause 1
	done
	modprobe xen-9pback
	comes_up pv "$root"
}

# panicked NAME PATTERN
panicked()
{
	domain_gone "$1" "$patience"
	domain_says "$1" "$2" 2
	domain_says "$1" 'VFS: Unable to mount root fs' 2
}

no_such_tag()
{
	panicked tag "no device has the tag 'root'; known: 'other'"
}

export_is_missing()
{
	panicked missing '/srv/missing: no such directory'
}

# It takes the five minutes that a kernel waits for devices, and then its own time-out
nobody_serves_it()
{
	panicked nobody "nobody serves the device of tag 'root'"
}

# Of what the domain has not yet read
backend_goes()
{
	domain_says gone '^init: it is over' "$patience"
	domain_mark gone
	echo "9pfs-$(xl domid gone)-0" >/sys/bus/xen-backend/drivers/xen-9pback/unbind
	domain_says gone "backend closed the device of tag 'root', which is mounted" 60
	domain_tell gone 'read -r line </etc/passwd; echo read "it" $?'
	domain_says gone 'read it [1-9]' 60
	domain_said gone | grep -i 'I/O error\|Input/output error'
	xl destroy gone
}

root=/srv/boot-1/root
domain_disk 1
install -m 755 "$(dirname "$0")/../boot/over" "$root/root/over"
install -m 755 "$(dirname "$0")/../boot/init" "$root/root/init"

plan 6
domain tag pv "root=root rootflags=$options" "other=$root"
run_test "no device of that tag" no_such_tag
domain missing pv "root=root rootflags=$options" root=/srv/missing
run_test "an export that is missing" export_is_missing
run_test "a PV domain comes up, whose backend came late" backend_comes_late
rm -f "$root/root/written"
domain pvh pvh "root=root rootflags=$options,cache=loose rw init=/root/init" "root=$root"
run_test "a PVH domain comes up" comes_up pvh "$root"
domain gone pv "root=root rootflags=$options,cache=loose ro init=/root/over" "root=$root"
run_test "the backend goes" backend_goes
modprobe -r xen-9pback
domain nobody pv "root=root rootflags=$options 9pnet_xen.mount_timeout=5" "root=$root"
run_test "nobody serves it" nobody_serves_it
modprobe xen-9pback
finish
