#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P by dracut, with the same words on the command line: the root is mounted
# as asked for, init runs there, and can end the domain. What is wrong is named on the
# console, in the time that rd.retry allows, and followed by dracut's emergency mode,
# which tries again, or by what rd.shell=0 makes of it. A small program stands for init;
# systemd has its turn in the suite boot.
#
# rig: kernel=mainline args=--guest-root,--dom0-vcpus=1 timeout=900
# rig: kernel=lts args=--guest-root,--dom0-vcpus=1 when=spare timeout=900

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
. "$(dirname "$0")/../lib/p9device.sh"
trap domain_clean EXIT

# Of a boot, on a busy host
patience=400

# domain NAME WORDS TAG=PATH
domain()
{
	domain_config "$1" pv "$initramfs" "$2" 320
	domain_p9 "$1" "$3"
	domain_start "$1"
}

# In emergency mode, for that reason. Its shell is locked, as is root in there, and
# whoever is told so and presses Enter has left it.
no_such_tag()
{
	domain_says a "no device has the tag 'root' after 1 s; the tags are: 'other' (Closed)" "$patience"
	domain_says a 'Press Enter\|press Enter\|Enter to continue' "$patience"
}

comes_up()
{
	local domid back

	domid=$(xl domid a)
	back=$(p9_back "$domid")
	xenstore-rm "$(p9_front "$domid")"
	# Until both ends have noticed
	domain_pause 5
	if xenstore-exists "$back"; then
		xenstore-rm "$back"
	fi
	p9_plug root "$root" "$domid"
	domain_tell a ''
	domain_says a '^init: on' "$patience"
	domain_gone a 120
	domain_said a | grep '^root / 9p rw,noatime,.*msize=65536'
	domain_said a | grep '^init: and is read-only again'
	equal "$(cat "$root/root/written")" "by $DOMAIN_RELEASE"
}

option_is_misspelt()
{
	domain_gone option "$patience"
	domain_says option "there is no option 'cash=loose'" 1
}

domain_disk 1
root=/srv/boot-1/root
initramfs=/srv/boot-1/dracut/$DOMAIN_RELEASE
install -m 755 "$(dirname "$0")/../boot/init" "$root/root/init"

plan 3
domain a 'root=9p:root,msize=65536 rootflags=noatime rw rd.retry=1 init=/root/init' "other=$root"
run_test "no device of that tag" no_such_tag
run_test "the device has come, with options and rw: init runs, and shuts down" comes_up
domain option 'root=9p:root,cash=loose rd.shell=0' "root=$root"
run_test "an option that is misspelt, and no shell" option_is_misspelt
finish
