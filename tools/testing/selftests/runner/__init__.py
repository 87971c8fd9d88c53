# SPDX-License-Identifier: GPL-2.0
"""Runs the tests of the tree and judges what they say."""
