#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ordinary file work in a guest on a 9P mount gives what it gives on a local
# file system: the tests of files.py, each a test here. A tmpfs is exported, as
# control.sh looks at one.
#
# rig: kernel=lockdep timeout=600
# rig: kernel=lts when=spare timeout=600

set -eu

mkdir -p /tmp/files
rig-guest create f --front ours --back ours --vcpus 2 \
	--p9 'tag=files,security_model=none,path=/tmp/files'
rig-guest mount f files /mnt
rig-guest exec f -- /rig/9p/files.py /mnt
rig-guest shutdown f
