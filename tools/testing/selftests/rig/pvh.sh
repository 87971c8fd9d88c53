#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A PVH guest, whose memory and events work in other ways than a PV guest's:
# the demo's guest script on this project's own pair.
#
# rig: kernel=lts,mainline timeout=600

. "$(dirname "$0")/../lib/ktap.sh"

mkdir -p /srv/pvh

demo_script()
{
	rig-guest exec v -- env MOUNT=/mnt /rig/demo/guest
	diff -r --no-dereference /srv/pvh/own/include/crypto /srv/pvh/tree
}

rig-guest create v --type pvh --front ours --back ours --vcpus 1 \
	--p9 'tag=pvh,security_model=none,path=/srv/pvh'
rig-guest mount v pvh /mnt

plan 1
run_test "the demo's guest script in a PVH guest" demo_script
rig-guest shutdown v
finish
