#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The control of files.sh: the same tests on dom0's own tmpfs, so that a test
# which asks for what no file system does is found out.
#
# rig: kernel=lts,mainline

set -eu

mkdir -p /srv/control
mount -t tmpfs control /srv/control
status=0
/rig/9p/files.py /srv/control --control || status=$?
umount /srv/control
exit "$status"
