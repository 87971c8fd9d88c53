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

# Without bash, root's shell, there is no emergency shell
depends() {
	echo base bash
}

installkernel() {
	instmods 9pnet_xen 9p overlay
}

install() {
	inst_multiple dmesg ln mkdir modprobe mount sleep
	# shellcheck disable=SC2154 # dracut's
	inst_simple "$moddir/9p-root.sh" /lib/9p-root.sh
	# Before dracut's own module looks for what to resume from
	inst_hook cmdline 05 "$moddir/parse-9p.sh"
	inst_hook pre-mount 99 "$moddir/mount-9p.sh"
	mkdir -p "${initdir:?}/etc/cmdline.d"
	if dracut_module_included systemd; then
		inst_script "$moddir/no-resume.sh" \
			"${systemdutildir:?}/system-generators/xen-9p-no-resume"
	fi
}
