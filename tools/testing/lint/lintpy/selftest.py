# SPDX-License-Identifier: GPL-2.0
"""Plants faults in a small project and looks whether lint finds them."""

import pathlib
import re
import secrets
import subprocess
import sys
import tempfile

from rigpy import cache

from .names import CHECKS

LINT = pathlib.Path(__file__).resolve().parents[1] / "lint"

SPDX = "SPDX-License-Identifier: GPL-2.0"

# A project in which there is nothing to find
CLEAN = {
    "Kbuild": f"# {SPDX}\nobj-m += net/9p/\n",
    "net/9p/Kbuild": f"# {SPDX}\nobj-m += sample.o\n",
    "net/9p/sample.h": f"""/* {SPDX} */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <linux/types.h>

u32 sample_value(__le32 raw);

#endif /* SAMPLE_H */
""",
    "net/9p/sample.c": f"""// {SPDX}
/* Nothing to find here */
#include <linux/module.h>

#include "sample.h"

/**
 * sample_value - what a raw value is
 * @raw: the raw value
 *
 * Return: the value.
 */
u32 sample_value(__le32 raw)
{{
	return le32_to_cpu(raw);
}}

MODULE_DESCRIPTION("Nothing to find here");
MODULE_LICENSE("GPL");
""",
    "tools/sample/Makefile": f"""# {SPDX}
all:
	$(CC) $(CFLAGS) -o $(O)/sample sample.c
""",
    "tools/sample/sample.c": f"""// {SPDX}
int main(void)
{{
	return 0;
}}
""",
    "tools/sample/sample.sh": f"""#!/bin/bash
# {SPDX}

set -euo pipefail

echo "nothing to find here: $*"
""",
    "tools/sample/sample.py": f'''# {SPDX}
"""Nothing to find here."""
''',
    "tools/testing/selftests/9p/raw_sample.py": f'''# {SPDX}
"""A test of raw messages."""
from harness import test


@test("what is asked once")
def asked(_):
    pass
''',
    "Documentation/diod-differences.rst": f".. {SPDX}\n\nOf 1 tests both pass 1.\n",
}

# A fault for each detector: the check, the kind of finding and what it says,
# the file, and the text that is put at the file's end. Words are broken up
# where lint would find them in this file as well.
FAULTS = [
    ("build-lts", "missing-prototypes", "no previous prototype", "net/9p/sample.c",
     "int unannounced(void);\nint announced(void)\n{\n\treturn 1;\n}\n"),
    ("build-mainline", "missing-prototypes", "no previous prototype", "net/9p/sample.c", ""),
    ("build-lts", "unused-variable", "unused variable", "net/9p/sample.c",
     "static int __used unused(void)\n{\n\tint nobody;\n\n\treturn 1;\n}\n"),
    ("build-mainline", "unused-variable", "unused variable", "net/9p/sample.c", ""),
    ("sparse-lts", "sparse", "restricted __le32", "net/9p/sample.c",
     "static u32 __used endian(__le32 raw)\n{\n\treturn raw + 1;\n}\n"),
    ("sparse-mainline", "sparse", "restricted __le32", "net/9p/sample.c", ""),
    ("sparse-lts", "sparse", "different address spaces", "net/9p/sample.c",
     "static long __used space(int __user *from)\n{\n\treturn *(int *)from;\n}\n"
     "static int __used space2(const int __user *from)\n{\n\tconst int *p = from;\n\n"
     "\treturn *p;\n}\n"),
    ("sparse-mainline", "sparse", "different address spaces", "net/9p/sample.c", ""),
    ("kernel-doc", "kernel-doc", "parameter .*second", "net/9p/sample.c",
     "/**\n * documented - a function\n * @first: one\n */\n"
     "static int __used documented(int first, int second)\n{\n\treturn first + second;\n}\n"),
    ("kernel-doc", "kernel-doc", "member .*second", "net/9p/sample.h",
     "/**\n * struct documented - one\n * @first: one\n */\n"
     "struct documented {\n\tint first;\n\tint second;\n};\n"),
    ("coccinelle", "mini_lock", "preceding lock", "net/9p/sample.c",
     "static DEFINE_MUTEX(sample_lock);\n"
     "static int __used unlocked(int *count)\n{\n\tmutex_lock(&sample_lock);\n"
     "\tif (*count > 5)\n\t\treturn -EBUSY;\n\t(*count)++;\n"
     "\tmutex_unlock(&sample_lock);\n\treturn 0;\n}\n"),
    ("coccinelle", "kfree", "reference preceded by free", "net/9p/sample.c",
     "static int __used freed(int *what)\n{\n\tkfree(what);\n\treturn *what;\n}\n"),
    ("coccinelle", "deref_null", "NULL but dereferenced", "net/9p/sample.c",
     "struct box {\n\tint side;\n};\n\n"
     "static int __used dereferenced(struct box *what)\n{\n\tif (!what)\n"
     "\t\treturn what->side;\n\treturn 0;\n}\n"),
    ("checkpatch", "SPACING", "space", "net/9p/sample.c",
     "static int __used spaced(int a)\n{\n\tif(a==1)\n\t\treturn 2;\n\treturn 3;\n}\n"),
    ("checkpatch", "UNCOMMENTED_DEFINITION", "without comment", "net/9p/sample.h",
     "struct locked {\n\tint value;\n\tstruct mutex lock;\n};\n"),
    ("spelling", "spelling", "==>", "tools/sample/sample.py", "# rec" "ieved\n"),
    ("documents", "docutils", "underline too short", "Documentation/sample.rst",
     f".. {SPDX}\n\nA title\n=====\n"),
    ("documents", "docutils", "Malformed table", "Documentation/sample.rst",
     "\n=== ===\none two\nlonger than that\n=== ===\n"),
    ("shellcheck", "SC2086", "globbing", "tools/sample/sample.sh", "rm $1\n"),
    ("python", "pyflakes", "imported but unused", "tools/sample/sample.py", "import os\n"),
    ("python", "syntax", "", "tools/sample/broken.py", f"# {SPDX}\ndef f(:\n"),
    ("tools", "tools", "unused variable", "tools/sample/sample.c",
     "static int __attribute__((used)) unused(void)\n{\n\tint nobody;\n\n\treturn 1;\n}\n"),
    ("tools", "tools", "leak", "tools/sample/sample.c",
     "#include <stdio.h>\n#include <stdlib.h>\nint leak(int size);\nint leak(int size)\n{\n"
     "\tchar *text = malloc(size);\n\n\tif (!text || puts(text) < 0)\n\t\treturn 1;\n"
     "\tfree(text);\n\treturn 0;\n}\n"),
    # Not built: sparse says nothing of a file that cannot be compiled
    ("abi", "undocumented", "shown_only", "net/9p/shown.c",
     f"// {SPDX}\nstatic struct attribute *sample_attrs[] __used = {{\n"
     "\t&dev_attr_shown_only.attr,\n};\n"),
    ("abi", "undocumented", "seen_only", "net/9p/shown.c",
     "static void __used seen(void)\n{\n"
     "\tdebugfs_create_u32(\"seen_only\", 0400, NULL, NULL);\n}\n"),
    ("abi", "nowhere", "told_only", "Documentation/ABI/testing/sysfs-told",
     "What:\t\t/sys/kernel/told_only\nDate:\t\tMay 2026\nKernelVersion:\t7.0\n"
     "Contact:\tnobody@example.org\nDescription:\n\t\tNowhere.\n\n"),
    ("abi", "twice", "told_only", "Documentation/ABI/testing/sysfs-told",
     "What:\t\t/sys/kernel/told_only\nDate:\t\tMay 2026\nKernelVersion:\t7.0\n"
     "Contact:\tnobody@example.org\nDescription:\n\t\tAgain.\n\n"),
    ("abi", "fields", "once each", "Documentation/ABI/testing/sysfs-undated",
     "What:\t\t/sys/kernel/undated\nDescription:\n\t\tUndated.\n"),
    ("abi", "empty", "Description", "Documentation/ABI/testing/sysfs-silent",
     "What:\t\t/sys/kernel/silent\nDate:\t\tMay 2026\nKernelVersion:\t7.0\n"
     "Contact:\tnobody@example.org\nDescription:\n"),
    ("diod", "untried", "5 tests", "Documentation/diod-differences.rst",
     "Of 5 tests both pass 4.\n"),
    ("diod", "no-test", "nobody asks", "tools/testing/selftests/9p/differences.verdicts",
     f"# {SPDX}\nnobody asks | both | That is no test.\n"),
    ("diod", "not-shown", "asked once", "tools/testing/selftests/9p/differences.verdicts",
     "what is asked once | both | The page was not made.\n"),
    ("rules", "spdx", "", "tools/sample/bare.txt", "bare\n"),
    ("rules", "version", "", "net/9p/sample.c",
     "#include <linux/version.h>\n#if LINUX_VERSION_" "CODE < KERNEL_VERSION(6, 0, 0)\n#endif\n"),
    ("rules", "crash", "", "net/9p/sample.c",
     "static void __used crash(int a)\n{\n\tBUG" "_ON(a);\n}\n"),
    ("rules", "layering", "", "net/9p/sample.c", "#include <xen/xen.h>\n"),
    ("rules", "blanks", "", "tools/sample/sample.py", "# blanks  \n"),
    ("rules", "unfinished", "", "tools/sample/sample.py", "# FIX" "ME\n"),
    ("rules", "length", "", "tools/sample/long.txt", f"{SPDX}\n" + "long\n" * 900),
    ("rules", "end", "", "tools/sample/cut.txt", f"{SPDX}\ncut"),
    ("rules", "errexit", "", "tools/testing/selftests/rig/sample.sh",
     f"#!/bin/bash\n# {SPDX}\n! true\n"),
    ("rules", "unused", "", "tools/testing/lint/allow",
     f"# {SPDX}\nrules spdx nowhere.txt a file that is gone\n"),
]


# Checks that do not look again at what has not changed
KNOWN = ("checkpatch", "coccinelle", "build-lts", "sparse-lts")


def _lint(files, *checks):
    """Run lint on a project; its exit status, output and findings by check."""
    with tempfile.TemporaryDirectory(prefix="lint-selftest-", dir=cache.root()) as folder:
        folder = pathlib.Path(folder)
        for name, text in files.items():
            path = folder / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([LINT, "--source", folder / "project", "--findings",
                               folder / "findings", *checks], text=True, check=False,
                              stdout=subprocess.PIPE)
        found = folder / "findings"
        return done.returncode, done.stdout, found.read_text() if found.exists() else ""


def _planted():
    files = dict(CLEAN)
    for _, _, _, name, text in FAULTS:
        files[name] = files.get(name, "") + text
    # Nothing is known of a file that there has never been
    files["net/9p/sample.c"] += f"/* Planted as {secrets.token_hex(8)} */\n"
    return files


def _of(findings, checks):
    """The findings of some checks, each once."""
    return sorted({line for line in findings.splitlines() if line.startswith(checks)})


class Results:
    """Prints and counts."""

    def __init__(self, count):
        self.number = 0
        self.failed = 0
        print(f"KTAP version 1\n1..{count}", flush=True)

    def add(self, good, name):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} {name}", flush=True)


def _show(text):
    for line in text.splitlines():
        print(f"# {line}")


def main():
    results = Results(len(CHECKS) + len(FAULTS) + 2)
    status, output, _ = _lint(CLEAN)
    passed = re.findall(r"^ok \d+ (\S+)", output, re.M)
    for check in CHECKS:
        results.add(check in passed, f"{check} passes what has no fault")
    if status or len(passed) != len(CHECKS):
        _show(output)

    planted = _planted()
    status, output, findings = _lint(planted)
    missed = False
    for check, kind, text, name, _ in FAULTS:
        pattern = rf"^{check}: {re.escape(name)}:\d+: \[{kind}\] .*{text}"
        found = bool(re.search(pattern, findings, re.M))
        missed = missed or not found
        results.add(found, f"{check} finds a fault: {kind} {text}".rstrip())
    results.add(status != 0, "lint as a whole fails when something is found")
    if missed:
        _show(output)

    _, output, again = _lint(planted, *KNOWN)
    same = _of(findings, KNOWN) == _of(again, KNOWN) != []
    results.add(same, "what is known of files is what was found in them")
    if not same:
        _show(output)
    return 1 if results.failed else 0


sys.exit(main())
