#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stock client's mount over TCP on loopback, served by the same server: what
# works on Xen works without it.
#
# rig: kernel=lts args=--no-xen timeout=600
# rig: kernel=mainline args=--no-xen when=spare timeout=600

set -eu

exec "$(dirname "$0")/../9p/run_socket.sh" "$(command -v 9p-serve)" /tmp mount-tcp
