#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The frontend of disks on this project's backend: all that disk asks of it on the
# kernel's own, with what goes wrong and what comes back, and requests of 2 MiB.
#
# rig: kernel=mainline when=named timeout=2700

set -eu

disk-backend ours
modprobe -r xen-blkback
modprobe xen-blkback max_indirect_segments=512
DISK_SEGMENTS=512 bash "$(dirname "$0")/disk.sh" && status=0 || status=$?
disk-backend stock
exit "$status"
