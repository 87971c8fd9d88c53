#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Either half works with what others have: this frontend and upstream's, on this
# backend and on QEMU's, with 1, 2 and (PV) 4 vCPUs; upstream's two together are
# the control. And (PV) this frontend on xen-9pfsd, which speaks 9P2000.u. In each cell a
# guest mounts, copies a part of the kernel's headers, which both sides compare,
# has fio verify what it writes, unmounts, and the device is unplugged. With this
# project's at both ends each CPU has a ring of its own for what it asks.
#
# One guest is enough: devices, backends and the frontends' modules come and go,
# and CPUs go offline, which is what a frontend counts for its rings. What the guest
# does is in 9p/interop_guest.sh.
#
# rig: kernel=lts,mainline guest=pv,pvh when=spare boot=own timeout=1800

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/p9device.sh"

# In dom0 and in the guest
tree=$(printf '%s\n' /usr/src/linux-headers-*-common | sort -V | tail -n 1)/include/keys
fronts=(ours upstream)
backs=(ours qemu)
# Of a PVH guest, 4 vCPUs on one emulated CPU take their time: interop_pvh4 has them
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

# in_guest PART...: see there
in_guest()
{
	rig-guest exec i --timeout 300 -- bash /rig/9p/interop_guest.sh "$@"
}

# plug FRONT CPUS [KIND]: a device, for a guest with that frontend and CPUs
plug()
{
	rm -rf /srv/interop/*
	in_guest front "$1" "$2" "${cpus[0]}"
	p9_plug interop /srv/interop "$domid" 0 "${3:-9pfs}"
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
	plug "$1" "$3"
	[ "$2" != qemu ] || serve_by_qemu
	(
		set -euo pipefail
		in_guest tree 9p2000.L
		diff -r --no-dereference "$tree" /srv/interop/tree
		[ "$1 $2" != "ours ours" ] || in_guest rings "$3"
		unplug 9pfs
	) || status=$?
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
	# One that has died is still there for the next one, which then ends at once
	xenstore-rm /local/domain/0/libxl/xen-9pfs 2>/dev/null || true
	# It takes a device that is only half written
	plug ours 1 xen_9pfs
	"$(find /usr/lib/xen-* -name xen-9pfsd)" >/tmp/9pfsd.log 2>&1 &
	pid=$!
	(
		in_guest log 9p2000.u
		[ "$(cat /srv/interop/log)" = "first
second" ]
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
tests=$((${#fronts[@]} * ${#backs[@]} * (${#cpus[@]} + ${#left_out[@]})))
[ "$RIG_TYPE" != pv ] || tests=$((tests + 1))
plan "$tests"
for n in "${left_out[@]}"; do
	for front in "${fronts[@]}"; do
		for back in "${backs[@]}"; do
			skip "$front frontend, $back backend, $n vCPUs" \
				"the suite interop_pvh4 has them"
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
[ "$RIG_TYPE" != pv ] || run_test "this frontend on xen-9pfsd, with 9P2000.u" daemon
modprobe xen-9pback
rig-guest shutdown i
finish
