#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The cells that interop leaves out: PVH guests with 4 vCPUs.
#
# rig: kernel=lts,mainline guest=pvh when=spare boot=own timeout=1500

INTEROP_CPUS=4 exec "$(dirname "$0")/interop.sh"
