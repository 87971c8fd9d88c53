# SPDX-License-Identifier: GPL-2.0
"""Checks of how things are written: checkpatch, spelling, scripts, tools."""

import ast
import concurrent.futures
import os
import re
import shutil

from .core import Finding, ToolError, run
from .known import Known

def _checkpatch_some(project, number, files):
    """checkpatch on some of the files, in a folder for its cache of names."""
    source = project.kernel_source("mainline")
    place = project.scratch / f"checkpatch-{number}"
    place.mkdir()
    done = run(["perl", source / "scripts/checkpatch.pl", "--no-tree", f"--root={source}",
                "--strict", "--terse", "--show-types", "--no-summary", "-f",
                *(project.root / f for f in files)], cwd=place)
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"([^\s:]+):(\d+): (?:ERROR|WARNING|CHECK):(\w+): (.*)", line)
        if place:
            found.append(Finding(project.relative(place[1]), int(place[2]), place[3], place[4]))
        elif line.strip():
            raise ToolError(f"checkpatch said: {line}")
    if done.returncode and not found:
        raise ToolError(f"checkpatch failed with {done.returncode}")
    return found


def checkpatch(project):
    """checkpatch --strict on every C file, the tools' as well."""
    known = Known(project, "checkpatch")
    found = known.each(project.c_files(), lambda files: _checkpatch_all(project, files))
    return sorted((f for f in found if not _documented_lock(project, f)),
                  key=lambda f: (f.path, f.line))


def _checkpatch_all(project, files):
    count = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        results = pool.map(lambda n: _checkpatch_some(project, n, files[n::count]),
                           range(min(count, len(files))))
        return [f for some in results for f in some]


def _documented_lock(project, finding):
    """A lock whose structure's kernel-doc says what it is for.

    checkpatch wants a comment right above every lock and does not see this one.
    """
    if finding.kind != "UNCOMMENTED_DEFINITION":
        return False
    lines = project.text(finding.path).splitlines()
    name = re.search(r"(\w+);", lines[finding.line - 1])
    above = "\n".join(lines[:finding.line - 1])
    comment = above[above.rfind("/**"):]
    return bool(name and re.search(rf"^ \* @{name[1]}: \S", comment, re.M))


def spelling(project):
    """Words that are commonly misspelled, in all text."""
    names = [f for f in project.files if project.text(f) is not None and f != "COPYING"]
    words = project.root / "tools/testing/lint/words"
    known = ["--ignore-words", words] if words.exists() else []
    done = run(["codespell", *known, *names], cwd=project.root)
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"(\S+?):(\d+): (.*)", line)
        if not place:
            raise ToolError(f"codespell said: {line}")
        found.append(Finding(place[1], int(place[2]), "spelling", place[3]))
    return found


def findings_of(project, module, *words):
    """What a Python module of the extra packages finds; other lines belong to those above."""
    library = project.extra / "usr/lib/python3/dist-packages"
    done = run(["python3", "-m", module, *words], cwd=project.root,
               env={**os.environ, "PYTHONPATH": str(library)})
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"(\S+?):(\d+):(?:\d+:?)? (.*)", line)
        if place:
            found.append(Finding(place[1], int(place[2]), module, place[3]))
        elif not found:
            raise ToolError(f"{module} said: {line}")
    return found


def documents(project):
    """reStructuredText in which docutils sees nothing wrong."""
    found = []
    for name in (f for f in project.files if f.endswith(".rst")):
        found += findings_of(project, "docutils", "--writer=null", name)
    return found


def shell_scripts(project):
    return [f for f in project.files
            if f.endswith(".sh") or project.interpreter(f) in ("sh", "bash", "dash")]


def shellcheck(project):
    """shellcheck on every shell script, any remark fails."""
    scripts = shell_scripts(project)
    if not scripts:
        raise ToolError("found no shell script")
    done = run(["shellcheck", "-x", "-P", "SCRIPTDIR", "-f", "gcc", *scripts],
               cwd=project.root)
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"(\S+?):(\d+):\d+: \w+: (.*) \[(SC\d+)\]", line)
        if not place:
            raise ToolError(f"shellcheck said: {line}")
        found.append(Finding(place[1], int(place[2]), place[4], place[3]))
    return found


def python(project):
    """Python that 3.11 can read and in which pyflakes sees nothing wrong."""
    names = [f for f in project.files
             if f.endswith(".py") or project.interpreter(f).startswith("python")]
    if not names:
        raise ToolError("found no Python")
    found = []
    for name in names:
        try:
            ast.parse(project.text(name), name, feature_version=(3, 11))
        except SyntaxError as error:
            found.append(Finding(name, error.lineno or 0, "syntax", error.msg))
    return found + findings_of(project, "pyflakes", *names)


def tools(project):
    """The userspace programs build without a warning, gcc's analyzer on."""
    found = []
    folders = sorted({os.path.dirname(f) for f in project.c_files((".c",))
                      if f.startswith("tools/") and not f.startswith("tools/testing/")})
    folders = [f for f in folders if f"{f}/Makefile" in project.files]
    place = project.scratch / "tools"
    shutil.copytree(project.root, place, symlinks=True)
    for folder in folders:
        output = project.scratch / folder.replace("/", "-")
        output.mkdir()
        done = run(["make", "-s", "-k", "-C", place / folder, f"O={output}",
                    "CFLAGS=-O2 -g -Wall -Wextra -fanalyzer"])
        for line in done.stdout.splitlines():
            where = re.match(r"(\S+?):(\d+):\d+: (?:warning|error|fatal error): (.*)", line)
            if where:
                name = where[1].replace(f"{place}/", "")
                name = name if name in project.files else f"{folder}/{name}"
                found.append(Finding(name, int(where[2]), "tools", where[3]))
        if done.returncode and not found:
            raise ToolError(f"{folder} does not build:\n{done.stdout[-2000:]}")
    return found
