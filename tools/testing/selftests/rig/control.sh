#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The control of files.sh: the same tests on dom0's own tmpfs, so that a test
# which asks for what no file system does is found out.
#
# rig: kernel=lts,mainline

set -eu

mkdir -p /tmp/control
exec /rig/9p/files.py /tmp/control --control
