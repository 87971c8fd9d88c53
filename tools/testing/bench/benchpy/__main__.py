# SPDX-License-Identifier: GPL-2.0
"""Entry of "python3 -m benchpy"."""

import sys

from . import cli

sys.exit(cli.main())
