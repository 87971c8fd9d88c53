#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A disk's backend that lies harms nobody but who uses that disk. Each lie of
# disk/hostile.py is told once, in a device of its own: what is read ends, with an
# error if need be and at the latest when the device goes, and the guest logs a line
# at most. All the while another disk of the guest is written to and verified.
#
# rig: kernel=lts,mainline when=spare boot=own timeout=1800

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/disk.sh"

hostile=$(dirname "$0")/../disk/hostile.py

# said WORD: what the backend says next
said()
{
	local line

	read -r -t 180 -u "$from" line || fail "the backend did not say '$1'"
	equal "$line" "$1" "the backend's word"
}

# gone: waits until the disk is, and prints how many lines the guest has logged of any
gone()
{
	guest 'for ((n = 0; n < 100; n++)); do
			[ -b /dev/xvdy ] || break
			sleep 0.1
		done
		[ ! -b /dev/xvdy ]
		dmesg | grep -c "the backend of xvdy" || true'
}

# Prints the status of what reads
read_some()
{
	# shellcheck disable=SC2016 # the guest's variable
	guest 'status=0
		timeout 30 dd if=/dev/xvdy of=/dev/null bs=64k count=8 iflag=direct 2>/run/read.log ||
			status=$?
		echo $status'
}

# The same, later
begin_to_read()
{
	guest 'rm -f /run/read.status
		(set +e; timeout 100 dd if=/dev/xvdy of=/dev/null bs=64k count=8 iflag=direct 2>/run/read.log
		echo $? >/run/read.status) </dev/null >/dev/null 2>&1 &'
}

read_ends()
{
	guest 'for ((n = 0; n < 300; n++)); do
			[ ! -e /run/read.status ] || break
			sleep 0.1
		done
		cat /run/read.status'
}

# begin NAME: a device that is honest yet; sets pid, from, to
begin()
{
	local vdev=$(((1 << 28) + (24 << 8)))

	coproc backend { exec "$hostile" "$domid" "$vdev" "$1"; }
	pid=$!
	exec {from}<&"${backend[0]}" {to}>&"${backend[1]}"
	# shellcheck disable=SC2064 # of this backend
	trap "kill $pid 2>/dev/null || true" EXIT
	said connected
}

# end: the device goes
end()
{
	exec {to}>&-
	# shellcheck disable=SC1083,SC2093 # bash's own way to close a coprocess's input
	exec {backend[1]}>&-
	wait "$pid"
}

# lie NAME ends|fails|waits|none
lie()
{
	local pid from to lines

	begin "$1"
	if [ "$2" != none ]; then
		appears xvdy
		guest 'echo 1000 >/sys/block/xvdy/queue/io_timeout'
	fi
	echo lie >&"$to"
	said lied
	case $2 in
	ends) equal "$(read_some)" 0 "status of what reads" ;;
	fails) equal "$(read_some)" 1 "status of what reads" ;;
	waits)
		begin_to_read
		sleep 3
		fails guest 'cat /run/read.status'
		;;
	esac
	end
	[ "$2" != waits ] || equal "$(read_ends)" 1 "status of what reads"
	lines=$(gone)
	[ "$lines" -le $((before + 1)) ] || fail "more than one line: $(guest dmesg | tail)"
	echo "$lines" >/tmp/lines
}

# What a program asks to be erased the backend is asked to, and one that has refused
# that is not asked again
erases()
{
	local pid from to

	begin erases
	appears xvdy
	guest 'blkdiscard --secure -l 64k /dev/xvdy
		if blkdiscard -l 64k /dev/xvdy; then
			echo "it was asked for a secure discard where a plain one was wanted"
			exit 1
		fi'
	echo lie >&"$to"
	said lied
	guest 'for n in 1 2; do
			if blkdiscard --secure -l 64k /dev/xvdy 2>/run/erase; then
				exit 1
			fi
			grep "not supported" /run/erase
		done
		dd if=/dev/xvdy of=/dev/null bs=64k count=8 iflag=direct'
	end
	equal "$(gone)" "$before" "lines in the guest's log"
}

is_removable()
{
	local pid from to

	begin removable
	appears xvdy
	equal "$(guest cat /sys/block/xvdy/removable)" 1 "removable"
	guest 'dd if=/dev/xvdy of=/dev/null bs=64k count=8 iflag=direct'
	end
	equal "$(gone)" "$before" "lines in the guest's log"
}

# write_beside_a_secret: 512 bytes, of a page of a program's that has more
write_beside_a_secret()
{
	guest 'python3 -c "
import mmap, os
page = mmap.mmap(-1, 4096)
page[:] = bytes(512) + 448 * b\"secret!!\"
disk = os.open(\"/dev/xvdy\", os.O_WRONLY | os.O_DIRECT)
assert os.writev(disk, [memoryview(page)[:512]]) == 512"'
}

# What lies beside the data in the guest's memory is seen by a backend that is trusted,
# which shows that the other one would, and by no other
shows_data_alone()
{
	local pid from to one

	for one in peeks=unseen peeks-trusted=seen; do
		begin "${one%=*}"
		appears xvdy
		echo lie >&"$to"
		said lied
		write_beside_a_secret
		said "${one#*=}"
		end
		equal "$(gone)" "$before" "lines in the guest's log"
	done
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
# As little as will do: it has the CPU that the backend has
load_start xvdc --thinktime=50000

lies=(
	honest=ends odd-status=fails twice=fails unknown-id=fails far-id=fails
	other-operation=fails no-operation=fails ahead=fails far-ahead=fails back=fails
	kept=fails storm=ends silence=waits closes=waits flickers=waits vanishes=waits
	sector-size-0=none sector-size-3=none sector-size-huge=none size-huge=none
	size-missing=none numbers-odd=ends queues-none=ends
)

plan $((${#lies[@]} + 4))
echo 0 >/tmp/lines
for one in "${lies[@]}"; do
	before=$(cat /tmp/lines)
	run_test "${one%=*}" lie "${one%=*}" "${one#*=}"
done
before=$(cat /tmp/lines)
run_test "secure discards, and a backend that does not know them after all" erases
run_test "a removable disk, of a number in virtual-device-ext" is_removable
run_test "who is not trusted is shown the data that are written, and nothing beside" shows_data_alone
run_test "another disk has not noticed" others_went_on

unplug xvdc
rig-guest shutdown d
disk_folder_end
finish
