# SPDX-License-Identifier: GPL-2.0
"""Checks of kernel code by the kernel's own means.

The compiler with W=1, sparse, kernel-doc, and coccicheck's semantic patches.
"""

import concurrent.futures
import functools
import os
import re
import shutil

from .core import Finding, ToolError, run
from .known import Known

# What kbuild prints that is no warning about a module
NOISE = re.compile(
    r"^(make\[\d+\]|make): (Entering|Leaving) directory"
    # a headers package lacks the script, so lint validates sparse by itself
    r"|/scripts/checker-valid\.sh: No such file or directory"
    r"|: C=2 specified, but .* is not available or not up to date"
    # the tree's compiler is a point release away from the kernel's
    r"|^warning: the compiler differs from the one used to build the kernel"
    r"|^  (The kernel was built by:|You are using:)"
    # no vmlinux with BTF in a headers package
    r"|^Skipping BTF generation for .* due to unavailability of vmlinux")

PLACE = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+)(:\d+)?: "
                   r"(?P<what>warning|error|fatal error|note): (?P<text>.*)$")

# sparse of Debian 13 stops at the first of these in the newer kernel's headers
KNOWS_UNQUAL = """static inline int u(const int *q)
{
	__typeof_unqual__(*q) v = *q;
	return v;
}
"""

# What spatch remarks about a semantic patch itself
ABOUT_PATCH = re.compile(r"^warning: line \d+: should \w+ be a metavariable\?$")

SPARSE_WRAPPER = """#!/bin/sh
for file; do :; done
echo "$file" >> {log}.files
exec {sparse} "$@" 2>> {log}
"""


def _findings(project, text, kind):
    """The findings in a compiler's output; what has no place counts as well."""
    found = []
    for line in text.splitlines():
        place = PLACE.match(line)
        if place:
            what = place["what"]
            if what == "note":
                continue
            path = project.relative(place["path"])
            named = re.search(r"\[-W([\w=-]+)\]$", line)
            found.append(Finding(path, int(place["line"]),
                                 named.group(1) if named else kind,
                                 f"{what}: {place['text']}"))
        elif re.search(r"warning|error|\*\*\*|undefined", line, re.I):
            found.append(Finding("Kbuild", 0, kind, line.strip()))
    # That make gave up says nothing if it is known why
    return [f for f in found if not re.match(r"make.*(\*\*\*|not remade)", f.text)] or found


def _sparse(project):
    sparse = project.extra / "usr/bin/sparse"
    sample = project.scratch / "unqual.c"
    sample.write_text(KNOWS_UNQUAL)
    tried = run([sparse, sample])
    if tried.returncode or "error" in tried.stdout:
        raise ToolError("sparse does not know __typeof_unqual__: "
                        + tried.stdout.strip())
    return sparse


@functools.lru_cache(maxsize=None)
def _build(project, kernel):
    """What building all modules said: status, output, sparse's, its files, modules."""
    known, files = Known(project, f"build-{kernel}"), project.build_files()
    said = known.get(files)
    if said is None:
        said = _build_now(project, kernel)
        if not said[0]:
            known.keep(files, said)
    return said


def _build_now(project, kernel):
    """Builds them with W=1, and sparse on each file beside it."""
    place = project.scratch / f"build-{kernel}"
    shutil.copytree(project.root, place, symlinks=True)
    log = project.scratch / f"sparse-{kernel}.log"
    log.write_text("")
    wrapper = project.scratch / f"sparse-{kernel}"
    wrapper.write_text(SPARSE_WRAPPER.format(log=log, sparse=_sparse(project)))
    wrapper.chmod(0o755)
    done = run(["make", "-s", "-k", f"-j{os.cpu_count()}", "-C", project.headers(kernel),
                f"M={place}", "DISKS=y", "W=1", "C=2", "KBUILD_CHECKSRC=2",
                "CF=-D__CHECK_ENDIAN__", f"CHECK={wrapper}", "modules"])
    output = "\n".join(line for line in done.stdout.splitlines()
                       if not NOISE.search(line)).replace(str(place), str(project.root))
    return (done.returncode, output,
            log.read_text().replace(str(place), str(project.root)),
            _lines(log.with_suffix(".log.files")), len(list(place.rglob("*.ko"))))


def _lines(path):
    return path.read_text().split() if path.exists() else []


def build(kernel, project):
    """All modules with W=1, any warning fails."""
    status, output, _, _, modules = _build(project, kernel)
    found = _findings(project, output, "build")
    if status and not found:
        raise ToolError(f"the build for {kernel} failed: {output[-2000:]}")
    if not found and not modules:
        raise ToolError(f"the build for {kernel} made no module")
    leftover = [line for line in output.splitlines() if line.strip()]
    if leftover and not found:
        found = [Finding("Kbuild", 0, "build", line) for line in leftover]
    return found


def sparse(kernel, project):
    """sparse on each file of the modules, any warning fails."""
    _, _, output, seen, _ = _build(project, kernel)
    if not [f for f in seen if not f.endswith(".mod.c")]:
        raise ToolError(f"sparse saw no file in the build for {kernel}")
    return _findings(project, output, "sparse")


def kernel_doc(project):
    """Every kernel-doc comment, in headers as well, names every parameter."""
    files = project.kernel_files()
    script = project.kernel_source("mainline") / "scripts/kernel-doc"
    done = run([script, "-none", *files], cwd=project.root)
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"(?:Warning|Error|Info): (\S+?):(\d+):? ?(.*)", line, re.I)
        if place:
            found.append(Finding(place[1], int(place[2]), "kernel-doc", place[3]))
        elif line.strip():
            found.append(Finding("kernel-doc", 0, "kernel-doc", line.strip()))
    if done.returncode and not found:
        raise ToolError(f"kernel-doc failed with {done.returncode}")
    return found


def _semantic_patches(source):
    """coccicheck's patches with a report mode that need no OCaml compiler."""
    for path in sorted((source / "scripts/coccinelle").rglob("*.cocci")):
        text = path.read_text()
        if re.search(r"^virtual\s+(\w+\s*,\s*)*report\b", text, re.M) and \
           not re.search(r"^@\s*(script|initialize|finalize)\s*:\s*ocaml", text, re.M):
            yield path, text


def _spatch(project, source, includes, files, patch):
    path, text = patch
    options = re.findall(r"^//[ \t]*Options:[ \t]*(.*)$", text, re.M)
    done = run(["spatch", "-D", "report", "--no-show-diff", "--very-quiet",
                "--cocci-file", path, *" ".join(options).split(), *includes, *files],
               cwd=project.root)
    name = path.stem
    if done.returncode:
        raise ToolError(f"spatch failed on {path.relative_to(source)}:\n{done.stdout}")
    found = []
    for line in done.stdout.splitlines():
        place = re.match(r"(\S+?):(\d+)(?::\d+)?(?:-\d+)?:? (.*)", line)
        if place:
            found.append(Finding(project.relative(place[1]), int(place[2]), name, place[3]))
        elif line.strip() and not ABOUT_PATCH.search(line):
            found.append(Finding("coccinelle", 0, name, line.strip()))
    return found


def coccinelle(project):
    """coccicheck's semantic patches, any report fails."""
    source = project.kernel_source("mainline")
    headers = project.headers("mainline")
    common = headers.with_name(headers.name.replace("-amd64", "-common"))
    includes = []
    for folder in (project.root, headers, common):
        for part in ("arch/x86/include", "arch/x86/include/generated", "include"):
            if (folder / part).is_dir():
                includes += ["-I", folder / part]
    includes += ["--include", common / "include/linux/kconfig.h"]
    patches = list(_semantic_patches(source))
    if len(patches) < 50:
        raise ToolError(f"found {len(patches)} semantic patches where the kernel has some 70")

    def look(files):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda p: _spatch(project, source, includes, files, p), patches)
            return [f for found in results for f in found]

    # It reads the project's headers with each file
    known = Known(project, "coccinelle", project.kernel_files((".h",)))
    return known.each(project.kernel_files((".c",)), look)
