#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ten domains boot from one read-only root at once, with an overlay in memory each:
# all of them come up, each sees what it has written and nobody else does, and the
# root is as it was.
#
# rig: kernel=mainline args=--guest-root,--dom0-vcpus=1 when=named timeout=7200

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

count=10
patience=5400
root=/srv/boot-1/root

all_boot()
{
	local number

	for ((number = 0; number < count; number++)); do
		domain_config "m$number" pv "/srv/boot-1/initramfs-tools/$DOMAIN_RELEASE" \
			"root=9p:root,cache=loose,overlay systemd.hostname=m$number" 200
		domain_p9 "m$number" root=/srv/read-only
		domain_start "m$number"
	done
	for ((number = 0; number < count; number++)); do
		domain_says "m$number" "m$number login: " "$patience"
	done
}

# They are asked one after the other, when all have written
each_has_its_own()
{
	local number

	for ((number = 0; number < count; number++)); do
		domain_login "m$number" 10
		domain_tell "m$number" "echo of m$number >/etc/motd; sync; echo wrote \$?"
		domain_says "m$number" 'wrote 0' 300
	done
	for ((number = 0; number < count; number++)); do
		domain_tell "m$number" 'cat /etc/motd; systemctl is-system-running --wait; echo that is "all"'
		domain_says "m$number" 'that is all' "$patience"
		domain_said "m$number" | grep -x "of m$number"
		domain_said "m$number" | grep -x running
	done
}

tree_is_as_it_was()
{
	equal "$(tree)" "$(cat /tmp/tree)"
}

# Names, sizes and times of all that the tree has
tree()
{
	find "$root" -printf '%P %y %s %T@ %C@\n' | LC_ALL=C sort | sha256sum
}

domain_disk 1
tree >/tmp/tree
mkdir -p /srv/read-only
mount --bind "$root" /srv/read-only
mount -o remount,bind,ro /srv/read-only

plan 3
run_test "ten boot" all_boot
run_test "each has what it wrote" each_has_its_own
run_test "the tree is as it was" tree_is_as_it_was
domain_clean
umount /srv/read-only
finish
