#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A few of disk_interop's cells, in a PVH guest.
#
# rig: kernel=mainline guest=pvh when=spare timeout=600

exec "$(dirname "$0")/disk_interop.sh"
