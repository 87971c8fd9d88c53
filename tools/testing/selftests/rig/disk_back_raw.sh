#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The backend of disks does what the protocol says, request by request, and nothing
# that a frontend should not get it to do: the test itself is the frontend, of this
# domain (../disk/test_back.py).
#
# rig: kernel=mainline when=spare boot=own timeout=900

set -eu

folder=/srv/disk-back
mkdir -p "$folder"
mount -t tmpfs -o size=256M disk-back "$folder"
disk-backend ours
python3 -B "$(dirname "$0")/../disk/test_back.py" "$folder" "$@" && status=0 || status=$?
disk-backend stock
umount "$folder"
exit "$status"
