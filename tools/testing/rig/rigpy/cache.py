# SPDX-License-Identifier: GPL-2.0
"""The cache outside the checkout: entries named by what they were made of.

An entry is built under a temporary name and renamed, under a lock, so that two
checkouts can share one cache. Whoever uses an entry holds a shared lock on it,
and pruning leaves such an entry alone.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import time

from .say import say


def root():
    base = os.environ.get("RIG_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(home, "xen-rig")
    path = pathlib.Path(base).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def directory(name):
    path = root() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def key_of(*parts):
    """A short name for a list of strings, bytes, and files (by their content)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            part = part.read_bytes()
        if isinstance(part, str):
            part = part.encode()
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()[:16]


def _take(handle, mode=fcntl.LOCK_EX):
    """Lock a file if that needs no waiting; whether it was done."""
    try:
        fcntl.flock(handle, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def lock(name, shared=False, wait=True):
    """Hold the lock NAME; yields False if it is taken and wait is not wanted."""
    path = directory("lock") / name
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        if not _take(handle, mode):
            if not wait:
                yield False
                return
            say(f"waiting for another rig that holds {name}")
            fcntl.flock(handle, mode)
        yield True
    finally:
        os.close(handle)


def take_slots(wanted, count):
    """Wait for WANTED of COUNT slots and keep them until this process ends. Those that
    wait take turns: who wants many is not for ever overtaken by who wants one.
    """
    turn, *slots = [os.open(directory("lock") / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                    for name in ("turn", *(f"slot-{number}" for number in range(count)))]
    mine, is_first, told = [], False, 0
    while len(mine) < wanted:
        is_first = is_first or _take(turn)
        for slot in slots:
            if is_first and len(mine) < wanted and slot not in mine and _take(slot):
                mine.append(slot)
        if len(mine) < wanted:
            if time.monotonic() - told > 30:
                say(f"waiting for {wanted} of this host's {count} CPUs: other rigs have them")
                told = time.monotonic()
            time.sleep(0.5)
    _held.extend(mine)
    for handle in (turn, *slots):
        if handle not in mine:
            os.close(handle)


_held = []


def hold(name):
    """Keep a shared lock on an entry until this process ends."""
    path = directory("lock") / name
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _held.append(handle)


def entry(kind, key, build, keep=2):
    """The path of an entry, made by build(path) if it is not there yet."""
    path = directory(kind) / key
    # What is in use is not removed, but it may be just before it is
    while not use(kind, path):
        with lock(f"make-{kind}"):
            if not path.exists():
                temporary = path.with_name(f".{key}.new")
                remove(temporary)
                build(temporary)
                os.rename(temporary, path)
                prune(kind, keep, path)
    return path


def use(kind, path):
    """An entry, which stays while this process runs; None if it is not there."""
    hold(f"use-{kind}-{path.name}")
    if not path.exists():
        return None
    os.utime(path)
    return path


def _by_age(kind):
    """The entries of a kind, the one used last first; others may remove some meanwhile."""
    ages = {}
    for path in directory(kind).iterdir():
        if not path.name.startswith("."):
            with contextlib.suppress(FileNotFoundError):
                ages[path] = path.stat().st_mtime
    return sorted(ages, key=ages.get, reverse=True)


def newest(kind):
    """The entry of a kind that was used last, held as by use(), or None."""
    return next((path for path in _by_age(kind) if use(kind, path)), None)


def prune(kind, keep, fresh):
    """Remove all but the newest entries of a kind, unless somebody uses them."""
    for path in _by_age(kind)[keep:]:
        if path == fresh:
            continue
        with lock(f"use-{kind}-{path.name}", wait=False) as free:
            if free:
                remove(path)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def clean():
    """Empty the cache, but not what a running rig uses."""
    for kind in root().iterdir():
        if kind.name == "lock":
            continue
        for path in kind.iterdir() if kind.is_dir() else ():
            with lock(f"use-{kind.name}-{path.name}", wait=False) as free:
                if not free:
                    say(f"left {path}: a running rig uses it")
                    continue
                remove(path)
    say(f"emptied {root()}")
