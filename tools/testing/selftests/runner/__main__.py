# SPDX-License-Identifier: GPL-2.0
"""Entry of "python3 -m runner"."""

import sys

from . import main

sys.exit(main.main())
