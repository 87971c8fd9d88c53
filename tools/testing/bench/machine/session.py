# SPDX-License-Identifier: GPL-2.0
"""Runs in dom0: measures each target in each mode, whatever becomes of others.

Writes /out/results.jsonl: what the program in the guest says, each line with the
target, the mode of caching and the pass that it is of; what was counted around
a measurement; and why something could not be had.
"""

import json
import os
import sys
import time

import counts
from common import ADD, BENCH, EXPORT, Missing, run, say
from guests import NAME, Guest
from stream import Stream
from targets import TARGETS

OUT = "/out/results.jsonl"
HOOK = f"{ADD}/machine/hook"

# What runs around each measurement of a pass, what has to be switched on for
# that, and what of Xen is traced
PASSES = {
    "speed": (None, None, None),
    "plain": (None, None, None),
    "costs": ("counters", None, None),
    "traced": ("counters", "tracing", counts.CALLS),
    "probes": ("probes", "probes", None),
    "xen": ("probes", "probes", counts.RUNS),
}


class Session:
    """One boot's measurements."""

    def __init__(self, job, out):
        self.job = job
        self.out = out
        self.guest = Guest(job)
        self.whole = True
        self.times = None

    def note(self, where, **what):
        json.dump({**where, **what}, self.out)
        self.out.write("\n")
        self.out.flush()

    def failed(self, where, reason):
        self.whole = False
        say(f"{where['target']} {where['mode'] or ''}: MISSING: {reason}")
        self.note(where, failed=reason)

    # One run of the program

    def _argv(self, step):
        return [BENCH, "--json", "--works", step["works"], "--rounds", str(step["rounds"]),
                "--procs", ",".join(map(str, step["procs"])), "--scale", str(step["scale"]),
                "--timeout", str(self.job["timeout"]), "--cc", "tcc"]

    def _command(self, target, mode, step):
        words, folder = self._argv(step), target.dir
        if not target.in_guest:
            return [*words, folder]
        words += ["--fresh", target.fresh(mode)]
        program, _, _ = PASSES[step["pass"]]
        if program:
            words += ["--hook", f"{HOOK} {program}"]
        return ["rig-guest", "exec", NAME, "-i", "--timeout", "86400", "--", *words, folder]

    def _line(self, where, line):
        try:
            record = json.loads(line)
        except ValueError:
            say(f"the program said: {line}")
            return False
        if "end" in record:
            return True
        if "work" in record:
            self._progress(where, record)
            self.note(where, **record)
        return False

    def _progress(self, where, record):
        name = " ".join(filter(None, (where["target"], where["mode"], where["pass"])))
        what = f"{record['work']} x{record['procs']}"
        if "missing" in record:
            self.whole = False
            say(f"{name}: {what}: MISSING: {record['missing']}")
        else:
            each = record["seconds"] * 1e6 / record["ops"]
            say(f"{name}: {what}: {each:.1f} us (round {record['round'] + 1})")

    def _follow(self, where, stream):
        """All that the program says; whether it came to its end."""
        program, _, mask = PASSES[where["pass"]]
        text, about, trace, ended = None, None, None, False
        for line in stream.lines():
            if line == "@done":
                self.note(where, counters="guest", about=about, text="\n".join(text))
                text = None
            elif text is not None:
                text.append(line)
            elif line.startswith("@counters "):
                text, about = [], line.split()[1:]
            elif line.startswith("@begin "):
                self._count(where, program, line[1:].split())
                if mask:
                    name = "-".join([where["target"], *line.split()[1:]])
                    trace = counts.Trace(name, mask)
                stream.answer()
            elif line.startswith("@end "):
                if trace:
                    trace.stop()
                    trace = None
                self._count(where, program, line[1:].split())
                stream.answer()
            else:
                ended = self._line(where, line) or ended
        return ended

    def _count(self, where, program, about):
        if self.times is None:
            self.times = counts.CpuTimes()
        times = self.times.of({"dom0": 0, "guest": self.guest.domid})
        self.note(where, counters="dom0", about=about, cpu_ns=times,
                  text=counts.counters(program, about[0]))

    def _run(self, target, mode, step):
        where = {"target": target.name, "mode": mode, "pass": step["pass"]}
        stream = Stream(self._command(target, mode, step), 6 * self.job["timeout"], target.why)
        try:
            ended = self._follow(where, stream)
        finally:
            status = stream.end()
        if not ended or status not in (0, 1):
            raise Missing(f"the program did not come to its end (status {status})")
        return status == 0

    def _switch(self, target, script):
        """Switch something on or off in both domains, and pass on what they say."""
        said = [("dom0", run("sh", "-c", f"{ADD}/machine/{script} 2>&1"))]
        if target.in_guest:
            said.append(("guest", self.guest.shell(f"{ADD}/machine/{script} 2>&1")))
        for who, text in said:
            if text.strip():
                say(f"{who}: {text.strip()}")

    def _pass(self, target, mode, step):
        _, switch, _ = PASSES[step["pass"]]
        if not switch:
            return self._run(target, mode, step)
        try:
            self._switch(target, f"{switch} on")
            return self._run(target, mode, step)
        finally:
            self._switch(target, f"{switch} off")

    def step(self, target, mode, step):
        where = {"target": target.name, "mode": mode, "pass": step["pass"]}
        try:
            target.start()
            target.mount(mode)
            os.makedirs(target.home, exist_ok=True)
            run(BENCH, "--prepare", target.home)
            whole = self._pass(target, mode, step)
            if not whole:
                self._explain(where, target)
            target.unmount()
        except Missing as error:
            why = target.why()
            self.failed(where, f"{error}. {why}" if why and why not in str(error) else str(error))
            self._give_up(where, target)
        except OSError as error:
            self.failed(where, str(error))
            self._give_up(where, target)
        finally:
            self._stop(where, target)

    def _explain(self, where, target):
        """Some results are missing: say why, and trust nothing that may hang."""
        if target.why():
            raise Missing(target.why())

    def _give_up(self, where, target):
        if not target.in_guest:
            return
        try:
            self.guest.destroy()
        except Missing as error:
            self.failed(where, f"the guest does not go away: {error}")

    def _stop(self, where, target):
        try:
            target.stop()
        except Missing as error:
            self.failed(where, str(error))

    def _steps(self):
        for name in self.job["targets"]:
            target = TARGETS[name](self.job, self.guest)
            for step in self.job["steps"]:
                if step["pass"] != "speed" and not target.in_guest:
                    continue
                for mode in target.modes():
                    if (mode or "none") in step["modes"]:
                        yield target, mode, step

    def run(self):
        steps = list(self._steps())
        for number, (target, mode, step) in enumerate(steps, 1):
            say(f"step {number} of {len(steps)}: {target.name}"
                f"{f', cache={mode}' if mode else ''}, {step['pass']}")
            self.step(target, mode, step)
        self.guest.destroy()


def main():
    with open(f"{ADD}/job.json", encoding="utf-8") as file:
        job = json.load(file)
    os.makedirs(EXPORT, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=800m,mode=755", "bench", EXPORT)
    began = time.monotonic()
    with open(OUT, "w", encoding="utf-8") as out:
        session = Session(job, out)
        session.run()
        json.dump({"done": True, "seconds": time.monotonic() - began}, out)
        out.write("\n")
    return 0 if session.whole else 1


sys.exit(main())
