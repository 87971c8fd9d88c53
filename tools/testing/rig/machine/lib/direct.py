# SPDX-License-Identifier: GPL-2.0
"""rig-guest without its server; see rigguest.py and src/rig-guest.c."""

import sys

import rigguest

sys.exit(rigguest.main(sys.argv[1:]))
