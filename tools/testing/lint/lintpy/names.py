# SPDX-License-Identifier: GPL-2.0
"""The names of the checks, in the order in which they run."""

CHECKS = ["rules", "abi", "diod", "checkpatch", "spelling", "documents", "shellcheck",
          "python", "tools", "build-lts", "sparse-lts", "build-mainline", "sparse-mainline",
          "kernel-doc", "coccinelle"]
