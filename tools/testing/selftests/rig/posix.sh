#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A directory owes a program the same, wherever it is: the cases of posix/ on
# dom0's ext4 and tmpfs, where all of them pass, and in a guest on 9P in each
# cache mode of the client, where all pass but those that posix/known lists with
# their reasons. What is changed underneath is changed through a second mount.
#
#   dom0: ext4, tmpfs          guest: /mnt, cache=none, mmap, loose
#     /srv/posix ------------------>  /other, cache=none
#     /srv/posix/small of 160 KiB
#     /srv/posix/quota with a limit for user 1001
#
# rig: kernel=lts,mainline when=spare timeout=1500

. "$(dirname "$0")/../lib/ktap.sh"

posix=/rig/posix/posix
# Of the kernels that differ: those that the rig builds are of mainline's source
source=mainline
[ "$RIG_KERNEL" != lts ] || source=lts
top=/srv/posix
ext4=/srv/posix-ext4

# An ext4 in a file, mounted: DIR SIZE OPTIONS [WORD-FOR-MKFS...]
make_ext4()
{
	local dir=$1 size=$2 options=$3 image=/tmp/${1//\//-}.img
	shift 3

	mkdir -p "$dir"
	truncate -s "$size" "$image"
	mkfs.ext4 -q -m 0 -b 4096 "$@" "$image"
	mount -o "loop,$options" "$image" "$dir"
}

# What the cases want beneath a directory
make_beneath()
{
	mkdir "$1/small"
	mount -t tmpfs -o size=160k,nr_inodes=30 small "$1/small"
	make_ext4 "$1/quota" 16m usrquota -O quota -E quotatype=usrquota
	/rig/posix/set-quota.py "$(findmnt -no SOURCE "$1/quota")" 1001 100
	chmod 755 "$1" "$1/small" "$1/quota"
}

guest()
{
	rig-guest exec p --timeout 600 -- "$@"
}

# mount_9p TAG DIR CACHE: the client asks again every second for a lock that the
# server has not given, not every 30 seconds: it wakes who waits for one before it
# has told the server that the lock is free, and then comes too early
mount_9p()
{
	rig-guest mount p "$1" "$2" \
		"msize=131072,access=client,posixacl,locktimeout=1,cache=$3"
}

# results MODE COMMAND...: its results become this suite's
results()
{
	local mode=$1 line name seen=0 began=$SECONDS
	shift

	while IFS= read -r line; do
		name=${line#*ok * }
		case $line in
		"ok "*" # SKIP "*) skip "$mode: ${name%% # *}" "${name##* # SKIP }" ;;
		"ok "*) ok "$mode: $name" ;;
		"not ok "*) not_ok "$mode: $name" ;;
		"# "*) echo "$line"; continue ;;
		*) continue ;;
		esac
		seen=$((seen + 1))
	done < <("$@" 2>&1)
	diag "$mode took $((SECONDS - began)) s"
	while [ "$seen" -lt "$cases" ]; do
		seen=$((seen + 1))
		not_ok "$mode: case $seen never ended"
	done
}

# control MODE DIR ENTRIES
control()
{
	mkdir -p "/tmp/view-$1"
	mount --bind "$2" "/tmp/view-$1"
	results "$1" "$posix" -k /rig/posix/known -m "$1@$source" -o "/tmp/view-$1" \
		-s small -q quota -n "$3" "$2"
	umount "/tmp/view-$1"
}

# remote MODE
remote()
{
	mount_9p posix /mnt "$1"
	results "cache=$1" guest "$posix" -k /rig/posix/known -m "$1@$source" \
		-o /other -s small -q quota -n 50 /mnt
	guest umount /mnt
}

modprobe -a loop quota_v2 || true
mkdir -p "$top"
mount -t tmpfs posix "$top"
make_beneath "$top"
make_ext4 "$ext4" 200m rw
make_beneath "$ext4"
cases=$("$posix" -l | wc -l)

plan $((cases * 5))
rig-guest create p --front ours --back ours --vcpus 1 \
	--p9 "tag=posix,security_model=none,path=$top" \
	--p9 "tag=other,security_model=none,path=$top"
mount_9p other /other none
remote none
remote mmap
remote loose
guest umount /other
rig-guest shutdown p
control ext4 "$ext4" 500
control tmpfs "$top" 1000
umount -R "$top" "$ext4"
rm -f /tmp/-srv-posix*
finish
