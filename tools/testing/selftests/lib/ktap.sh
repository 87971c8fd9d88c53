# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What suites print, in KTAP. A suite that runs in dom0 looks like this:
#
#   #!/bin/bash
#   # SPDX-License-Identifier: GPL-2.0
#   #
#   # What this proves, and why that matters.
#   #
#   # rig: kernel=lts,mainline guest=pv
#
#   . "$(dirname "$0")/../lib/ktap.sh"
#
#   reads_back()
#   {
#           ...any command that fails makes the test fail
#   }
#
#   plan 1
#   run_test "what is written can be read" reads_back
#   finish
#
# errexit is on, in tests as well; mind that it does not see "! COMMAND": say
# "fails COMMAND" instead.

set -euo pipefail

KTAP_PLANNED=-1
KTAP_SEEN=0
KTAP_FAILED=0
KTAP_EXCUSE=$(mktemp)

# plan COUNT: how many results will come
plan()
{
	KTAP_PLANNED=$1
	echo "KTAP version 1"
	echo "1..$1"
}

# skip_all WHY: this suite cannot run here, at all
skip_all()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

diag()
{
	local line

	while IFS= read -r line || [ -n "$line" ]; do
		printf '# %s\n' "$line"
	done <<< "$*"
}

# ok NAME
ok()
{
	KTAP_SEEN=$((KTAP_SEEN + 1))
	echo "ok $KTAP_SEEN $1"
}

# not_ok NAME [WHY]
not_ok()
{
	KTAP_SEEN=$((KTAP_SEEN + 1))
	KTAP_FAILED=$((KTAP_FAILED + 1))
	[ -z "${2:-}" ] || diag "$2"
	echo "not ok $KTAP_SEEN $1"
}

# skip NAME WHY
skip()
{
	KTAP_SEEN=$((KTAP_SEEN + 1))
	echo "ok $KTAP_SEEN $1 # SKIP $2"
}

# run_test NAME COMMAND...: a test that passes if every command of COMMAND, a
# program or a function, succeeds. It runs in a subshell with errexit on, so
# that variables which it sets are gone afterwards. What it prints is shown if
# it fails. A test that fails with an excuse() counts as skipped.
run_test()
{
	local name=$1 status log
	shift

	log=$(mktemp)
	: > "$KTAP_EXCUSE"
	diag "running: $name"
	set +e
	# Not a condition, where errexit would be off
	(set -euo pipefail; "$@") > "$log" 2>&1 < /dev/null
	status=$?
	set -e
	if [ "$status" = 0 ]; then
		ok "$name"
	elif [ -s "$KTAP_EXCUSE" ]; then
		skip "$name" "$(tr '\n' ' ' < "$KTAP_EXCUSE")"
	else
		diag "$(tail -n 60 "$log")"
		diag "status $status"
		not_ok "$name"
	fi
	rm -f "$log"
}

# excuse WHY: for use in a test that fails by no fault of what it tests
excuse()
{
	echo "$*" > "$KTAP_EXCUSE"
	exit 1
}

# fails COMMAND...: for use in a test, a command that must not succeed
fails()
{
	local status=0

	("$@") || status=$?
	[ "$status" != 0 ] || fail "this was to fail and did not: $*"
}

# fail WHY...: for use in a test
fail()
{
	echo "$*" >&2
	exit 1
}

# equal FOUND WANTED [WHAT]: for use in a test
equal()
{
	[ "$1" = "$2" ] || fail "${3:-value}: found '$1', wanted '$2'"
}

# finish: the end of a suite
finish()
{
	rm -f "$KTAP_EXCUSE"
	if [ "$KTAP_SEEN" != "$KTAP_PLANNED" ]; then
		diag "$KTAP_PLANNED results were announced, $KTAP_SEEN came"
		exit 1
	fi
	[ "$KTAP_FAILED" = 0 ] || exit 1
	exit 0
}
