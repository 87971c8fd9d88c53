#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The device that connected sockets are handed to the server through: who may
# use it, and what it refuses.
#
# rig: kernel=debug args=--no-xen timeout=900
# rig: kernel=lts args=--no-xen when=spare timeout=900

set -eu

exec "$(dirname "$0")/../9p/run_socket.sh" "$(command -v 9p-serve)" /srv device
