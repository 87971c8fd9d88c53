# SPDX-License-Identifier: GPL-2.0
"""Builds the fuzzers in the rig's tree and runs them."""
