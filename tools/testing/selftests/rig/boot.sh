#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A root to live on. Two domains, PV and PVH, boot Debian from two root trees of
# dom0's at once, by initramfs-tools. What people do with a machine works in one
# of them, reboot and second boot among it (boot/live); after a clean shutdown dom0
# has nothing left of either.
#
# rig: kernel=lts,mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=3000

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

selftests=$(readlink -f "$(dirname "$0")/..")
root=/srv/boot-1/root
# Each of the two that a root may have is lived on, on one kernel
cache=loose
[ "$RIG_KERNEL" != lts ] || cache=mmap
# Of a boot, on a busy host
patience=900

# make_package VERSION: with a program, a unit, a conffile, and a script
make_package()
{
	local at=/tmp/hello-$1

	mkdir -p "$at/DEBIAN" "$at/usr/bin" "$at/usr/lib/systemd/system" "$at/etc"
	cat >"$at/DEBIAN/control" <<-END
	Package: hello
	Version: $1
	Architecture: all
	Maintainer: tester <tester@localhost>
	Description: a package to be installed and upgraded
	END
	echo /etc/hello.conf >"$at/DEBIAN/conffiles"
	echo "# as version $1 has it" >"$at/etc/hello.conf"
	printf '#!/bin/sh\necho hello %s\n' "$1" >"$at/usr/bin/hello"
	cat >"$at/usr/lib/systemd/system/hello.service" <<-END
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/usr/bin/hello
	[Install]
	WantedBy=multi-user.target
	END
	cat >"$at/DEBIAN/postinst" <<-END
	#!/bin/sh
	set -e
	mkdir -p /var/lib/hello
	echo $1 >/var/lib/hello/configured
	systemctl daemon-reload
	systemctl enable --now hello.service
	END
	chmod 755 "$at/DEBIAN/postinst" "$at/usr/bin/hello"
	dpkg-deb -Znone --root-owner-group -b "$at" "$2"
}

# make_repository DIR: two versions of a package, and the index before and after the
# second one has come
make_repository()
{
	local version file

	mkdir -p "$1"
	for version in 1.0 2.0; do
		file=$1/hello_${version}_all.deb
		make_package "$version" "$file"
		{
			dpkg-deb -f "$file"
			echo "Filename: ./${file##*/}"
			echo "Size: $(stat -c %s "$file")"
			echo "SHA256: $(sha256sum <"$file" | cut -d ' ' -f 1)"
			echo
		} >>"$1/Packages.2"
		[ -e "$1/Packages.1" ] || cp "$1/Packages.2" "$1/Packages.1"
	done
}

prepare()
{
	local number

	for number in 1 2; do
		domain_disk "$number"
	done
	make_repository "$root/srv/repository" >/dev/null
	cp "$selftests/boot/live" "$selftests/lib/ktap.sh" "$root/root/"
	domain_config a pv "/srv/boot-1/initramfs-tools/$DOMAIN_RELEASE" "root=9p:root,cache=$cache"
	domain_config b pvh "/srv/boot-2/initramfs-tools/$DOMAIN_RELEASE" root=9p:root,cache=loose
	domain_p9 a "root=$root"
	domain_p9 b root=/srv/boot-2/root
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
}

pvh_is_running()
{
	boots b
	domain_tell b 'systemctl is-system-running --wait >/root/state; cat /proc/mounts >/root/mounts; echo said "it"'
	domain_says b 'said it' "$patience"
	equal "$(cat /srv/boot-2/root/root/state)" running "the state of the system"
	grep '^root / 9p rw,' /srv/boot-2/root/root/mounts
}

# live PASS COUNT: run it in domain a, and pass its results on
live()
{
	local log=$root/root/live.$1 number line

	domain_mark a
	domain_tell a "bash /root/live $1 $cache >/root/live.$1 2>&1; echo live ended with \$?"
	domain_says a 'live ended with [0-9]' "$patience" || true
	for ((number = 1; number <= $2; number++)); do
		line=$(grep -E "^(not )?ok $number " "$log" || true)
		case $line in
		ok*) ok "$1: ${line#ok "$number" }" ;;
		*) not_ok "$1: ${line:-there is no result $number}" "$(tail -n 60 "$log")" ;;
		esac
	done
}

# By the login of somebody who has a password
reboots()
{
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
	domain_tell "$1" poweroff
	domain_gone "$1" "$patience"
}

nothing_is_left()
{
	fails pgrep -l '^9pback/'
	umount /srv/boot-1
	umount /srv/boot-2
}

plan 27
run_test "roots and packages are made" prepare
domain_start a
run_test "a PV domain boots" boots a
tell_served a "first boot, cache=$cache"
domain_start b
live first 16
run_test "a PVH domain boots from another root meanwhile" pvh_is_running
tell_served b "first boot, cache=loose"
run_test "somebody logs in after a reboot" reboots
tell_served a "second boot, cache=$cache"
live second 4
run_test "the PV domain shuts down" shuts_down a
run_test "the PVH domain shuts down" shuts_down b
run_test "nothing is left" nothing_is_left
finish
