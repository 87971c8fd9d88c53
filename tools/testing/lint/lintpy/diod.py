# SPDX-License-Identifier: GPL-2.0
"""The page about diod against the tests that it was made by."""

import ast
import re

from .core import Finding

TESTS = re.compile(r"^tools/testing/selftests/9p/raw_\w+\.py$")
VERDICTS = "tools/testing/selftests/9p/differences.verdicts"
PAGE = "Documentation/diod-differences.rst"
COUNT = re.compile(r"^Of (\d+) tests\b")
AGAIN = "run tools/testing/selftests/diod-differences"


def _tests(project):
    """What the tests of raw messages say that they prove."""
    for name in filter(TESTS.match, project.files):
        for node in ast.walk(ast.parse(project.text(name))):
            if isinstance(node, ast.FunctionDef):
                for one in node.decorator_list:
                    if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "test":
                        yield one.args[0].value


def _lines(project, name):
    text = project.text(name) if name in project.files else ""
    return list(enumerate(text.splitlines(), 1))


def check(project):
    """Each test was tried with diod, and what it differs in was judged."""
    tests = set(_tests(project))
    if not tests:
        return []
    counts = [(number, int(found.group(1))) for number, line in _lines(project, PAGE)
              if (found := COUNT.match(line))]
    found = [Finding(PAGE, number, "untried",
                     f"{count} tests were tried with diod, and there are {len(tests)}: {AGAIN}")
             for number, count in counts or [(1, 0)] if count != len(tests)]
    page = "\n".join(line for _, line in _lines(project, PAGE))
    page = re.sub(r"\s+", " ", page)
    for number, line in _lines(project, VERDICTS):
        name = line.split("|")[0].strip()
        if not name or name.startswith("#"):
            continue
        if name not in tests:
            found.append(Finding(VERDICTS, number, "no-test",
                                 f"no test is called {name!r}"))
        elif f"* - {name} " not in page:
            found.append(Finding(VERDICTS, number, "not-shown",
                                 f"{PAGE} lacks {name!r}: {AGAIN}"))
    return found
