#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Either half of the block pair works with what others have: this frontend and
# upstream's, on this backend, upstream's and QEMU's, with one ring or two, of one page
# or 16, with pages that stay mapped or not, with indirect requests or not, and with
# sectors of either size; upstream's two together are the control. In each cell a guest
# is given a disk, writes and verifies, discards and flushes; dom0 then finds the
# same bytes, and the disk is unplugged.
#
# Not all combinations, but each two values of each two columns meet in one of the
# cells, which the first test proves of the table below.
#
# One guest is enough, which has its root in memory: disks, backends and the
# frontends' modules come and go.
#
# rig: kernel=mainline timeout=1200
# rig: kernel=lts when=spare timeout=1200

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/memory.sh"
. "$(dirname "$0")/../lib/vbd.sh"

shopt -s extglob
columns=(frontend backend queues order persistent indirect sectors)
cells=(
	"ours     ours     2 4 on  on  512"
	"upstream ours     2 0 off off 4096"
	"upstream ours     1 4 on  on  512"
	"ours     upstream 1 4 on  off 4096"
	"ours     upstream 1 0 off on  512"
	"upstream upstream 2 0 on  on  4096"
	"ours     qdisk    1 0 off off 512"
	"upstream qdisk    1 4 off off 512"
)
# What QEMU does not offer, whatever a frontend would take; of any disk it says that its
# sectors have 512 bytes, and nothing in xenstore makes it say otherwise
impossible=("backend=qdisk queues=2" "backend=qdisk persistent=on" "backend=qdisk indirect=on"
	    "backend=qdisk sectors=4096")

# Those that a PVH guest has, whose emulation takes ten times as long
of_pvh=(0 1 3 6)

size=16M
folder=/srv/disk-interop
vdev=xvdc

# pairs_of CELL: each two columns of it with their values, a line each
pairs_of()
{
	local values i j

	read -r -a values <<<"$1"
	for ((i = 0; i < ${#values[@]}; i++)); do
		for ((j = i + 1; j < ${#values[@]}; j++)); do
			echo "${columns[i]}=${values[i]} ${columns[j]}=${values[j]}"
		done
	done
}

# Each two values of two columns, of those that the table has at all
wanted_pairs()
{
	local cell values i j a b
	local -A seen=()

	for cell in "${cells[@]}"; do
		read -r -a values <<<"$cell"
		for i in "${!columns[@]}"; do
			[[ " ${seen[$i]:-} " == *" ${values[i]} "* ]] || seen[$i]+=" ${values[i]}"
		done
	done
	for i in "${!columns[@]}"; do
		for ((j = i + 1; j < ${#columns[@]}; j++)); do
			for a in ${seen[$i]}; do
				for b in ${seen[$j]}; do
					echo "${columns[i]}=$a ${columns[j]}=$b"
				done
			done
		done
	done
}

each_pair_occurs()
{
	local cell

	for cell in "${cells[@]}"; do
		pairs_of "$cell"
	done | sort -u >/tmp/found
	wanted_pairs | grep -v -x -F -f <(printf '%s\n' "${impossible[@]}") | sort -u >/tmp/wanted
	[ "$(wc -l </tmp/wanted)" -gt 80 ]
	diff /tmp/found /tmp/wanted
}

# use_back ours|upstream|qdisk
use_back()
{
	case $1 in
	ours|upstream)
		disk-backend "${1/upstream/stock}"
		# It is as many as dom0 has CPUs, else
		echo 2 >/sys/module/xen_blkback/parameters/max_queues
		;;
	qdisk)
		/usr/libexec/xen-qemu-system-i386 -xen-domid "$domid" -xen-attach \
			-name i -nographic -vga none -nic none -M xenpv -m 256 \
			-monitor none -serial none -parallel none \
			</dev/null >/tmp/qemu.log 2>&1 &
		qemu=$!
		;;
	esac
}

# node FRONT|BACK NAME OTHERWISE: of what an end had in xenstore
node()
{
	local name value

	while read -r name _ value; do
		if [ "$name" = "$2" ]; then
			value=${value#\"}
			echo "${value%%\"*}"
			return
		fi
	done <"/tmp/$1"
	echo "$3"
}

# agreed QUEUES ORDER PERSISTENT INDIRECT: what the two have, they have agreed on
agreed()
{
	local persistent=off indirect=off segments

	equal "$(node front multi-queue-num-queues 1)" "$1" queues
	equal "$(node front ring-page-order 0)" "$2" "the ring's order"
	[ "$(node front feature-persistent 0)$(node back feature-persistent 0)" != 11 ] || persistent=on
	equal "$persistent" "$3" "persistent grants"
	segments=${said[0]#*segments=}
	segments=${segments%% *}
	[ "$segments" -le 11 ] || indirect=on
	equal "$indirect" "$4" "indirect requests, of $segments segments"
}

# Flushes and discards have come to a backend that counts them
counted()
{
	local statistics

	statistics=/sys/devices/vbd-$domid-$(vbd_number "$vdev")/statistics
	[ "$(<"$statistics/f_req")" -ge 2 ] || fail "the backend has seen too few flushes"
	[ "$(<"$statistics/ds_req")" -ge 1 ] || fail "the backend has seen no discard"
}

# Of a single queue, too, unless somebody asks for a scheduler
unscheduled()
{
	rig-guest exec i -- cat "/sys/block/$vdev/queue/scheduler" | grep -F '[none]'
}

# This frontend uses no more pages at a time than stay mapped, however much there is to do
stays_mapped()
{
	rig-guest exec i --timeout 120 -- fio --name=large --filename="/dev/$vdev" --direct=1 \
		--rw=read --bs=1M --size="$size" --loops=4 --iodepth=32 --ioengine=libaio \
		--thread --cpus_allowed=0 --output=/dev/null
	blkback_kept "$domid" "$vdev"
}

# work FRONT BACK QUEUES ORDER PERSISTENT INDIRECT SECTOR KIND
work()
{
	local parameters=(max_queues=2 "max_ring_page_order=$4" feature_persistent=Y
			  max_indirect_segments=64)

	if [ "$8" = vbd ]; then
		parameters[0]=max_queues=$3
		[ "$5" = on ] || parameters[2]=feature_persistent=N
		[ "$6" = on ] || parameters[3]=max_indirect_segments=0
	fi
	rig-guest exec i --timeout 120 -- /rig/disk/visit "$vdev" "$7" "${fronts[$1]}" \
		"${parameters[@]}" >/tmp/visit || { cat /tmp/visit; return 1; }
	cat /tmp/visit
	mapfile -t said </tmp/visit
	xenstore-ls "$(vbd_front "$domid" "$vdev")" >/tmp/front
	xenstore-ls "$(vbd_back "$domid" "$vdev" "$8")" >/tmp/back
	agreed "$3" "$4" "$5" "$6"
	equal "${said[0]/segments=+([0-9]) /}" "size=32768 sector=$7 cache=write back" "the disk"
	[ "$8" = qdisk ] || counted
	[ "$1" != ours ] || unscheduled
	[ "$1 $2 $5 $6" != "ours ours on on" ] || stays_mapped
	equal "$(md5sum <"$folder/$7")" "${said[1]}" "the disk's sum, in dom0"
}

# QEMU says InitWait, and then what it offers: a frontend that was waiting for it has a
# ring of one page
qemu_has_offered()
{
	local _

	for _ in {1..100}; do
		if xenstore-read "$(vbd_back "$domid" "$vdev" qdisk)/max-ring-page-order"; then
			return
		fi
		sleep 0.1
	done
	fail "QEMU offers nothing: $(tail -n 3 /tmp/qemu.log)"
}

# cell FRONT BACK QUEUES ORDER PERSISTENT INDIRECT SECTOR
cell()
{
	local kind=vbd

	[ "$2" != qdisk ] || kind=qdisk
	# shellcheck disable=SC2064 # of this cell
	trap "vbd_unplug $domid $vdev $kind" EXIT
	# Which it could not if it still had a disk
	rig-guest exec i -- bash -c '[ ! -d /sys/module/xen_blkfront ] || rmmod xen_blkfront'
	vbd_plug "$domid" "$vdev" "$kind" "${loops[$7]}"
	[ "$kind" = vbd ] || qemu_has_offered
	work "$@" "$kind"
}

case $RIG_KERNEL in
lts|mainline) ;;
*) skip_all "the rig's own kernels have no frontend and backend of upstream's to exchange" ;;
esac
release=$(uname -r)
declare -A fronts=(
	[ours]=$(find "/run/rig/modules/$release" -name xen-blkfront.ko)
	[upstream]=$(find "/lib/modules/$release/kernel" -name xen-blkfront.ko)
)
mkdir -p $folder
mount -t tmpfs -o size=64M disk-interop $folder
declare -A loops=()
for sector in 512 4096; do
	truncate -s "$size" "$folder/$sector"
	loops[$sector]=$(losetup --find --show --sector-size "$sector" "$folder/$sector")
done
memory_root /tmp/root bash fio blkdiscard insmod rmmod dd cmp head md5sum cat sleep \
	/run/rig/add/disk/visit "${fronts[@]}"
rig-guest create i --type "$RIG_TYPE" --vcpus 2 --memory 400 --no-p9 --front upstream --root /tmp/root
domid=$(rig-guest domid i)
back=

chosen=("${!cells[@]}")
[ "$RIG_TYPE" = pv ] || chosen=("${of_pvh[@]}")
plan $((${#chosen[@]} + 1))
run_test "each two values of two columns meet in a cell" each_pair_occurs
for number in "${chosen[@]}"; do
	read -r -a words <<<"${cells[number]}"
	[ "${words[1]}" = "$back" ] || use_back "${words[1]}"
	back=${words[1]}
	run_test "${words[0]} frontend, $back backend, queues ${words[2]}, order ${words[3]}, persistent ${words[4]}, indirect ${words[5]}, sectors ${words[6]}" \
		cell "${words[@]}"
done
kill "$qemu"
wait "$qemu" || true
disk-backend stock
rig-guest shutdown i
losetup -d "${loops[@]}"
umount $folder
finish
