# SPDX-License-Identifier: GPL-2.0
"""Feeds the runner with what good and bad suites print, and looks what it says."""

import contextlib
import functools
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from . import boot, ktap, spare, suites
from .process import Program, ended, side_by_side
from .show import Show

GOOD = "KTAP version 1\n1..2\nok 1 one\nok 2 two # 3 s\n"

# name, output, status (None: it never ended), passed, failed, skipped
STREAMS = [
    ("a suite that passes", GOOD, 0, 2, 0, 0),
    ("a skipped test", "1..2\nok 1 a\nok 2 b # SKIP no disk\n", 0, 1, 0, 1),
    ("a skipped suite", "1..0 # SKIP no Xen\n", 4, 0, 0, 1),
    ("a plan at the end", "ok 1 a\n1..1\n", 0, 1, 0, 0),
    ("a nested failure is the outer test's matter",
     "1..1\n    1..1\n    not ok 1 inner\nok 1 outer\n", 0, 1, 0, 0),
    ("a test that fails", "1..2\nok 1 a\nnot ok 2 b\n", 1, 1, 1, 0),
    ("a failure with status 0", "1..1\nnot ok 1 a\n", 0, 0, 1, 0),
    ("a failure excused as known", "1..1\nnot ok 1 a # " "TO" "DO later\n", 0, 0, 1, 0),
    ("a status without a failure", GOOD, 1, 2, 1, 0),
    ("a crash by a signal", GOOD, -11, 2, 1, 0),
    ("a hang", "1..2\nok 1 a\n", None, 1, 1, 0),
    ("a missing result", "1..3\nok 1 a\nok 2 b\n", 0, 2, 1, 0),
    ("one result too many", "1..1\nok 1 a\nok 2 b\n", 0, 2, 1, 0),
    ("a result out of order", "1..2\nok 1 a\nok 3 b\n", 0, 2, 1, 0),
    ("no plan", "ok 1 a\n", 0, 1, 1, 0),
    ("two plans", "1..1\nok 1 a\n1..1\n", 0, 1, 1, 0),
    ("nothing at all", "", 0, 0, 1, 0),
    ("a plan of nothing", "1..0\n", 0, 0, 1, 0),
    ("skipped by status, yet without a plan", "ok 1 a\n", 4, 1, 1, 0),
    ("giving up", "1..1\nok 1 a\nBail out! no guest\n", 0, 1, 1, 0),
]


def _stream(text, status, wanted):
    count = {ktap.PASSED: 0, ktap.FAILED: 0, ktap.SKIPPED: 0}

    def show(outcome, _text, _remark):
        count[outcome] += 1
    suite = ktap.Suite(show, lambda line: None)
    for line in text.splitlines():
        suite.line(line)
    suite.end(status)
    assert tuple(count.values()) == wanted, f"counted {tuple(count.values())}, wanted {wanted}"


@contextlib.contextmanager
def _shown():
    """A Show whose output is kept, and its folder."""
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.redirect_stdout(io.StringIO()) as text, \
            contextlib.redirect_stderr(io.StringIO()):
        yield Show(pathlib.Path(folder)), pathlib.Path(folder), text


@contextlib.contextmanager
def _fake_rig(script):
    """A rig that is a shell script, a folder with no suites, and a Show."""
    with _shown() as (show, folder, _):
        (folder / "suites").mkdir()
        rig = folder / "rig"
        rig.write_text('#!/bin/bash\nwhile [ "$1" != --add ]; do shift; done\n'
                       't=$(cut -d " " -f 1 "$2/plan" | head -n 1)\n' + script)
        rig.chmod(0o755)
        yield rig, folder, show


def _fake_boot(script, count=2, **words):
    """The counts after a boot of such a rig."""
    with _fake_rig(script) as (rig, folder, show):
        machine = suites.Boot("lts", "lts", "ours", ())
        variants = [suites.Variant(f"s{n}", machine, "pv", "ours", 5) for n in range(count)]
        boot.run(machine, variants, folder / "suites", folder, show, rig=rig, **words)
        return tuple(show.count.values())


ONE = 'echo "@$t begin 0"; echo 1..1; echo ok 1 a; echo "@$t end 0 0"\n'
TWO = ONE.replace(" 0\"", " 1\"", 1).replace("end 0", "end 1")


def _good_boot():
    assert _fake_boot(ONE + TWO) == (3, 0, 0)


def _boot_fails():
    assert _fake_boot(ONE + TWO + "exit 1\n") == (2, 1, 0)


def _boot_dies():
    """In the second suite, before its end, and the rig takes it for success."""
    assert _fake_boot(ONE + 'echo "@$t begin 1"; echo 1..1; echo ok 1 a\n') == (3, 1, 0)


def _suite_never_ran():
    assert _fake_boot(ONE) == (2, 1, 0)


def _suite_timed_out():
    late = 'echo "@$t begin 1"; echo 1..1; echo ok 1 a; echo "@$t end 1 timeout"\n'
    assert _fake_boot(ONE + late) == (3, 1, 0)


def _suite_too_late():
    """One by dom0's clock, and all where there is no use in booting."""
    assert _fake_boot(ONE + 'echo "@$t late 1"\n') == (2, 0, 1)
    assert _fake_boot(ONE + TWO, latest=-1) == (0, 0, 2)


def _suite_left_something():
    left = ONE.replace("echo \"@$t end", "echo \"@$t left 0 domains: x\"; echo \"@$t end")
    assert _fake_boot(left + TWO) == (3, 1, 0)


def _program_killed():
    with _shown() as (show, folder, _):
        program = Program(["sh", "-c", "echo a; sleep 60; echo b"], folder / "log", show, 0.5, "p")
        assert list(program.lines()) == ["a\n"]
        assert program.status is None


def _side_by_side():
    began = time.monotonic()
    with _shown() as (show, folder, _):
        def work(name):
            program = Program(["sleep", "0.5"], folder / name, show, 5, name)
            show.result(name, ktap.PASSED, "\n".join(program.lines()))
        side_by_side([lambda name=name: work(name) for name in "abcd"], 4)
        assert show.count[ktap.PASSED] == 4
    assert time.monotonic() - began < 1.5, "one after the other"


def _one_fails_all_end():
    began = time.monotonic()
    with _shown() as (show, folder, _):
        def hang():
            list(Program(["sleep", "30"], folder / "hang", show, 60, "hang").lines())

        def fail():
            time.sleep(0.5)
            raise suites.SuiteError("planted")
        try:
            side_by_side([hang, fail], 2)
        except suites.SuiteError:
            assert time.monotonic() - began < 10, "waited for the other"
            return
    raise AssertionError("the error is lost")


def _end_is_an_end():
    """Whoever runs several programs in turn begins no other once all are to end."""
    begun = []
    with _shown() as (show, folder, _):
        def in_turn():
            for name in ("first", "second"):
                program = Program(["sleep", "30"], folder / name, show, 60, name)
                begun.append(program)
                list(program.lines())

        def terminate():
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.5)

        before = signal.signal(signal.SIGTERM, ended)
        try:
            side_by_side([in_turn, terminate], 2)
        except SystemExit as end:
            assert end.code == 128 + signal.SIGTERM, end.code
        else:
            raise AssertionError("it went on")
        finally:
            signal.signal(signal.SIGTERM, before)
    assert [program.status for program in begun] == [-signal.SIGKILL], begun


def _last_line():
    with _shown() as (show, _, text):
        show.result("s", ktap.PASSED, "a")
        show.result("s", ktap.FAILED, "b")
        show.result("s", ktap.SKIPPED, "c", "why")
        assert show.close() == 1
        assert text.getvalue().splitlines()[-1] == "1 passed, 1 failed, 1 skipped"


def _nothing_ran():
    with _shown() as (show, _, text):
        assert show.close() == 1
        assert text.getvalue().splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def _with_suite(header, kernel_names=()):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "a.sh").write_text("#!/bin/bash\n" + header)
        (pathlib.Path(folder) / "b.sh").write_text("#!/bin/bash\n")
        return suites.read(folder, kernel_names)


def _boots_are_shared():
    found = _with_suite("# rig: kernel=lts,mainline guest=pv,pvh\n# rig: back=qemu kernel=lts\n")
    assert len(found) == 7, [v.name for v in found]
    assert [b.name for b in suites.boots(found)] == ["lts", "mainline", "lts-qemu"]


def _kernels_may_be_given():
    """No suite runs twice for having been asked for on each kernel by itself, each has
    three times as long, and no report may be another's.
    """
    found = _with_suite("# rig: kernel=lts\n# rig: kernel=mainline when=spare\n",
                        ["lockdep"])
    assert [v.name for v in found] == ["a (lockdep-a, pv)", "b (lockdep-b, pv)"], found
    assert [v.timeout for v in found] == [3 * suites.TIMEOUT] * 2, found


def _kernel_without_suites():
    done = subprocess.run([sys.executable, "-m", "runner", "--coverage", "--kernel", "kcsan",
                           "--list"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "runs on the kernel kcsan" in done.stderr, done.stderr


def _some_only_when_named():
    found = _with_suite("# rig: when=named kernel=lts\n")
    for patterns, wanted in (([], {"b"}), (["a"], {"a"}), (["*"], {"a", "b"})):
        assert {v.suite for v in suites.chosen(found, patterns)} == wanted, patterns


def _spare_time():
    """A machine of its own for each; those that have run are the last to run again."""
    found = _with_suite("# rig: when=spare kernel=lts,mainline\n")
    machines = suites.boots([v for v in suites.chosen(found, []) if v.when == "spare"])
    assert [machine.name for machine in machines] == ["lts-a", "mainline-a"]
    done = []
    with _shown() as (show, folder, _):
        works = [spare.Work(name, 1.6, functools.partial(done.append, name),
                            functools.partial(boot.skip, [name], show)) for name in "ab"]
        # That of which nothing is known is reckoned with 1.6; the other took no time
        for minutes, wanted in ((1.5, []), (1.7, ["a"]), (1.7, ["b"]), (0.5, ["a"])):
            times = spare.Spare(folder, minutes)
            times.run(times.in_turn(works)[0], show)
            assert done == wanted, (minutes, done)
            done.clear()
        assert show.count[ktap.SKIPPED] == 1, show.count


def _machines_wait_for_cpus():
    """One that wants both CPUs is not overtaken by one that came later and wants one."""
    code = ("import sys\nfrom rigpy import cache\ncache.take_slots(int(sys.argv[1]), 2)\n"
            "print('has', flush=True)\nsys.stdin.read()")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as all_end:
        def begin(wanted):
            one = all_end.enter_context(subprocess.Popen(
                [sys.executable, "-c", code, wanted], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, "RIG_CACHE": folder}))
            all_end.callback(one.kill)
            return one

        def waits(one):
            line = one.stderr.readline()
            assert "waiting for" in line, line
            return one

        def has(one):
            line = one.stdout.readline()
            assert line == "has\n", line
            return one

        first = has(begin("1"))
        second, third = waits(begin("2")), waits(begin("1"))
        first.stdin.close()
        has(second).stdin.close()
        has(third)


def _bad_directives():
    for line in ("# rig: kernel=old", "# rig: colour=red", "# rig: guest", "# rig: timeout=long",
                 "# rig: when=never"):
        try:
            _with_suite(line + "\n")
        except suites.SuiteError:
            continue
        raise AssertionError(f"took {line}")


OTHERS = [
    ("a boot in which all passes", _good_boot),
    ("a boot whose rig finds a fault", _boot_fails),
    ("a machine that dies in a suite", _boot_dies),
    ("a suite that never ran", _suite_never_ran),
    ("a suite that was killed for its time", _suite_timed_out),
    ("a suite for which it is too late", _suite_too_late),
    ("a suite that leaves a domain behind", _suite_left_something),
    ("a program that hangs is ended", _program_killed),
    ("several run side by side", _side_by_side),
    ("an error ends what runs beside it", _one_fails_all_end),
    ("a run that is ended leaves nothing", _end_is_an_end),
    ("the last line counts all", _last_line),
    ("that nothing ran is a failure", _nothing_ran),
    ("suites share boots", _boots_are_shared),
    ("kernels may be given for all", _kernels_may_be_given),
    ("a kernel on which none runs is refused", _kernel_without_suites),
    ("a suite may wait to be named", _some_only_when_named),
    ("some run when there is time, in turn", _spare_time),
    ("a machine waits for as many CPUs as it has", _machines_wait_for_cpus),
    ("directives that make no sense are refused", _bad_directives),
]


def main():
    tests = [(name, lambda case=case: _stream(case[0], case[1], tuple(case[2:])))
             for name, *case in STREAMS] + OTHERS
    print(f"KTAP version 1\n1..{len(tests)}")
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
        except AssertionError as error:
            failed += 1
            print(f"# {error}\nnot ok {number} {name}")
        else:
            print(f"ok {number} {name}")
    return 1 if failed else 0


sys.exit(main())
