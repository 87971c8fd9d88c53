#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The server speaks 9P2000.L as it should, message by message, good and bad,
# over a Unix socket: no Xen has part in it. The export is a tmpfs, as
# an overlay's files claim to be on another device than its directories.
#
# rig: kernel=lts args=--no-xen timeout=1800
# rig: kernel=debug args=--no-xen when=spare timeout=1800

set -eu

exec "$(dirname "$0")/../9p/run_socket.sh" "$(command -v 9p-serve)" /tmp raw-unix
