#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an admin and the toolstack write to the backend's directory counts, all
# of it: options take effect, limits of xen_9pfsd lines are enforced or refused,
# and a device with anything that the backend does not know is closed and says
# why, to the guest as well.
#
# rig: kernel=mainline when=spare timeout=600

. "$(dirname "$0")/../lib/ktap.sh"

mkdir -p /srv/options/mount
chmod 777 /srv/options
mount -t tmpfs none /srv/options/mount
echo above >/srv/options/mount/file

guest()
{
	rig-guest exec o --timeout 60 -- bash -c "$1"
}

# backend TYPE NUMBER: a device's directory
backend()
{
	echo "/local/domain/0/backend/$1/$(rig-guest domid o)/$2"
}

# set_nodes NUMBER NODE=VALUE...: before the guest mounts
set_nodes()
{
	local number=$1 node

	shift
	for node; do
		xenstore-write "$(backend 9pfs "$number")/${node%%=*}" "${node#*=}"
	done
}

# refused TYPE NUMBER WORD...: not mounted, and each word stands in the error, in
# dom0's log and in the guest's
refused()
{
	local directory=${1}/${2} error word

	guest "mount -t 9p -o trans=xen,version=9p2000.L $1-$2 /mnt" >/tmp/refused 2>&1 &&
		fail "$1-$2 was to be refused"
	cat /tmp/refused
	grep -i refused /tmp/refused
	error=$(xenstore-read "$(backend "$1" "$2")/error")
	echo "$directory: $error"
	[ -n "$error" ]
	for word in "${@:3}"; do
		[[ $error = *"$word"* ]]
	done
	dmesg | grep -F "$error"
	guest 'dmesg' | grep -F "$error"
	[ "$(xenstore-read "$(backend "$1" "$2")/state")" -ge 5 ]
}

# mounted TYPE-NUMBER COMMAND [ACCESS]: runs it in the guest, in the mounted
# directory
mounted()
{
	guest "mkdir -p /mnt/$1; cd /mnt/$1
		until mountpoint -q /mnt/$1; do
			mount -t 9p -o trans=xen,version=9p2000.L,access=${3:-user} $1 /mnt/$1 ||
				sleep 0.5
		done
		cd /mnt/$1; $2"
}

limits_refused()
{
	refused xen_9pfs 8 "max-space=5 cannot be enforced" "project quota"
	refused xen_9pfs 9 "max-files=7 cannot be enforced" "project quota"
	refused xen_9pfs 10 "auto-delete=1 cannot be enforced"
}

open_files_limited()
{
	# shellcheck disable=SC2016 # the guest's variables
	mounted xen_9pfs-7 'for n in {1..30}; do exec {fd}>>open-$n || break; done
		echo "stopped at $n"' >/tmp/limited 2>&1
	cat /tmp/limited
	grep "Too many open files" /tmp/limited
	grep -x "stopped at 21" /tmp/limited
	rm /srv/options/open-*
}

unknown_refused()
{
	refused 9pfs 1 "red_only=1" "no option" "readonly" "crossmnt" "max_fids"
	refused 9pfs 2 "security_model=mapped" "none, passthrough, squash and server"
	refused 9pfs 3 "max_open=many" "numbers"
}

readonly_export()
{
	mounted 9pfs-4 'touch new 2>&1 || true' | grep "Read-only file system"
	# shellcheck disable=SC2016 # the guest's variables
	mounted 9pfs-4 '[ "$(cat mount/file)" = above ]'
	[ ! -e /srv/options/new ]
}

mounts_hidden()
{
	# shellcheck disable=SC2016 # the guest's variables
	mounted 9pfs-5 '[ -d mount ] && [ -z "$(ls mount)" ]'
}

# server_checks ACCESS: the guest's users are who they are in dom0, and in none of
# their groups but for what they make
server_checks()
{
	echo secret >/srv/options/secret
	echo ours >/srv/options/ours
	chgrp 3000 /srv/options/ours
	echo his >/srv/options/his
	chown 1000:1000 /srv/options/his
	chmod 600 /srv/options/secret /srv/options/his
	chmod 660 /srv/options/ours
	# shellcheck disable=SC2016 # the guest's variables
	mounted 9pfs-6 'as()
		{
			setpriv --reuid "$1" --regid "$2" --groups 3000 \
				bash -c "$3" || true
		}
		cat secret his ours
		as 1000 1000 "cat secret his ours; touch mine; chmod 640 mine"
		as 1000 3000 "cat ours; touch shared; chown 1001 mine; chgrp 3000 mine"
		as 1001 1001 "cat mine his; mv mine its; touch its"
		chown 1001:2002 its' "$1" >/tmp/checked 2>&1
	guest "umount /mnt/9pfs-6"
	cat /tmp/checked
	# Root reads all; of the others each what is his, whatever his groups
	equal "$(grep -x -e secret -e ours -e his /tmp/checked)" \
		"secret
his
ours
his"
	equal "$(grep -c 'secret: Permission denied' /tmp/checked)" 1
	equal "$(grep -c 'ours: Permission denied' /tmp/checked)" 2
	equal "$(grep -c 'mine: Permission denied' /tmp/checked)" 1
	equal "$(grep -c 'his: Permission denied' /tmp/checked)" 1
	equal "$(grep -c 'Operation not permitted' /tmp/checked)" 2
	equal "$(grep -c "'its': Permission denied" /tmp/checked)" 1
	equal "$(stat -c '%u %g %a' /srv/options/its)" "1001 2002 640"
	equal "$(stat -c '%u %g' /srv/options/shared)" "1000 3000"
	rm /srv/options/{secret,ours,his,its,shared}
}

plain()
{
	echo "--p9 tag=9pfs-$1,security_model=none,path=/srv/options"
}

limited()
{
	echo "--p9 type=xen_9pfsd,tag=xen_9pfs-$1,security_model=none,path=/srv/options,$2"
}

# libxl starts its own daemon unless somebody is there already
xenstore-write /local/domain/0/libxl/xen-9pfs/state running
# shellcheck disable=SC2046
rig-guest create o --front ours --back ours $(plain 0) $(plain 1) $(plain 2) \
	$(plain 3) $(plain 4) $(plain 5) $(plain 6) \
	$(limited 7 max-open-files=20) $(limited 8 max-space=5) \
	$(limited 9 max-files=7) $(limited 10 auto-delete=1)
set_nodes 1 red_only=1
set_nodes 2 security_model=mapped
set_nodes 3 max_open=many
set_nodes 4 readonly=1
set_nodes 5 crossmnt=0
set_nodes 6 security_model=server
guest 'modprobe 9pnet_xen; modprobe 9p'

plan 7
run_test "limits that cannot be enforced are refused" limits_refused
run_test "max-open-files is enforced" open_files_limited
run_test "unknown nodes and values are refused, and what is known is told" unknown_refused
run_test "readonly=1 refuses changes" readonly_export
run_test "crossmnt=0 hides what is mounted" mounts_hidden
run_test "security_model=server checks in dom0, with access=user" server_checks user
run_test "security_model=server checks in dom0, with access=client" \
	server_checks client
rig-guest shutdown o
umount /srv/options/mount
xenstore-rm /local/domain/0/libxl/xen-9pfs/state
finish
