#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Either half works with what others have: this frontend and upstream's, on this
# backend and on QEMU's, with 1, 2 and (PV) 4 vCPUs; upstream's two together are
# the control. And this frontend on xen-9pfsd, which speaks 9P2000.u. In each cell a
# guest mounts, copies a part of the kernel's headers, which both sides compare,
# has fio verify what it writes, unmounts, and the device is unplugged; once for
# each pair it is the demo's guest script that copies.
#
# One guest is enough: devices, backends and the frontends' modules come and go,
# and CPUs go offline, which is what a frontend counts for its rings.
#
# rig: kernel=lts,mainline guest=pv,pvh timeout=1200

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/p9device.sh"

# In dom0 and in the guest
tree=$(printf '%s\n' /usr/src/linux-headers-*-common | sort -V | tail -n 1)/include/keys
fronts=(ours upstream)
backs=(ours qemu)
# Of a PVH guest, 4 vCPUs on one emulated CPU take their time, and once it was seen to
# take an event's interrupt with interrupts off, in the first instruction of the handler
# of another one: an error of the emulation, of which the guest's kernel dies. These
# cells run when interop_pvh4 is named
left_out=()
if [ "${INTEROP_CPUS:-}" ]; then
	cpus=("$INTEROP_CPUS")
elif [ "$RIG_TYPE" = pv ]; then
	cpus=(4 2 1)
else
	cpus=(2 1)
	left_out=(4)
fi

guest()
{
	rig-guest exec i --timeout 120 -- bash -euo pipefail -c "$1"
}

# It does so when it is to close a device; nobody may have waited for it yet
qemu_has_died()
{
	[ -n "$qemu" ] && ! grep -qs ') [^Z]' "/proc/$qemu/stat"
}

# unplug KIND: a backend that does not close, as QEMU's that has crashed, is gone
unplug()
{
	local back tries

	back=$(p9_back "$domid" 0 "$1")
	p9_unplug "$back"
	for ((tries = 0; tries < 50; tries++)); do
		[ "$(xenstore-read "$back/state" 2>/dev/null || echo 6)" != 6 ] || break
		if qemu_has_died; then
			break
		fi
		sleep 0.1
	done
	xenstore-rm "$(p9_front "$domid")"
	xenstore-rm "$back"
	guest 'for ((n = 0; n < 100; n++)); do
			[ -e /sys/bus/xen/devices/9pfs-0 ] || exit 0
			sleep 0.1
		done
		echo "the device is still there" >&2
		exit 1'
}

serve_by_qemu()
{
	/usr/libexec/xen-qemu-system-i386 -xen-domid "$domid" -xen-attach \
		-name i -nographic -vga none -nic none -M xenpv -m 256 \
		-monitor none -serial none -parallel none \
		</dev/null >/tmp/qemu.log 2>&1 &
	qemu=$!
}

# use_front ours|upstream: the module that modprobe takes, or the kernel's own
use_front()
{
	guest 'rmmod 9pnet_xen 2>/dev/null || true; modprobe 9p'
	if [ "$1" = ours ]; then
		guest 'modprobe 9pnet_xen'
	else
		# shellcheck disable=SC2016 # the guest's variables
		guest 'insmod /lib/modules/$(uname -r)/kernel/net/9p/9pnet_xen.ko*'
	fi
}

# use_cpus N of those that the guest has
use_cpus()
{
	guest "for ((n = 1; n < ${cpus[0]}; n++)); do
			echo \$((n < $1)) >/sys/devices/system/cpu/cpu\$n/online
		done
		[ \"\$(nproc)\" = $1 ]"
}

# mount_it VERSION
mount_it()
{
	guest "for ((n = 0; n < 300; n++)); do
			case \$(cat /sys/bus/xen/devices/9pfs-0/state) in
			Connected|Closed) break ;;
			esac
			sleep 0.1
		done
		mkdir -p /mnt
		mount -t 9p -o trans=xen,version=$1,msize=131072 interop /mnt"
}

# work CPUS: what a cell does with its device
work()
{
	rm -rf /srv/interop/*
	mount_it 9p2000.L
	if [ "$1" = "${cpus[0]}" ]; then
		rig-guest exec i --timeout 300 -- \
			env MOUNT=/mnt PART=include/keys FILES=40 MIB=4 /rig/demo/guest
	else
		guest "cp -r $tree /mnt/tree; diff -r $tree /mnt/tree"
	fi
	diff -r --no-dereference "$tree" /srv/interop/tree
	guest 'fio --name=verify --directory=/mnt --size=512k --rw=randrw --bsrange=4k-64k \
			--verify=crc32c --numjobs=2 --ioengine=psync --fallocate=none --minimal \
			>/run/fio.log || { tail -n 5 /run/fio.log; exit 1; }
		umount /mnt'
}

# clean_up STATUS KIND: whatever a cell that failed has left
clean_up()
{
	[ "$1" != 0 ] || return 0
	guest 'umount -l /mnt || true' 2>/dev/null
	unplug "$2" 2>/dev/null || true
	pkill -f -- "-xen-domid $domid " || true
}

# cell FRONT BACK CPUS
cell()
{
	local status=0 crashed=0

	trap 'clean_up $? 9pfs' EXIT
	use_cpus "$3"
	use_front "$1"
	p9_plug interop /srv/interop "$domid"
	[ "$2" != qemu ] || serve_by_qemu
	(set -euo pipefail; work "$3"; unplug 9pfs) || status=$?
	[ "$2" = qemu ] || return "$status"

	# It has crashed if it is not there to be killed
	if kill "$qemu" 2>/dev/null || [ "$status" = 0 ]; then
		wait "$qemu" || true
		return "$status"
	fi
	wait "$qemu" || crashed=$?
	[ "$crashed" -gt 128 ] || return "$status"
	excuse "QEMU's backend died of signal $((crashed - 128))" "$(tail -n 2 /tmp/qemu.log)"
}

# Debian's daemon, which has but the operations that a log file takes. Linux's
# client begins with a Tstat of the root, in whose path, ".", the daemon of Xen 4.20
# looks for a slash and takes it that there is one; then it is this frontend that
# has to get over it.
daemon()
{
	local pid work status=0

	trap 'clean_up $? xen_9pfs' EXIT
	use_front ours
	rm -rf /srv/interop/*
	# One that has died is still there for the next one, which then ends at once
	xenstore-rm /local/domain/0/libxl/xen-9pfs 2>/dev/null || true
	# It takes a device that is only half written
	p9_plug interop /srv/interop "$domid" 0 xen_9pfs
	"$(find /usr/lib/xen-* -name xen-9pfsd)" >/tmp/9pfsd.log 2>&1 &
	pid=$!
	(
		mount_it 9p2000.u
		guest 'echo first >/mnt/log; echo second >>/mnt/log; cat /mnt/log'
		[ "$(cat /srv/interop/log)" = "first
second" ]
		guest 'umount /mnt'
	) &
	work=$!
	while kill -0 "$work" 2>/dev/null && kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
	done
	if kill "$pid" 2>/dev/null; then
		wait "$work" || status=$?
		unplug xen_9pfs
		return "$status"
	fi
	wait "$pid" || status=$?
	[ "$status" -gt 128 ] || fail "xen-9pfsd ended with status $status: $(cat /tmp/9pfsd.log)"
	unplug xen_9pfs
	if wait "$work"; then
		fail "what died has answered"
	fi
	excuse "xen-9pfsd died of signal $((status - 128)), of a Tstat of its root"
}

qemu=
mkdir -p /srv/interop
case $RIG_KERNEL in
lts|mainline) ;;
*) skip_all "the rig's own kernels have no upstream frontend, and QEMU's gntdev turns lockdep off" ;;
esac
rig-guest create i --type "$RIG_TYPE" --vcpus "${cpus[0]}" --no-p9 --front ours --back ours
domid=$(rig-guest domid i)
plan $((${#fronts[@]} * ${#backs[@]} * (${#cpus[@]} + ${#left_out[@]}) + 1))
for n in "${left_out[@]}"; do
	for front in "${fronts[@]}"; do
		for back in "${backs[@]}"; do
			skip "$front frontend, $back backend, $n vCPUs" \
				"slow, and QEMU was seen to interrupt a guest that has interrupts off: name interop_pvh4"
		done
	done
done
# CPUs that have gone are not wanted again
for n in "${cpus[@]}"; do
	for back in "${backs[@]}"; do
		if [ "$back" = ours ]; then
			modprobe xen-9pback
		else
			rmmod xen-9pback
		fi
		for front in "${fronts[@]}"; do
			run_test "$front frontend, $back backend, $n vCPUs" \
				cell "$front" "$back" "$n"
		done
	done
done
run_test "this frontend on xen-9pfsd, with 9P2000.u" daemon
modprobe xen-9pback
rig-guest shutdown i
finish
