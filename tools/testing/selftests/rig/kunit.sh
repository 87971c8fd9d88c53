#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The KUnit suites of the modules, each loaded in dom0: every case is a test
# here. A module that does not load or has no suite, a suite that ends early and
# a case that fails are failures. Debian's kernels have no KUnit.
#
# rig: kernel=lockdep when=spare timeout=600
# rig: kernel=debug args=--no-xen timeout=600

. "$(dirname "$0")/../lib/ktap.sh"

debugfs=/sys/kernel/debug/kunit
results=$(mktemp)

# result ok|not_ok|skip NAME [REMARK]: remembered, since the plan comes first
result()
{
	printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$results"
}

suites()
{
	find "$debugfs" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}

# Reads what a suite has reported: its cases stand one step in, the values of a
# case's parameters two. Its name goes before theirs.
read_suite()
{
	awk -v suite="$1" '
	/^    1\.\.[0-9]+$/ { planned = substr($1, 4) }
	/^    (not )?ok [0-9]+ / {
		seen++
		outcome = /^    not/ ? "not_ok" : / # SKIP/ ? "skip" : "ok"
		name = $0
		sub(/^    (not )?ok [0-9]+ (- )?/, "", name)
		remark = name
		if (!sub(/^[^#]*# (SKIP ?)?/, "", remark))
			remark = ""
		sub(/ *#.*/, "", name)
		print outcome "\t" suite ": " name "\t" remark
	}
	/^(not )?ok 1 / { ended = 1 }
	END {
		if (!ended || !planned || seen != planned)
			print "not_ok\t" suite ": the suite as a whole\t" \
				"planned " planned + 0 " cases, " seen + 0 " came"
	}' "$debugfs/$1/results" >>"$results"
}

# Why a module cannot be loaded here, if that is no fault
not_here()
{
	case $1 in
	9pnet_xen_kunit|xen_9pback_kunit|xen_blkfront_kunit|xen_blkback_kunit)
		[ -e /sys/hypervisor/type ] || echo "its drivers need Xen" ;;
	esac
}

run_module()
{
	local module=$1 why suite before seen=

	why=$(not_here "$module")
	if [ -n "$why" ]; then
		result skip "$module loads" "$why"
		return
	fi
	before=$(suites)
	if ! modprobe "$module"; then
		result not_ok "$module loads" "modprobe failed"
		return
	fi
	for suite in $(comm -13 <(echo "$before") <(suites)); do
		seen=1
		if grep -q 'not ok' "$debugfs/$suite/results"; then
			diag "$(cat "$debugfs/$suite/results")"
		fi
		read_suite "$suite"
	done
	if ! modprobe -r "$module"; then
		result not_ok "$module loads" "it cannot be unloaded"
	elif [ -z "$seen" ]; then
		result not_ok "$module loads" "it has no suite"
	else
		result ok "$module loads"
	fi
}

[ -d "$debugfs" ] || skip_all "the kernel has no KUnit, or does not show its results"

modules=$(find "/lib/modules/$(uname -r)" -name '*_kunit.ko*' -printf '%f\n' |
	sed 's/\.ko.*//; s/-/_/g' | sort)
[ -n "$modules" ] || result not_ok "there are KUnit modules" "none for $(uname -r)"
# Guests' disks come from the kernel's own; there are no guests now
[ ! -e /sys/hypervisor/type ] || disk-backend ours
for module in $modules; do
	run_module "$module"
done
[ ! -e /sys/hypervisor/type ] || disk-backend stock

plan "$(wc -l <"$results")"
while IFS=$'\t' read -r outcome name remark; do
	case $outcome in
	ok) ok "$name" ;;
	skip) skip "$name" "$remark" ;;
	*) not_ok "$name" "$remark" ;;
	esac
done <"$results"
finish
