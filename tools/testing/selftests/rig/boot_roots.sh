#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot from 9P on other roots, by initramfs-tools and by dracut, in PVH domains: on an
# overlay in memory, which keeps what is written from the tree, and on a root that stays
# read-only. And a command line with a mistake, where there is to be no shell. A small
# program stands for init.
#
# rig: kernel=lts,mainline args=--guest-root,--dom0-vcpus=1 when=spare timeout=2400

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/domain.sh"
trap domain_clean EXIT

# Of a boot, on a busy host
patience=600

# domain NAME TYPE MAKER WORDS
domain()
{
	domain_config "$1" "$2" "/srv/boot-1/$3/$DOMAIN_RELEASE" "$4 init=/root/init" 320
	domain_p9 "$1" "root=$root"
	domain_start "$1"
}

# overlay_is_the_root MAKER: nothing that init writes reaches the tree
overlay_is_the_root()
{
	domain "over-$1" pvh "$1" root=9p:root,overlay
	domain_ran_init "over-$1" "$patience" '^overlay / overlay rw,'
	domain_said "over-$1" | grep '^init: the root can be written'
	[ ! -e "$root/root/written" ]
}

# root_is_read_only MAKER: as it is to be without "rw", until somebody mounts it again
root_is_read_only()
{
	domain "ro-$1" pvh "$1" 'root=9p:root ro'
	domain_ran_init "ro-$1" "$patience" '^root / 9p ro,'
	fails grep '^init: the root can be written' <<<"$(domain_said "ro-$1")"
	[ ! -e "$root/root/written" ]
}

option_is_misspelt()
{
	domain option pv dracut 'root=9p:root,cash=loose rd.shell=0'
	domain_gone option "$patience"
	domain_says option "there is no option 'cash=loose'" 1
}

domain_disk 1
root=/srv/boot-1/root
install -m 755 "$(dirname "$0")/../boot/init" "$root/root/init"

plan 5
for maker in initramfs-tools dracut; do
	run_test "an overlay is the root, by $maker" overlay_is_the_root "$maker"
	run_test "the root stays read-only, by $maker" root_is_read_only "$maker"
done
run_test "an option that is misspelt, and no shell: dracut ends the domain" option_is_misspelt
finish
