#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A backend that lies harms nobody but the mount that it serves. Each lie of
# hostile/lies.c is told to a guest once, in a device of its own: the guest logs a
# line at most, every operation ends, with EIO if need be, who is in one that never
# does can be killed, unmounting works, and the same device can be mounted again
# once its backend is honest. All the while another mount of the guest is in use,
# which our own backend serves. The liar in turn looks at all that it is shown: the
# pages of the rings hold indices, references and messages, and else zeroes.
#
# rig: kernel=lts,mainline when=spare boot=own timeout=1800

. "$(dirname "$0")/../lib/ktap.sh"

hostile=/rig/hostile/hostile

guest()
{
	rig-guest exec h --timeout 120 -- "$@"
}

# said WORD: what the backend says, up to that word
said()
{
	local line

	while read -r -t 60 -u "$from" line; do
		[ "$line" != "$1" ] || return 0
		echo "backend: $line"
	done
	fail "the backend did not get to '$1'"
}

# remove_device NUMBER PID: what a test that failed leaves
remove_device()
{
	kill "$2" 2>/dev/null || true
	xenstore-rm "/local/domain/$domid/device/9pfs/$1" 2>/dev/null || true
	xenstore-rm "/local/domain/0/hostile/$domid/$1" 2>/dev/null || true
}

# lie NUMBER NAME OUTCOME LINES
lie()
{
	coproc backend { exec "$hostile" serve "$domid" "$1" "$2"; }
	local pid=$! from to

	# Its own are closed as soon as it ends
	exec {from}<&"${backend[0]}" {to}>&"${backend[1]}"

	# shellcheck disable=SC2064 # the number of this device
	trap "remove_device $1 $pid" EXIT
	said offered
	guest "$hostile" visit "$1" "$3" "$4"
	echo again >&"$to"
	said offered
	guest "$hostile" visit "$1" again 0
	echo end >&"$to"
	said ended
	wait "$pid"
}

# The mount that our backend serves
others_went_on()
{
	guest touch /run/enough
	for _ in {1..200}; do
		[ ! -e /tmp/carrier-status ] || break
		sleep 0.1
	done
	cat /tmp/carried
	equal "$(cat /tmp/carrier-status)" 0 "status"
}

mkdir -p /srv/hostile
rig-guest create h --front ours --back ours --vcpus 2 \
	--p9 'tag=honest,security_model=none,path=/srv/hostile'
rig-guest mount h honest /mnt
domid=$(rig-guest domid h)
rm -f /tmp/carrier-status
{
	rig-guest exec h --timeout 5000 -- "$hostile" carry /mnt /run/enough && status=0 || status=$?
	echo "$status" >/tmp/carrier-status
} >/tmp/carried 2>&1 &

"$hostile" list >/tmp/lies
plan $(($(wc -l </tmp/lies) + 1))
number=10
while read -r -u 3 name outcome lines; do
	run_test "$name: $outcome" lie "$number" "$name" "$outcome" "$lines"
	number=$((number + 1))
done 3</tmp/lies
run_test "another mount of the guest went on" others_went_on
diag "the other mount: $(cat /tmp/carried)"
rig-guest shutdown h
finish
