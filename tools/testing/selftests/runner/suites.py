# SPDX-License-Identifier: GPL-2.0
"""The suites that run on Xen: which there are, and how few boots they need.

A suite is a script rig/NAME.sh. Lines of its header that begin with "# rig:"
say where it runs; each stands for all combinations of the values it lists:

  # rig: kernel=lts,mainline guest=pv,pvh

  kernel=    any kernel of the rig (lts,mainline): that of dom0 and guests
  dom0=      the same for dom0 only (what the rig takes)
  guest=     pv and pvh (pv)
  front=     ours and upstream (ours)
  back=      ours and qemu (ours)
  boot=      shared or own (shared): own if the suite may not share its machine
  when=      always, spare or named (always): spare if it runs, in turn with others,
             when a check has time left, and when the command line names it; named
             if in the latter case only. Either has a machine of its own
  timeout=   seconds for one run of the suite (180), a third of what it has on a
             kernel that is not its own
  args=      further words for "rig run", with commas between (none)

The machine depends on kernel=, dom0=, back= and args= alone, so that one boot
serves all suites and variants which agree in these.
"""

import dataclasses
import fnmatch
import itertools
import pathlib
import re

from rigpy import kernels

ALLOWED = {
    "kernel": set(kernels.ALL), "dom0": set(kernels.ALL), "guest": {"pv", "pvh"},
    "front": {"ours", "upstream"}, "back": {"ours", "qemu"}, "boot": {"shared", "own"},
    "when": {"always", "spare", "named"},
}
DEFAULTS = {"kernel": "lts,mainline", "guest": "pv", "front": "ours", "back": "ours",
            "boot": "shared", "when": "always"}
TIMEOUT = 180
# How many times as long a suite may take on kernels that it was not written for
SLOWER = 3


class SuiteError(Exception):
    """A suite's header says something that makes no sense."""


@dataclasses.dataclass(frozen=True)
class Boot:
    """A machine that suites run on."""

    kernel: str
    dom0: str
    back: str
    args: tuple
    own: str = ""

    @property
    def name(self):
        words = [self.kernel]
        if self.dom0 != self.kernel:
            words.append(f"dom0-{self.dom0}")
        if self.back != "ours":
            words.append(self.back)
        words += [re.sub(r"\W+", "-", word).strip("-") for word in self.args]
        if self.own:
            words.append(self.own)
        return "-".join(words)


@dataclasses.dataclass(frozen=True)
class Variant:
    """One run of a suite."""

    suite: str
    boot: Boot
    guest: str
    front: str
    timeout: int
    when: str = "always"

    @property
    def name(self):
        words = [self.boot.name, self.guest]
        if self.front != "ours":
            words.append(self.front)
        return f"{self.suite} ({', '.join(words)})"


def _directives(path):
    """What each "# rig:" line of a header says."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.startswith("#"):
            return
        if not line.startswith("# rig:"):
            continue
        said = {}
        for word in line[6:].split():
            key, equals, value = word.partition("=")
            if not equals or key not in (*ALLOWED, "timeout", "args"):
                raise SuiteError(f"{path.name}:{number}: what is {word}? "
                                 f"Known are {', '.join([*ALLOWED, 'timeout', 'args'])}")
            wrong = set(value.split(",")) - ALLOWED.get(key, set(value.split(",")))
            if wrong:
                raise SuiteError(f"{path.name}:{number}: {key} cannot be {', '.join(wrong)}")
            said[key] = value
        yield said


def _variants(path, said, kernel_names):
    values = {**DEFAULTS, **said}
    if kernel_names:
        values["kernel"] = ",".join(kernel_names)
        # Then nothing has to wait for its turn
        values["when"] = values["when"].replace("spare", "always")
    timeout = values.get("timeout", str(TIMEOUT))
    if not timeout.isdigit():
        raise SuiteError(f"{path.name}: timeout={timeout} is no number of seconds")
    seconds = int(timeout) * (SLOWER if kernel_names else 1)
    args = tuple(word for word in values.get("args", "").split(",") if word)
    alone = kernel_names or values["boot"] == "own" or values["when"] != "always"
    for kernel, back, front, guest in itertools.product(
            *(values[key].split(",") for key in ("kernel", "back", "front", "guest"))):
        own = ""
        if alone:
            # Each type of guest has its turn
            own = path.stem if guest == DEFAULTS["guest"] else f"{path.stem}-{guest}"
        dom0s = kernel if "--no-xen" in args else values.get("dom0", kernels.dom0_for(kernel))
        if guest == DEFAULTS["guest"]:
            guest = kernels.guest_for(kernel)
        for dom0 in dom0s.split(","):
            yield Variant(path.stem, Boot(kernel, dom0, back, args, own), guest, front,
                          seconds, values["when"])


def read(folder, kernel_names=()):
    """All variants of all suites, in order of their names.

    kernel_names: run each suite on these kernels, not on those that it names, and on a
    machine of its own: these look for what is left only when a machine ends
    """
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.sh")):
        for said in list(_directives(path)) or [{}]:
            found += _variants(path, said, kernel_names)
    return list(dict.fromkeys(found))


def chosen(variants, patterns):
    """Those whose suites are named, or, if none is, those that need not be."""
    if not patterns:
        return [v for v in variants if v.when != "named"]
    return [v for v in variants if any(fnmatch.fnmatch(v.suite, p) for p in patterns)]


def boots(variants):
    """The boots needed, each with its variants."""
    found = {}
    for variant in variants:
        found.setdefault(variant.boot, []).append(variant)
    return found
