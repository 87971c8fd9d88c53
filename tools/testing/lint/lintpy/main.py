# SPDX-License-Identifier: GPL-2.0
"""The tree's side: runs the checks and prints KTAP.

A line for each check, and under one that fails its findings.
"""

import fnmatch
import functools
import pathlib
import sys
import time
import traceback

from . import abi, core, diod, kernel, known, rules, style
from .core import Finding, Project, ToolError, read_allowances
from .names import CHECKS

ALLOW = "tools/testing/lint/allow"


FUNCTIONS = {
    "rules": rules.check,
    "abi": abi.check,
    "diod": diod.check,
    "checkpatch": style.checkpatch,
    "spelling": style.spelling,
    "documents": style.documents,
    "shellcheck": style.shellcheck,
    "python": style.python,
    "tools": style.tools,
    "build-lts": functools.partial(kernel.build, "lts"),
    "build-mainline": functools.partial(kernel.build, "mainline"),
    "sparse-lts": functools.partial(kernel.sparse, "lts"),
    "sparse-mainline": functools.partial(kernel.sparse, "mainline"),
    "kernel-doc": kernel.kernel_doc,
    "coccinelle": kernel.coccinelle,
}


def findings_of(check, project, allowances):
    """What a check finds, less what the allow-list covers."""
    left = []
    for finding in dict.fromkeys(FUNCTIONS[check](project)):
        for allowance in allowances:
            if allowance.covers(check, finding):
                allowance.used = True
                break
        else:
            left.append(finding)
    left += [Finding(ALLOW, a.line, "unused", "covers nothing any more: remove the line")
             for a in allowances if a.check == check and not a.used]
    return left


def report(number, check, project, allowances, log):
    """Run one check; True if it passes."""
    began = time.monotonic()
    try:
        left = [str(f) for f in findings_of(check, project, allowances)]
    except ToolError as error:
        left = [f"could not run: {error}"]
    except Exception:
        left = ["the check itself failed:", *traceback.format_exc().splitlines()]
    spent = time.monotonic() - began
    print(f"{'not ok' if left else 'ok'} {number} {check} # {spent:.1f} s")
    for line in left:
        print("\n".join(f"#   {part}" for part in line.splitlines()))
        log.write(f"{check}: {line}\n")
    sys.stdout.flush()
    return not left


def _tools(tree):
    """The tree's key, and the code of those checks of which results are kept."""
    return known.digest(tree, *(pathlib.Path(module.__file__).read_bytes()
                                for module in (core, kernel, known, style)))


def main(tree, lts, mainline, *patterns):
    checks = [c for c in CHECKS
              if not patterns or any(fnmatch.fnmatch(c, p) for p in patterns)]
    base = pathlib.Path("/lint")
    project = Project(base, {"lts": lts, "mainline": mainline}, _tools(tree))
    allow = project.root / ALLOW
    allowances = read_allowances(allow) if allow.exists() else []
    print(f"KTAP version 1\n1..{len(checks)}", flush=True)
    with open(base / "findings", "w", encoding="utf-8") as log:
        passed = [report(number, check, project, allowances, log)
                  for number, check in enumerate(checks, 1)]
    return 0 if all(passed) else 1


sys.exit(main(*sys.argv[1:]))
