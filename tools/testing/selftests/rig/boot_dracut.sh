#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P by dracut, with the same words on the command line: what is wrong is named
# on the console, in the time that rd.retry allows, and followed by dracut's emergency
# mode, which tries again. Once the device has come the root is mounted as asked for, init
# runs there, and can end the domain. That there is something to resume from is not
# believed. A small program stands for init; systemd has its turn in the suite boot.
#
# rig: kernel=lts,mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
. "$(dirname "$0")/../lib/p9device.sh"
trap domain_clean EXIT

# Of a boot, on a busy host
patience=400

# stopped PATTERN: in emergency mode, for that reason. Root is locked in there, but for
# whoever could write to the command line. What is typed before sulogin has set up the
# terminal, which is after it has asked for Enter, is thrown away
stopped()
{
	local _

	domain_says a "$1" "$patience"
	domain_says a 'Press Enter\|press Enter\|Enter to continue' "$patience"
	domain_mark a
	for _ in {1..12}; do
		domain_tell a ''
		if domain_says a 'bash-[0-9.]*#' 5; then
			return
		fi
	done
	fail "sulogin does not give a shell"
}

# in_shell COMMAND PATTERN: what a command in the shell prints
in_shell()
{
	domain_mark a
	domain_tell a "$1"
	domain_says a "$2" 60
}

no_such_tag()
{
	stopped "no device has the tag 'root' after 1 s; the tags are: 'other' (Closed)"
	# Which would have waited for a device that does not come
	in_shell 'systemctl show -P LoadState systemd-hibernate-resume' masked
}

# again: it tries once more
again()
{
	domain_mark a
	domain_tell a exit
}

export_is_missing()
{
	p9_withdraw "$domid"
	p9_plug root /srv/missing "$domid"
	again
	stopped '/srv/missing: no such directory'
}

# As in an initramfs that was made without it. systemd has made /usr read-only there
module_is_missing()
{
	p9_withdraw "$domid"
	in_shell 'modprobe -r 9pnet_xen && mount -t tmpfs none /usr/lib/modules/*/updates && echo it is "away"' \
		'it is away'
	again
	stopped 'the module 9pnet_xen is not in this initramfs'
	in_shell 'umount /usr/lib/modules/*/updates && echo it is "back"' 'it is back'
}

device_has_come()
{
	p9_plug root "$root" "$domid"
	again
	domain_ran_init a "$patience" '^root / 9p rw,noatime,.*msize=65536'
	equal "$(cat "$root/root/written")" "by $DOMAIN_RELEASE"
}

domain_disk 1
root=/srv/boot-1/root
initramfs=/srv/boot-1/dracut/$DOMAIN_RELEASE
install -m 755 "$(dirname "$0")/../boot/init" "$root/root/init"

words='root=9p:root,msize=65536 rootflags=noatime rw rd.retry=1 resume=/dev/none'
domain_config a pv "$initramfs" "$words SYSTEMD_SULOGIN_FORCE=1 init=/root/init" 320
domain_p9 a "other=$root"

plan 4
domain_start a
domid=$(xl domid a)
run_test "no device of that tag" no_such_tag
run_test "an export that is missing" export_is_missing
run_test "the transport's module is missing" module_is_missing
run_test "the device has come, with options and rw: init runs, and shuts down" device_has_come
finish
