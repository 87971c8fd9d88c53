# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A 9pfs device as the toolstack makes one, for a domain that is there already:
# xl has no command for it. Each domain has one at most, number 0.

# p9_front DOMID: where it stands for the domain
p9_front()
{
	echo "/local/domain/$1/device/9pfs/0"
}

# p9_back DOMID [BACKEND-DOMID [KIND]]: where it stands for the backend, in dom0
# and of the kind 9pfs unless it is said otherwise
p9_back()
{
	echo "/local/domain/${2:-0}/backend/${3:-9pfs}/$1/0"
}

# p9_unplug BACK: as libxl asks for the end of a device, but for one that is Closed
# already, which it takes away at once
p9_unplug()
{
	xenstore-write "$1/online" 0
	[ "$(xenstore-read "$1/state")" = 6 ] || xenstore-write "$1/state" 5
}

# p9_plug TAG PATH DOMID [BACKEND-DOMID [KIND]]
p9_plug()
{
	local tag=$1 path=$2 domid=$3 server=${4:-0} front back

	front=$(p9_front "$domid")
	back=$(p9_back "$domid" "$server" "${5:-9pfs}")
	xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$domid" \
		"$back/path" "$path" "$back/security_model" none \
		"$front/backend" "$back" "$front/backend-id" "$server" "$front/tag" "$tag"
	xenstore-chmod -r "$back" "n$server" "r$domid"
	xenstore-chmod -r "$front" "n$domid" "r$server"
	xenstore-write "$back/online" 1 "$back/state" 1 "$front/state" 1
}

# p9_withdraw DOMID: take it away, and wait until the domain has noticed, by a command that
# the suite's function "in_shell COMMAND PATTERN" has it run
p9_withdraw()
{
	local back

	back=$(p9_back "$1")
	xenstore-rm "$(p9_front "$1")"
	in_shell 'while [ -e /sys/bus/xen/devices/9pfs-0 ]; do sleep 1; done; echo it is "gone"' \
		'it is gone'
	if xenstore-exists "$back"; then
		xenstore-rm "$back"
	fi
}
