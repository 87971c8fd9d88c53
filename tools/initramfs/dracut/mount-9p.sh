#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dracut: mounts the root of root=9p:TAG. Before "mount", so that systemd finds it
# mounted and does not try.

# shellcheck source=/dev/null
command -v ismounted >/dev/null || . /lib/dracut-lib.sh
# shellcheck source=tools/initramfs/9p-root.sh
. /lib/9p-root.sh

p9_boot()
{
	p9_retry=$(getarg rd.retry=) && p9_patience=$p9_retry
	p9_parse "${root?}" "${rflags-}" && p9_await && p9_mount "${NEWROOT?}" ro
}

case ${root-} in
9p:*)
	ismounted "$NEWROOT" || until p9_boot; do
		p9_report | while read -r p9_line; do
			warn "$p9_line"
		done
		# A shell, or what rd.shell and rd.emergency say; whoever leaves the
		# shell tries again
		emergency_shell "9p: $p9_error"
	done
	;;
esac
