# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Guests that have all their files in memory, and so no disk that they need: for
# suites that exchange the drivers of disks under them.

# memory_root ARCHIVE PROGRAM|FILE...: makes what "rig-guest create --root" takes, of these
# programs and files, the libraries that they want, and what each guest of the rig has.
# What lies under /run/rig/add appears at /rig, as ever.
memory_root()
{
	local archive=$1 stage one folder
	local -a paths=()
	shift

	stage=$(mktemp -d)
	mkdir -p "$stage/root"/{dev,proc,sys,tmp,mnt,rig,run/rig/add}
	for folder in bin sbin lib lib64; do
		mkdir -p "$stage/root/usr/$folder"
		ln -s "usr/$folder" "$stage/root/$folder"
	done
	cp -r /run/rig/machine "$stage/root/run/rig"
	# By the first it is shut down, by the second it is seen that its agent answers, and
	# the third is the locale that it runs programs in
	for one in poweroff true /usr/lib/locale/C.utf8/* "$@"; do
		[[ $one == */* ]] || one=$(type -P "$one")
		paths+=("$one")
	done
	{
		printf '%s\n' "${paths[@]}"
		# Of what is no program, or a static one, it finds none, and says so
		{ ldd "${paths[@]}" 2>/dev/null || true; } | grep '^	' | grep -o '/[^ ]*'
	} | sort -u | xargs cp -Lr --parents -t "$stage/root"
	(cd "$stage" && find root -print0 | cpio --quiet -0 -o -H newc) >"$archive"
	rm -rf "$stage"
}
