# SPDX-License-Identifier: GPL-2.0
"""Static checks of the kernel modules, the tools and the scripts."""
