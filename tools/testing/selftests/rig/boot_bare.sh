#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P without an initramfs, by a kernel with this checkout's transport
# built in: PV and PVH domains come up, even if their backend is there only after
# they have begun to look for it. Where there is no root, the kernel says why and
# panics.
#
# rig: kernel=9p dom0=mainline args=--guest-root when=named timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

# Of a boot, on a busy host
patience=900
flags=rootfstype=9p
options=trans=xen,version=9p2000.L

# domain NAME TYPE WORDS [TAG=PATH]: start one
domain()
{
	domain_config "$1" "$2" "" "$flags $3"
	[ -z "${4:-}" ] || domain_p9 "$1" "$4"
	domain_start "$1" "${@:5}"
}

boots()
{
	domain_login "$1" "$patience"
	domain_tell "$1" 'uname -r; grep " / " /proc/mounts; ls /boot; echo that is "all"'
	domain_says "$1" 'that is all' 120
	domain_said "$1" | grep -- '-rig-9p'
	domain_said "$1" | grep '^root / 9p rw.*trans=xen'
}

shuts_down()
{
	domain_tell "$1" poweroff
	domain_gone "$1" "$patience"
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

root=/srv/boot-1/root
for number in 1 2; do
	domain_disk "$number"
done

plan 6
modprobe -r xen-9pback
domain pv pv "root=root rootflags=$options,cache=loose rw" "root=$root"
sleep 5
modprobe xen-9pback
domain tag pv "root=root rootflags=$options" "other=$root"
domain missing pv "root=root rootflags=$options" root=/srv/missing
run_test "no device of that tag" no_such_tag
run_test "an export that is missing" export_is_missing
run_test "a PV domain boots, whose backend came late" boots pv
domain pvh pvh "root=root rootflags=$options,cache=loose rw" root=/srv/boot-2/root
run_test "it shuts down" shuts_down pv
run_test "a PVH domain boots" boots pvh
run_test "it shuts down, too" shuts_down pvh
finish
