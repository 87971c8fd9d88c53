# SPDX-License-Identifier: GPL-2.0
"""Measures on Xen in QEMU, and tells what came of it."""
