#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a guest has cached is not taken for what dom0 has now: a file that dom0 has
# changed, with its size and times as before, has another qid.version, by which the
# client tells. So it is with cache=loose, where an inode is found again under another
# name, and with cache=fscache, where the data outlive the mount; what has not changed
# is read from there.
#
# rig: kernel=lts when=spare timeout=300

. "$(dirname "$0")/../lib/ktap.sh"

export=/srv/cached
size=300000

guest()
{
	rig-guest exec c --timeout 60 -- bash -euo pipefail -c "$1"
}

# change FILE: one byte of it, and none of its size and times
change()
{
	touch -r "$1" /tmp/times
	printf x | dd of="$1" bs=1 seek=1000 conv=notrunc status=none
	touch -r /tmp/times "$1"
}

# same FILE: the guest has what dom0 has
same()
{
	equal "$(guest "sha256sum </mnt/$1")" "$(sha256sum <"$export/$1")" "what the guest reads of $1"
}

bytes_read()
{
	cat "/sys/kernel/9p-server/9pback-$domid.0/bytes_read"
}

loose()
{
	head -c "$size" /dev/urandom >"$export"/f
	ln "$export/f" "$export/g"
	rig-guest mount c cached /mnt cache=loose
	same f
	change "$export/f"
	same g
	guest 'umount /mnt'
}

# What cachefilesd does, but for making room
start_cache()
{
	guest 'modprobe -a cachefiles loop ext4
		truncate -s 64M /run/cache.img; mkfs.ext4 -q /run/cache.img
		mkdir /run/cache; mount -o loop /run/cache.img /run/cache
		(exec 3<>/dev/cachefiles
		echo "dir /run/cache" >&3; echo bind >&3
		exec sleep 1000) </dev/null >/dev/null 2>/run/cache.log &
		echo $! >/run/cache.pid
		for ((n = 0; n < 100; n++)); do
			[ ! -d /run/cache/cache ] || exit 0
			sleep 0.1
		done
		cat /run/cache.log; exit 1'
}

# The cache is gone once nobody has its device open
end_cache()
{
	# shellcheck disable=SC2016 # the guest's
	guest 'pid=$(cat /run/cache.pid)
		kill "$pid"
		while [ -e "/proc/$pid" ]; do sleep 0.1; done
		umount /run/cache'
}

fscache()
{
	start_cache
	head -c "$size" /dev/urandom >"$export"/kept
	head -c "$size" /dev/urandom >"$export"/changed
	rig-guest mount c cached /mnt cache=fscache,cachetag=c
	same kept
	same changed
	guest 'umount /mnt'
	[ "$(guest 'find /run/cache/cache -size +500 | wc -l')" -ge 2 ] || fail "nothing was cached"
	change "$export/changed"
	rig-guest mount c cached /mnt cache=fscache,cachetag=c
	same kept
	[ "$(bytes_read)" -lt 10000 ] || fail "$(bytes_read) bytes were read again"
	same changed
	[ "$(bytes_read)" -ge "$size" ] || fail "only $(bytes_read) bytes were read"
	guest 'umount /mnt'
	end_cache
}

mkdir -p "$export"
rig-guest create c --front ours --back ours --p9 "tag=cached,security_model=none,path=$export"
domid=$(rig-guest domid c)

plan 2
run_test "an inode that cache=loose finds again" loose
run_test "data that cache=fscache has kept" fscache
rig-guest shutdown c
finish
