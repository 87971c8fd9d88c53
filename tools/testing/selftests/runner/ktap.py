# SPDX-License-Identifier: GPL-2.0
"""Reads what a suite prints and judges whether it is complete.

Only lines at the left edge count: results of nested tests are diagnostics. A
suite that says less than its plan announced, or more, or ends with a status
that its results do not explain has failed, whatever its results say.
"""

import re

RESULT = re.compile(r"(?P<not>not )?ok (?P<number>\d+)(?: -)?(?: (?P<name>[^#]*?))?"
                    r"\s*(?:#\s*(?P<remark>.*))?$")
PLAN = re.compile(r"1\.\.(?P<count>\d+)\s*(?:#\s*(?P<remark>.*))?$")
SKIP = re.compile(r"skip\b:?\s*(?P<why>.*)", re.I)

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# The exit status with which a kselftest says that all of it was skipped
STATUS_SKIP = 4


class Suite:
    """The results of one suite, while it runs and at its end.

    show(outcome, text, remark) is called for each result, and note(line) for
    all else that the suite prints.
    """

    def __init__(self, show, note):
        self.show = show
        self.note = note
        self.planned = None
        self.seen = 0
        self.failed = 0
        self.last = ""
        self.broken = []

    def line(self, line):
        line = line.rstrip("\r\n")
        plan = PLAN.match(line)
        result = RESULT.match(line)
        if plan:
            self._plan(int(plan["count"]), plan["remark"] or "")
        elif result:
            self._result(result)
        elif line.startswith("Bail out!"):
            self.broken.append(f"it gave up: {line[9:].strip()}")
        elif line.strip() and not line.startswith("KTAP version"):
            self.note(line)
        self.last = line if line.strip() else self.last

    def _plan(self, count, remark):
        if self.planned is not None:
            self.broken.append("it printed two plans")
        self.planned = count
        skip = SKIP.match(remark)
        if count == 0 and skip:
            self.show(SKIPPED, "all of it", skip["why"])

    def _result(self, result):
        self.seen += 1
        if int(result["number"]) != self.seen:
            self.broken.append(f"result {result['number']} came where {self.seen} should be")
        remark = result["remark"] or ""
        skip = SKIP.match(remark)
        name = result["name"] or f"test {self.seen}"
        if result["not"]:
            self.failed += 1
            # Known to fail, whatever the remark: failed all the same
            self.show(FAILED, name, remark)
        elif skip:
            self.show(SKIPPED, name, skip["why"])
        else:
            self.show(PASSED, name, remark)

    def end(self, status):
        """The suite ended with a status; None if it never did."""
        said = f"; the last thing it printed was: {self.last}" if self.last else ""
        if status is None:
            self.broken.append(f"it did not end{said}")
        elif status not in (0, STATUS_SKIP) and not self.failed and not self.broken:
            self.broken.append(f"it ended with status {status} although nothing "
                               f"had failed{said}")
        elif status == STATUS_SKIP and self.planned != 0:
            self.broken.append("it ended as skipped without a plan 1..0 # SKIP")
        if self.planned is None:
            self.broken.append(f"it printed no plan{said}")
        elif self.planned != self.seen:
            self.broken.append(f"it announced {self.planned} results and gave {self.seen}{said}")
        elif self.planned == 0 and status != STATUS_SKIP and not self.broken:
            self.broken.append("it tested nothing")
        if self.broken:
            self.failed += 1
            self.show(FAILED, "the suite as a whole", "; ".join(dict.fromkeys(self.broken)))
        return not self.failed
