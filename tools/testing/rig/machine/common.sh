# SPDX-License-Identifier: GPL-2.0
#
# shellcheck shell=bash
# What the first programs of dom0 and of guests share. Sourced by both.

export PATH=/run/rig/tools:/run/rig/tools/bin:/run/rig/machine/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8 TERM=${TERM:-dumb}

# Xen's hotplug scripts and libxl expect what an ordinary Debian has in /dev.
make_devices()
{
	mkdir -p /dev/pts /dev/shm
	mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs shm /dev/shm
	ln -sfn /proc/self/fd /dev/fd
	ln -sfn /proc/self/fd/0 /dev/stdin
	ln -sfn /proc/self/fd/1 /dev/stdout
	ln -sfn /proc/self/fd/2 /dev/stderr
}

make_mounts()
{
	mount -t tmpfs -o mode=1777 tmp /tmp
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing
	echo 1 >/proc/sys/kernel/sysrq
	mkdir -p /out
	mount --bind /run/rig/add /rig
}

# Put the modules under test over the kernel's own, so that modprobe and an
# autoload by the kernel find them first.
use_our_modules()
{
	local release ours

	release=$(uname -r)
	ours=/run/rig/modules/$release
	[ -d "$ours" ] || return 0
	# A kernel that the rig has built has no folder in the image
	mkdir -p "/usr/lib/modules/$release"
	mount -t overlay -o "lowerdir=$ours:/usr/lib/modules/$release" \
		modules "/usr/lib/modules/$release" ||
		echo "rig: BUG: the modules under test are not in place" >/dev/console
}

# The value of a word on the kernel's command line.
kernel_word()
{
	local word

	for word in $(</proc/cmdline); do
		case $word in
		"$1"=*) echo "${word#*=}" ;;
		esac
	done
}
