# SPDX-License-Identifier: GPL-2.0
"""What the suites here share: a list of tests, their run, and KTAP."""
import contextlib
import errno
import sys
import threading
import time
import traceback

PASS, FAIL, SKIP = 0, 1, 4

TESTS = []


class Skip(Exception):
    """Says why a test cannot be run here."""


class Failed(Exception):
    """Says what was seen instead of what had to be."""


def test(what, needs=None):
    """Adds a test; @what it proves; @needs: an option it cannot do without."""
    def add(function):
        TESTS.append((what, needs, function))
        return function
    return add


def check(true, what):
    if not true:
        raise Failed(what)


def equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: {short(got)} instead of {short(wanted)}")


# What reading says of a file that the server has shown and shows no more
GONE = (errno.ENOENT, errno.ENODEV, errno.EIO)


def cut_off(f):
    """An open file of those can be read to its end, or says that it is gone."""
    try:
        f.read()
    except OSError as err:
        one_of(err.errno, GONE, f.name)


def one_of(got, wanted, what):
    if got not in wanted:
        raise Failed(f"{what}: {short(got)} instead of one of {short(wanted)}")


@contextlib.contextmanager
def repeated(function):
    """Calls function over and over in a thread, beside what a test does."""
    over = threading.Event()
    failed = []

    def run():
        try:
            while not over.is_set():
                function()
        except Exception as err:  # pylint: disable=broad-except
            failed.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    check(not failed, f"what ran beside the test failed: {failed}")


def short(value):
    value = repr(value)
    return value if len(value) < 200 else value[:200] + "..."


def comment(what):
    for line in str(what).splitlines():
        print(f"# {line}", flush=True)


def run_one(number, what, needs, function, env):
    start = time.monotonic()
    try:
        if needs and not getattr(env, needs):
            raise Skip(f"no --{needs.replace('_', '-')} given")
        function(env)
    except Skip as why:
        print(f"ok {number} {what} # SKIP {why}", flush=True)
        return SKIP
    except Exception as err:  # pylint: disable=broad-except
        if not isinstance(err, Failed):
            comment(traceback.format_exc())
        comment(f"{type(err).__name__}: {err}")
        print(f"not ok {number} {what}", flush=True)
        return FAIL
    took = time.monotonic() - start
    if took > 5:
        comment(f"took {took:.1f} s")
    print(f"ok {number} {what}", flush=True)
    return PASS


def run(env, only=None):
    """Runs the tests whose text has @only in it; returns the exit code."""
    tests = [t for t in TESTS if not only or only in t[0]
             or only == t[2].__name__]
    print(f"KTAP version 1\n1..{len(tests)}", flush=True)
    results = [run_one(n, *t, env) for n, t in enumerate(tests, 1)]
    comment(f"pass:{results.count(PASS)} fail:{results.count(FAIL)} "
            f"skip:{results.count(SKIP)}")
    if FAIL in results or not results:
        return FAIL
    return PASS if PASS in results else SKIP


def main(env, only=None):
    sys.exit(run(env, only))
