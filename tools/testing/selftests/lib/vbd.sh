# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Disks as the toolstack makes them, for a domain that is there already. xl can do
# that as well, in many times the time, and not for a QEMU that somebody else has
# started. KIND is vbd, a driver of dom0, or qdisk, QEMU.

# vbd_number VDEV: of a disk xvdX, what xenstore calls it
vbd_number()
{
	local letter

	printf -v letter '%d' "'${1#xvd}"
	echo $(((202 << 8) + (letter - 97) * 16))
}

# vbd_front DOMID VDEV: where it stands for the domain
vbd_front()
{
	echo "/local/domain/$1/device/vbd/$(vbd_number "$2")"
}

# vbd_back DOMID VDEV KIND [BACKEND-DOMID]: where it stands for the backend, in dom0
# unless it is said otherwise
vbd_back()
{
	echo "/local/domain/${4:-0}/backend/$3/$1/$(vbd_number "$2")"
}

# blkback_counter DOMID VDEV NAME: the sum of all its queues, of this project's backend
blkback_counter()
{
	awk -v "wanted=$3" '{ for (n = 1; n < NF; n++) if ($n == wanted) sum += $(n + 1) }
		END { print sum + 0 }' "/sys/kernel/debug/xen-blkback/$1.$(vbd_number "$2")/queues"
}

# blkback_kept DOMID VDEV: much was mapped, more than a ring of a page has slots for without
# indirect requests, none of it has been unmapped, and nothing was copied by Xen
blkback_kept()
{
	[ "$(blkback_counter "$1" "$2" maps)" -gt 352 ]
	equal "$(blkback_counter "$1" "$2" unmaps)" 0 "pages unmapped while they were in use"
	equal "$(blkback_counter "$1" "$2" copies)" 0 "copies by Xen"
}

# vbd_plug DOMID VDEV KIND DEVICE [GUEST]: DEVICE is a block device of dom0, or of a guest
# of the rig. Not with direct-io-safe, for which Debian's QEMU lacks what it needs
vbd_plug()
{
	local domid=$1 vdev=$2 kind=$3 device=$4 server=0 look=() front back

	if [ -n "${5:-}" ]; then
		server=$(rig-guest domid "$5")
		look=(rig-guest exec "$5" --)
	fi
	front=$(vbd_front "$domid" "$vdev")
	back=$(vbd_back "$domid" "$vdev" "$kind" "$server")
	xenstore-write "$back/frontend" "$front" "$back/frontend-id" "$domid" \
		"$back/dev" "$vdev" "$back/mode" w "$back/device-type" disk \
		"$back/removable" 0 "$back/type" phy "$back/discard-enable" 1 \
		"$back/params" "$([ "$kind" = vbd ] || echo aio:)$device" \
		"$back/physical-device" "$("${look[@]}" stat -L -c %t:%T "$device")" \
		"$back/hotplug-status" connected \
		"$front/backend" "$back" "$front/backend-id" "$server" \
		"$front/virtual-device" "$(vbd_number "$vdev")" "$front/device-type" disk
	xenstore-chmod -r "$back" "n$server" "r$domid"
	xenstore-chmod -r "$front" "n$domid" "r$server"
	xenstore-write "$back/online" 1 "$back/state" 1 "$front/state" 1
}

# vbd_unplug DOMID VDEV KIND [BACKEND-DOMID]: as libxl does, and waits until the backend
# has closed; QEMU then takes away what stood for it
vbd_unplug()
{
	local back tries

	back=$(vbd_back "$@")
	xenstore-write "$back/online" 0 "$back/state" 5
	for ((tries = 0; tries < 100; tries++)); do
		[ "$(xenstore-read "$back/state" 2>/dev/null || echo 6)" != 6 ] || break
		sleep 0.1
	done
	[ "$tries" -lt 100 ] || echo "the backend of $2 does not close" >&2
	xenstore-rm "$(vbd_front "$1" "$2")" "$back"
	[ "$tries" -lt 100 ]
}
