#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ten domains live on one read-only root at once, with an overlay in memory each: all
# of them come up, each sees what it has written and nobody else does, and the root is
# as it was. Without an initramfs, and with a small program for init: ten systemds take
# an emulated CPU an hour.
#
# rig: kernel=9p dom0=mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=3600

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

count=10
# For ten to boot, on a busy host
patience=1200
root=/srv/boot-1/root

all_boot()
{
	local number

	for ((number = 0; number < count; number++)); do
		domain_config "m$number" pv "" "root=root rootfstype=9p ro init=/root/over \
			rootflags=trans=xen,version=9p2000.L,cache=loose" 128
		domain_p9 "m$number" root=/srv/read-only
		domain_start "m$number"
	done
	for ((number = 0; number < count; number++)); do
		domain_says "m$number" '^init: it is over' "$patience"
		domain_said "m$number" | grep '^root / overlay rw,'
	done
}

# They are asked one after the other, when all have written and taken something away
each_has_its_own()
{
	local number

	for ((number = 0; number < count; number++)); do
		domain_tell "m$number" "echo of m$number >/etc/motd; rm /etc/fstab; sync; echo wrote \$?"
		domain_says "m$number" '^wrote 0' "$patience"
	done
	for ((number = 0; number < count; number++)); do
		domain_tell "m$number" 'cat /etc/motd; ls /etc/fstab; wc -c </usr/bin/bash; echo that is "all"'
		domain_says "m$number" '^that is all' "$patience"
		domain_said "m$number" | grep -x "of m$number"
		domain_said "m$number" | grep "'/etc/fstab': No such file"
		domain_said "m$number" | grep -x "$(stat -c %s "$root/usr/bin/bash")"
	done
	equal "$(xl list | grep -c '^m[0-9] ')" "$count" "domains"
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
install -m 755 "$(dirname "$0")/../boot/over" "$root/root/over"
touch "$root/etc/fstab"
tree >/tmp/tree
mkdir -p /srv/read-only
mount --bind "$root" /srv/read-only
mount -o remount,bind,ro /srv/read-only

plan 3
run_test "ten are up at once" all_boot
run_test "each has what it wrote" each_has_its_own
run_test "the tree is as it was" tree_is_as_it_was
domain_clean
umount /srv/read-only
finish
