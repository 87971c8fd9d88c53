#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A root to live on. A domain boots Debian from a root tree of dom0's by initramfs-tools, as
# mkroot has configured it, and another one from another tree while that runs. In this one
# works what people do with a machine (boot/live); it reboots by the initramfs that it has
# made itself, with this project's package installed. And one boots the first tree by
# dracut. After a clean shutdown dom0 has nothing left of any. All are PV: an emulated PVH
# domain is not up within half an hour; boot_roots has PVH domains, to an init.
#
# rig: kernel=lts,mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=7200

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

selftests=$(readlink -f "$(dirname "$0")/..")
root=/srv/boot-1/root
# Of the one that is lived in; the others have mkroot's and dracut's
cache=loose
# Of a boot, on a busy host
patience=1200

# make_older FILE: a real package as it may have been before; its file
make_older()
{
	local at=/tmp/older

	rm -rf "$at"
	dpkg-deb -R "$1" "$at"
	# Only just, for what needs a version is to be content
	sed -i '/^Version:/s/$/~older/' "$at/DEBIAN/control"
	[ ! -e "$at/etc/logrotate.conf" ] || echo "# as it was" >>"$at/etc/logrotate.conf"
	dpkg-deb -Znone --root-owner-group -b "$at" "${1%%_*}_older.deb" >/dev/null
	echo "${1%%_*}_older.deb"
}

# index FILE...: what apt wants to know of packages
index()
{
	local file

	for file in "$@"; do
		dpkg-deb -f "$file"
		echo "Filename: ./${file##*/}"
		echo "Size: $(stat -c %s "$file")"
		echo "SHA256: $(sha256sum <"$file" | cut -d ' ' -f 1)"
		echo
	done
}

# make_repository DIR: Debian's packages that are to be installed, and the index before
# and after their newer versions have come; and this project's own
make_repository()
{
	local less logrotate

	cp -r /srv/boot-1/packages "$1"
	less=$(make_older "$1"/less_*.deb)
	logrotate=$(make_older "$1"/logrotate_*.deb)
	index "$1"/*.deb >"$1/Packages.2"
	index "$less" "$logrotate" "$1"/libpopt0_*.deb >"$1/Packages.1"
}

# As mkroot wrote it, where the tree was made; but for the type, and what spares an
# emulated CPU a trap whenever somebody looks at the clock
made_config()
{
	local built

	echo 'tsc_mode = "native"'
	built=$(sed -n 's/.*path=\(.*\)".*/\1/p' /srv/boot-2/root.cfg)
	sed "s,$built,/srv/boot-2/root,g; s/^name = .*/name = \"b\"/
		s/^type = .*/type = \"pv\"/
		s|^extra = \"\(.*\)\"|extra = \"\1 $DOMAIN_FAST resume=/dev/none\"|" \
		/srv/boot-2/root.cfg
}

prepare()
{
	local number

	for number in 1 2; do
		domain_disk "$number"
	done
	make_repository "$root/srv/repository"
	cp "$selftests/boot/live" "$selftests/lib/ktap.sh" "$root/root/"
	mkdir /srv/boot-1/root.boot /srv/boot-2/root.boot
	cp "/srv/boot-1/initramfs-tools/$DOMAIN_RELEASE" /srv/boot-1/root.boot/initrd.img
	domain_config a pv /srv/boot-1/root.boot/initrd.img "root=9p:root,cache=$cache"
	domain_p9 a "root=$root"
	cp "/srv/boot-2/initramfs-tools/$DOMAIN_RELEASE" /srv/boot-2/root.boot/initrd.img
	cp "/run/rig/boot/vmlinux-$RIG_KERNEL" /srv/boot-2/root.boot/vmlinuz
	made_config >/tmp/b.cfg
	cat /tmp/b.cfg
	domain_config c pv "/srv/boot-2/dracut/$DOMAIN_RELEASE" "root=9p:root,cache=loose"
	domain_p9 c root=/srv/boot-2/root
}

boots()
{
	domain_login "$1" "$patience"
}

# What dom0 has served of a boot up to the login, for whoever compares cache modes
tell_served()
{
	local session

	session=/sys/kernel/9p-server/9pback-$(xl domid "$1").0
	diag "$1, $2: $(cat "$session/requests") requests," \
		"$(cat "$session/bytes_read") bytes read, $(cat "$session/bytes_written") written"
	diag "most of them: $(awk '/ errors / { print $2, $1 }' \
		"/sys/kernel/debug/9p-server/${session##*/}/stats" | sort -rn | head -n 6 |
		paste -sd ,)"
}

# is_running NAME: on the second tree
is_running()
{
	boots "$1"
	# In one line: who reads it later would have the shell complete what a tab follows
	domain_tell "$1" "systemctl is-system-running --wait >/root/state; \
systemctl --failed >/root/failed; cat /proc/mounts >/root/mounts; echo said \"it\""
	domain_says "$1" 'said it' "$patience"
	cat /srv/boot-2/root/root/failed
	equal "$(cat /srv/boot-2/root/root/state)" running "the state of the system"
	grep '^root / 9p rw,' /srv/boot-2/root/root/mounts
}

# live PASS COUNT: run it in domain a, and pass its results on
live()
{
	local log=$root/root/live.$1 number line

	domain_mark a
	domain_tell a "bash /root/live $1 $cache >/root/live.$1 2>&1; echo live ended with \$?"
	domain_says a 'live ended with [0-9]' "$((2 * patience))" || true
	for ((number = 1; number <= $2; number++)); do
		line=$(grep -E "^(not )?ok $number " "$log" || true)
		case $line in
		ok*) ok "$1: ${line#ok "$number" }" ;;
		*) not_ok "$1: ${line:-there is no result $number}" "$(tail -n 60 "$log")" ;;
		esac
	done
}

# By the initramfs of its own, and the login of somebody who has a password
reboots()
{
	/srv/boot-1/mkroot --fetch "$root"
	cmp /srv/boot-1/root.boot/initrd.img "$root/boot/initrd.img-$DOMAIN_RELEASE"
	domain_mark a
	domain_tell a reboot
	domain_says a ' login: ' "$patience"
	domain_tell a someone
	domain_says a 'Password: ' "$patience"
	domain_tell a secret
	domain_says a 'someone@' "$patience"
	# shellcheck disable=SC2016 # for the shell in the domain
	domain_tell a 'echo I am $(id -un) at $(tty); exit'
	domain_says a 'I am someone at /dev/hvc0' 60
	domain_mark a
	boots a
}

# What it has written is in its root, and dom0 can let go of that
shuts_down()
{
	domain_mark "$1"
	# All that systemd has to say is on the console then
	domain_tell "$1" 'dmesg --console-level 7; poweroff'
	domain_gone "$1" "$patience"
	domain_said "$1" | grep 'All filesystems unmounted'
	fails grep -i -E 'busy|failed|could not' <<<"$(domain_said "$1")"
}

nothing_is_left()
{
	fails pgrep -l '^9pback/'
	umount /srv/boot-1
	umount /srv/boot-2
}

plan 30
run_test "roots and packages are made" prepare
domain_start b
run_test "a domain boots, as mkroot has configured it" is_running b
tell_served b "first boot, cache=mmap"
domain_start a
run_test "another domain boots from another root meanwhile" boots a
tell_served a "first boot, cache=$cache"
run_test "the one shuts down" shuts_down b
live first 17
run_test "somebody logs in after a reboot" reboots
tell_served a "second boot, cache=$cache"
live second 4
run_test "the other one shuts down" shuts_down a
domain_start c
run_test "a domain boots by dracut" is_running c
tell_served c "second boot of its tree, by dracut, cache=loose"
run_test "it shuts down" shuts_down c
run_test "nothing is left" nothing_is_left
finish
