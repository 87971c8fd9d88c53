#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P by initramfs-tools, up to the real init: what is asked for gets
# mounted, and whatever is wrong is named on the console, in seconds, with the
# emergency shell or what panic= says after it. A boot takes a minute of an emulated
# CPU, so one domain meets fault after fault: whoever leaves the shell tries again. What
# its command line does not say is tried by the same functions in that shell.
#
# rig: kernel=lts,mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
. "$(dirname "$0")/../lib/p9device.sh"
trap domain_clean EXIT

shell='(initramfs)'
# Of a boot up to the emergency shell, on a busy host
patience=400

# again PATTERN...: domain a tries once more
again()
{
	domain_mark a
	domain_tell a exit
	stopped "$@"
}

# stopped PATTERN...: its console names the reason, and gives a shell
stopped()
{
	local pattern

	domain_says a "$shell" "$patience"
	for pattern in "$@"; do
		domain_said a | grep -e "$pattern" || {
			echo "it has not said '$pattern', but:"
			domain_said a | tail -n 20
			return 1
		}
	done
}

# in_shell COMMAND PATTERN: what a command in the shell prints, before it asks
# for another one
in_shell()
{
	domain_mark a
	domain_tell a "$1"
	domain_says a "$2" 60
	domain_says a "^$shell" 60
}

# However much it has said since
console_is_searched()
{
	local log

	log=$(domain_log long)
	mkdir -p "${log%/*}"
	seq -f 'line %g of many' 10000 >"$log"
	echo 0 >/tmp/long.mark
	domain_says long 'line 1 of' 1
	domain_says long '10000 of many' 1
	fails domain_says long 'line 10001' 1
	rm "$log"
}

parse()
{
	# shellcheck disable=SC2016 # for the inner shell
	dash -euc '. "$1"; p9_parse "$2" "$3" || { echo "error: $p9_error"; exit 0; }
		echo "$p9_tag|$p9_options|$p9_overlay|$p9_patience"' dash "$functions" "$1" "${2:-}"
}

# parsed ROOT FLAGS WANTED
parsed()
{
	equal "$(parse "$1" "$2")" "$3" "root=$1 rootflags=$2"
}

# complained ROOT FLAGS PATTERN
complained()
{
	parse "$1" "$2" | grep "^error: .*$3" || fail "root=$1 rootflags=$2 was to be refused: $3"
}

options_are_taken()
{
	parsed 9p:root '' 'root|||30'
	parsed 9p:root,msize=65536,cache=loose '' 'root|,msize=65536,cache=loose||30'
	parsed 9p:root noatime,wait=5 'root|,noatime||5'
	parsed 9p:my-root,overlay access=client,posixacl 'my-root|,access=client,posixacl|50%|30'
	parsed 9p:root,overlay=200M,ro,, '' 'root|,ro|200M|30'
	parsed 9p:root,cache=0x5 '' "error: the option cache cannot be '0x5'"
	parsed 9p:root,cache=5 '' 'root|,cache=5||30'
}

wrong_options_are_named()
{
	complained 9p:root,cash=loose '' "there is no option 'cash=loose'"
	complained 9p:root posixacls "there is no option 'posixacls'"
	complained 9p:root cache "there is no option 'cache'"
	complained 9p:root msize=64k "msize is a number, not '64k'"
	complained 9p:root cache=lose "cache cannot be 'lose'"
	complained 9p:root version=9P2000.L "version cannot be '9P2000.L'"
	complained 9p:root trans=virtio "trans cannot be 'virtio'"
	complained 9p:root access=everybody "access cannot be 'everybody'"
	complained 9p:root wait=soon "wait is a number of seconds"
	complained 9p:root uname= "uname cannot be ''"
	complained 9p: '' 'names no tag'
	complained 9p:,cache=loose '' 'names no tag'
}

# look STATE TAG...: what p9_look() makes of devices with a mount_tag or, if TAG is
# "-", of the kernel's own driver, which has none
look()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount dash -euc '
		. "$1"; shift
		mount -t tmpfs sys /sys
		mkdir -p /sys/bus/xen/devices
		number=0
		while [ $# -gt 0 ]; do
			device=/sys/bus/xen/devices/9pfs-$number
			mkdir "$device"
			echo "$1" >"$device/state"
			[ "$2" = - ] || echo "$2" >"$device/mount_tag"
			number=$((number + 1)); shift 2
		done
		p9_parse 9p:root ""
		if p9_look; then echo yes; else p9_why_not; echo "$p9_error"; fi' \
		dash "$functions" "$@"
}

devices_are_found()
{
	equal "$(look Connected root)" yes
	equal "$(look Connected other Connected root)" yes
	equal "$(look Closed root)" yes "one that connects when it is mounted"
	equal "$(look Connected -)" yes "the kernel's own driver"
	look Connected other Closed b | grep "tags are: 'other' (Connected), 'b' (Closed)"
	look Initialising root | grep 'did not connect within 30 s: is a backend running'
	look Closed other Closing root | grep 'did not connect within 30 s'
	look | grep 'has no 9pfs device'
}

# Of a device that the toolstack has half undone
other_end_is_gone()
{
	stopped "the device of tag 'root' did not connect within 1 s: is a backend running" \
		'unable to read other end'
}

no_device()
{
	p9_withdraw "$domid"
	again "has no 9pfs device, after 1 s: .*'tag=root,"
}

no_such_tag()
{
	p9_plug other "$root" "$domid"
	again "no device has the tag 'root' after 1 s; the tags are: 'other' (Closed)"
	p9_withdraw "$domid"
}

export_is_missing()
{
	p9_plug root /srv/missing "$domid"
	again "the device of tag 'root' is closed" '/srv/missing: no such directory'
	p9_withdraw "$domid"
}

# As in an initramfs that was made without it
module_is_missing()
{
	in_shell 'modprobe -r 9pnet_xen && mv /usr/lib/modules/*/updates/9pnet_xen.ko / && echo it is "away"' \
		'it is away'
	again 'the module 9pnet_xen is not in this initramfs'
	in_shell 'mv /9pnet_xen.ko /usr/lib/modules/*/updates/ && echo it is "back"' 'it is back'
}

# It is plugged when the domain has said that it waits
device_comes_while_it_waits()
{
	domain_mark a
	domain_tell a '(. /scripts/9p-root; p9_parse 9p:root,wait=120 ""; p9_await && echo it is "there")'
	domain_says a "waiting for the device of tag 'root', up to 120 s" 60
	p9_plug root "$root" "$domid"
	domain_says a 'it is there' 60
}

# Unless the command line has "rw", as that of this domain
root_is_read_only_at_first()
{
	# shellcheck disable=SC2016 # the other shell's
	in_shell '(readonly=y; ROOT=9p:root; . /scripts/functions; . /scripts/9p; mountroot
		grep " $rootmnt " /proc/mounts; umount $rootmnt)' '^root /root 9p ro,'
}

device_has_come()
{
	again 'Spawning shell within the initramfs'
	in_shell 'cat /proc/mounts' '^root /root 9p rw,noatime,.*msize=65536.*trans=xen'
}

# The message of the option, and the reboot, for which something else stands
panic_reboots()
{
	in_shell "(panic=1 ROOT=9p:root,cash=loose; reboot() { echo now it \"reboots\"; }
		. /scripts/functions; . /scripts/9p; mountroot)" 'now it reboots'
	domain_said a | grep "there is no option 'cash=loose'"
	domain_said a | grep 'Rebooting automatically due to panic= boot argument'
}

backend_goes()
{
	domain_mark a
	echo "9pfs-$domid-0" >/sys/bus/xen-backend/drivers/xen-9pback/unbind
	domain_says a "backend closed the device of tag 'root', which is mounted" 60
	in_shell 'ls /root/etc' 'I/O error\|Input/output error\|Connection'
	domain_tell a exit
	domain_says a "run-init: can't stat '.': Input/output error" 60
	domain_gone a 60
	domain_said a | grep 'Kernel panic - not syncing: Attempted to kill init'
}

# Nothing that the domain writes reaches the export, which is read-only besides
is_overlaid()
{
	p9_plug root /srv/read-only "$domid"
	in_shell '. /scripts/9p-root; p9_parse 9p:root,overlay "" && p9_await && mkdir /over && p9_mount /over ro
		cat /proc/mounts; echo that is "all"' 'that is all'
	domain_said a | grep '^root /run/9p-root/lower 9p ro,'
	domain_said a | grep '^overlay /over overlay rw,.*lowerdir=/run/9p-root/lower'
	in_shell 'echo mine >/over/etc/issue; cat /over/etc/issue; ls /over/etc/hostname' \
		'^/over/etc/hostname'
	domain_said a | grep -x mine
	fails grep -x mine "$root/etc/issue"
	in_shell 'umount /over && umount /run/9p-root/memory && umount /run/9p-root/lower && echo it is "off"' \
		'it is off'
	p9_withdraw "$domid"
}

domain_disk 1
mkdir -p /srv/read-only
mount --bind /srv/boot-1/root /srv/read-only
mount -o remount,bind,ro /srv/read-only
root=/srv/boot-1/root
initramfs=/srv/boot-1/initramfs-tools/$DOMAIN_RELEASE
functions=$root/usr/share/initramfs-tools/scripts/9p-root

domain_config a pv "$initramfs" \
	'root=9p:root,wait=1,msize=65536 rootflags=noatime rw resume=/dev/none break=init' 200
domain_p9 a "root=$root"

plan 15
run_test "what is looked for on a console is found" console_is_searched
run_test "options are taken" options_are_taken
run_test "wrong options are named" wrong_options_are_named
run_test "devices are found by tag and state" devices_are_found
domain_start a -p
domid=$(xl domid a)
xenstore-rm "$(p9_back "$domid")"
xl unpause a
run_test "a device of which the other end is gone" other_end_is_gone
run_test "no device at all" no_device
run_test "no device of that tag" no_such_tag
run_test "an export that is missing" export_is_missing
run_test "the transport's module is missing" module_is_missing
run_test "panic= reboots, when an option is misspelt" panic_reboots
run_test "an overlay in memory over a read-only export" is_overlaid
run_test "the device comes while it is waited for" device_comes_while_it_waits
run_test "the root is read-only at first" root_is_read_only_at_first
run_test "the device has come, with options and rw" device_has_come
run_test "the backend goes before there is an init, and the kernel panics" backend_goes
domain_clean
umount /srv/read-only
finish
