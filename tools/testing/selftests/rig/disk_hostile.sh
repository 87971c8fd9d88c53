#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A disk's backend that lies harms nobody but who uses that disk. Each lie of
# disk/hostile.py is told once, in a device of its own: what is read ends, with an
# error if need be and at the latest when the device goes, and the guest logs a line
# at most. All the while another disk of the guest is written to and verified.
#
# rig: kernel=lts,mainline when=named timeout=600

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/disk.sh"

hostile=$(dirname "$0")/../disk/hostile.py

# said WORD: what the backend says next
said()
{
	local line

	read -r -t 60 -u "$from" line || fail "the backend did not say '$1'"
	equal "$line" "$1" "the backend's word"
}

lines()
{
	guest 'dmesg | grep -c "the backend of xvdy" || true'
}

read_some()
{
	guest 'rm -f /run/read.status
		(set +e; timeout 100 dd if=/dev/xvdy of=/dev/null bs=64k count=8 iflag=direct 2>/run/read.log
		echo $? >/run/read.status) </dev/null >/dev/null 2>&1 &'
}

# read_ends SECONDS: prints its status
read_ends()
{
	guest "for ((n = 0; n < $1 * 10; n++)); do
			[ ! -e /run/read.status ] || break
			sleep 0.1
		done
		cat /run/read.status"
}

# lie NAME ends|fails|waits
lie()
{
	local vdev=$(((1 << 28) + (24 << 8))) before pid from to

	before=$(lines)
	coproc backend { exec "$hostile" "$domid" "$vdev" "$1"; }
	pid=$!
	exec {from}<&"${backend[0]}" {to}>&"${backend[1]}"
	# shellcheck disable=SC2064 # of this backend
	trap "kill $pid 2>/dev/null || true" EXIT
	said connected
	if [ "$2" != none ]; then
		guest 'for ((n = 0; n < 100; n++)); do
				[ ! -b /dev/xvdy ] || break
				sleep 0.1
			done
			echo 1000 >/sys/block/xvdy/queue/io_timeout'
	fi
	echo lie >&"$to"
	said lied
	case $2 in
	ends)
		read_some
		equal "$(read_ends 30)" 0 "status of what reads"
		;;
	fails)
		read_some
		equal "$(read_ends 30)" 1 "status of what reads"
		;;
	waits)
		read_some
		sleep 3
		fails guest 'cat /run/read.status'
		;;
	esac
	exec {to}>&-
	# shellcheck disable=SC1083,SC2093 # bash's own way to close a coprocess's input
	exec {backend[1]}>&-
	wait "$pid"
	[ "$2" != waits ] || equal "$(read_ends 30)" 1 "status of what reads"
	guest 'for ((n = 0; n < 100; n++)); do
			[ -b /dev/xvdy ] || exit 0
			sleep 0.1
		done
		exit 1'
	[ "$(lines)" -le $((before + 1)) ] || fail "more than one line: $(guest dmesg | tail)"
}

others_went_on()
{
	load_moves xvdc
	load_end
}

disk_folder 400m
rig-guest create d --blk-front ours --no-p9 --vcpus 2 --memory 320 \
	--append xen_blkfront.max_queues=1
domid=$(rig-guest domid d)
disk=$(disk_file a 48M)
plug xvdc "$disk"
load_start xvdc

lies=(
	honest=ends odd-status=fails twice=fails unknown-id=fails far-id=fails
	other-operation=fails no-operation=fails ahead=fails far-ahead=fails back=fails
	kept=fails storm=ends silence=waits closes=waits flickers=waits vanishes=waits
	sector-size-0=none sector-size-3=none sector-size-huge=none size-huge=none
	size-missing=none numbers-odd=ends queues-none=ends
)

plan $((${#lies[@]} + 1))
for one in "${lies[@]}"; do
	run_test "${one%=*}" lie "${one%=*}" "${one#*=}"
done
run_test "another disk has not noticed" others_went_on

rig-guest shutdown d
finish
