# SPDX-License-Identifier: GPL-2.0
"""The host's side of the rig: builds the parts, boots them, judges the run."""
