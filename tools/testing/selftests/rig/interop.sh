#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Either half works with what others have: the demo's guest script passes with
# the upstream frontend on this backend, and with this frontend on QEMU's
# backend. A small part of the tree is enough for these slower peers.
#
# rig: kernel=lts guest=pv timeout=600
# rig: kernel=mainline guest=pv,pvh timeout=600

. "$(dirname "$0")/../lib/ktap.sh"

mkdir -p /srv/interop

demo_script()
{
	rm -rf /srv/interop/*
	rig-guest create i --type "$RIG_TYPE" --vcpus 2 "$@" \
		--p9 'tag=interop,security_model=none,path=/srv/interop'
	rig-guest mount i interop /mnt
	rig-guest exec i -- env MOUNT=/mnt PART=include/keys /rig/demo/guest
	rig-guest shutdown i
	diff -r --no-dereference /srv/interop/own/include/keys /srv/interop/tree
}

upstream_frontend()
{
	demo_script --front upstream --back ours
}

# QEMU 10's backend dies of its own heap now and then, with the upstream
# frontend too; then its log says so.
qemu_backend()
{
	local status=0

	rmmod xen-9pback
	( set -e; demo_script --front ours --back qemu ) || status=$?
	if [ "$status" != 0 ]; then
		tail -n 5 /var/log/xen/qemu-9p-i.log
		rig-guest destroy i || true
	fi
	modprobe xen-9pback
	return "$status"
}

plan 2
case $RIG_KERNEL in
lts|mainline)
	run_test "upstream's frontend on this backend" upstream_frontend
	run_test "this frontend on QEMU's backend" qemu_backend
	;;
*)
	skip "upstream's frontend on this backend" "the rig's own kernels are built without it"
	skip "this frontend on QEMU's backend" "QEMU uses gntdev, which turns lockdep off"
	;;
esac
finish
