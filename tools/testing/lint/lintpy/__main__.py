# SPDX-License-Identifier: GPL-2.0
"""Entry of "python3 -m lintpy", on the host."""

import sys

from . import host

sys.exit(host.main())
