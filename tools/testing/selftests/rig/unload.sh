#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The server's module is unloaded and loaded again, and its sessions come and go,
# while every file that it shows is read and its tracepoints are recorded: nothing
# hangs, nothing is used that is gone. No Xen has part in it.
#
# rig: kernel=lts,debug args=--no-xen timeout=180

set -eu

exec python3 -B "$(dirname "$0")/../9p/test_unload.py"
