#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Both halves of the block pair at once: what disk_back has of upstream's frontend,
# this project's does as well, under lockdep at both ends, and in a PVH guest.
#
# rig: kernel=lockdep when=spare timeout=900
# rig: kernel=mainline guest=pvh when=spare timeout=900

DISK_FRONT=ours exec "$(dirname "$0")/disk_back.sh"
