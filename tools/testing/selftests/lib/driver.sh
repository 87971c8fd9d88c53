#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in dom0: the suites that /rig/plan lists, one after the other, each
# within its time, and between them puts dom0 back into the state that it
# found. What a suite prints is framed by lines that begin with the plan's
# token, from which the runner on the host knows whose it is.
#
# A line of the plan: TOKEN NUMBER SUITE SECONDS GUEST-TYPE FRONTEND. None begins after
# the time in /rig/latest, in seconds since 1970, of which dom0's clock knows.

set -euo pipefail

add=${RIG_ADD:-/rig}

# The guests' names that a suite left; ends them
end_guests()
{
	local name left=

	for name in $(rig-guest list | cut -d ' ' -f 1); do
		left+=" $name"
		rig-guest destroy "$name" >&2 || true
	done
	echo "${left# }"
}

# Domains other than dom0, dying ones too
other_domains()
{
	xl list | awk 'NR > 1 && $1 != "Domain-0" { printf "%s%s", sep, $1 " (" $2 ")"; sep = ", " }'
}

# Unmount what a suite mounted in or under the export, and empty that
clean_export()
{
	local export=$RIG_EXPORT path

	awk -v under="$export/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo |
		sort -r | while read -r path; do
			umount -l "$path" || true
		done
	find "$export" -mindepth 1 -delete
}

# run_suite NUMBER SUITE SECONDS GUEST-TYPE FRONTEND
run_suite()
{
	local number=$1 suite=$2 seconds=$3 status=0 session guests domains
	local pid_file=/run/suite.pid

	echo "@$token begin $number"
	echo "selftests: $suite begins ($4, $5)" > /dev/kmsg
	rm -f "$pid_file"
	# A session of its own, so that nothing of it outlives the suite
	# shellcheck disable=SC2016 # for the inner shell to expand
	RIG_TYPE=$4 RIG_FRONT=$5 setsid --wait bash -c \
		'echo $$ > "$1"; exec timeout --foreground -k 10 "$2" bash "$3"' \
		suite "$pid_file" "$seconds" "$add/rig/$suite.sh" 2>&1 < /dev/null ||
		status=$?
	session=$(cat "$pid_file")
	pkill -KILL -s "$session" || true
	if [ -n "$RIG_XEN" ]; then
		guests=$(end_guests)
		[ -z "$guests" ] ||
			echo "# $suite left the guests: $guests; they are destroyed"
		domains=$(other_domains)
		[ -z "$domains" ] ||
			echo "@$token left $number domains that do not go away: $domains"
	fi
	clean_export || echo "@$token left $number something in $RIG_EXPORT that cannot be removed"
	# shellcheck disable=SC2086 # several modules
	[ -z "$RIG_MODULES" ] || modprobe -a $RIG_MODULES ||
		echo "@$token left $number a dom0 that cannot load $RIG_MODULES again"
	case $status in
	124|137) echo "@$token end $number timeout" ;;
	*) echo "@$token end $number $status" ;;
	esac
	echo "selftests: $suite ended with $status" > /dev/kmsg
}

latest=$(cat "$add/latest")
while read -r -u 3 token number suite seconds type front; do
	if [ "$EPOCHSECONDS" -gt "$latest" ]; then
		echo "@$token late $number"
		continue
	fi
	run_suite "$number" "$suite" "$seconds" "$type" "$front"
done 3< "$add/plan"
