# SPDX-License-Identifier: GPL-2.0
"""What all parts in dom0 share: commands, and results that cannot be had."""

import subprocess
import sys

ADD = "/rig"
BENCH = f"{ADD}/bench"
EXPORT = "/srv/bench"


class Missing(Exception):
    """Something cannot be measured; the reason."""


def say(text):
    sys.stdout.write(f"bench: {text}\n")
    sys.stdout.flush()


def run(*argv, seconds=300):
    """What a command prints; it has to succeed."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(argv)} did not end within {seconds} s") from None
    except OSError as error:
        raise Missing(f"cannot run {argv[0]}: {error.strerror}") from None
    if done.returncode:
        raise Missing(f"{' '.join(argv)} ended with status {done.returncode}: "
                      f"{done.stdout.strip()[-300:]}")
    return done.stdout


def last_line(path):
    """The last words of a log, for the reason of a death."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except FileNotFoundError:
        return "it left no log"
    return lines[-1] if lines else "it said nothing"
