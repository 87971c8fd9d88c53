#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dracut: what a boot from 9P needs. dracut calls these functions and knows the
# variables.

check() {
	require_kernel_modules 9pnet_xen 9p || return 1
	# shellcheck disable=SC2154 # dracut's
	if [[ $hostonly ]] || [[ $mount_needs ]]; then
		[[ -d /sys/bus/xen ]] || [[ " ${host_fs_types[*]} " == *" 9p "* ]] || return 255
	fi
	return 0
}

depends() {
	echo base
}

installkernel() {
	instmods 9pnet_xen 9p overlay
}

install() {
	inst_multiple dmesg mkdir modprobe mount sleep
	# shellcheck disable=SC2154 # dracut's
	inst_simple "$moddir/9p-root.sh" /lib/9p-root.sh
	inst_hook cmdline 95 "$moddir/parse-9p.sh"
	inst_hook pre-mount 99 "$moddir/mount-9p.sh"
}
