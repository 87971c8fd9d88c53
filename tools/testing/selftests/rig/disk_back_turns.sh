#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Of a thousand connections to the backend of disks nothing is left: the test of
# disk_back_raw that has thirty.
#
# rig: kernel=mainline when=named timeout=2400

exec env DISK_TURNS=1000 "$(dirname "$0")/disk_back_raw.sh" comes_and_goes
