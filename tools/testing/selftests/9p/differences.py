#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Makes the page about where diod's replies differ from this server's.

Reads what test_raw.py said of both (server.ktap and diod.ktap, of
run_differences.sh) and, in the file of verdicts beside this one, which is right
by the protocol. A difference that nobody has judged is an error, and so is a
verdict on what does not differ.
"""
import argparse
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
RESULT = re.compile(r"^(not ok|ok) \d+ (.*?)(?: # SKIP (.*))?$")
WIDTH = 84

HEAD = """.. SPDX-License-Identifier: GPL-2.0

=================================
Where diod answers something else
=================================

``tools/testing/selftests/diod-differences`` makes this page. It runs the suite of
raw messages (``tools/testing/selftests/9p/test_raw.py``) against this server and
against diod {version}, both on TCP on loopback, both on one directory of a tmpfs.
diod runs as root with ``--no-auth --no-userdb``, and without SIGPIPE, as systemd
starts it, since a client that goes in the middle of a reply ends it otherwise. Listed
is each test that the two answer differently, with the first thing that diod's replies
were found to differ in, and a verdict by hand (``differences.verdicts``):

this
    the protocol or POSIX asks for what this server does
diod
    it asks for what diod does
both
    both are allowed; the test is stricter than the protocol

Of {count} tests both pass {passed}; {skipped} are about what only one of them, or
neither, has or what takes another export.
"""


def read(path):
    """Test -> (passed, failed or skipped, why)."""
    found, said = {}, []
    for line in path.read_text(errors="replace").splitlines():
        result = RESULT.match(line)
        if not result:
            if line.startswith("# "):
                said.append(line[2:])
            continue
        kind, name, skipped = result.groups()
        if skipped is not None:
            found[name] = ("skipped", skipped)
        elif kind == "ok":
            found[name] = ("passed", "")
        else:
            found[name] = ("failed", said[-1] if said else "")
        said = []
    return found


def read_verdicts(path):
    """Test -> (verdict, why): a line of both with a bar between, then the reason."""
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = [word.strip() for word in line.split("|")]
        if len(words) != 3 or words[1] not in ("this", "diod", "both"):
            raise ValueError(f"{path.name}:{number}: wants TEST | this, diod or both | why")
        found[words[0]] = words[1:]
    return found


def literal(text):
    """Text of a reply as it stands: nothing in it is markup."""
    text = re.sub(r"^(Failed|ProtocolError|Closed|P9Error|\w+Error): ", "", text)
    # What changes from run to run
    text = re.sub(r"/tmp/9p-\w+", "...", text)
    text = re.sub(r"\bt\d+-\d+\b", "...", text)
    text = re.sub(r" with (Attr|Qid)\(.*", "", text)
    text = re.sub(r"\bpath=\d+|\b\d{4,}\b", "...", text)
    return "``" + text.replace("`", "'").strip() + "``"


def row(words):
    for n, word in enumerate(words):
        lines = textwrap.wrap(word, WIDTH, break_long_words=False,
                              break_on_hyphens=False) or [""]
        yield ("   * - " if not n else "     - ") + lines[0]
        yield from ("       " + line for line in lines[1:])


def page(server, diod, verdicts, version):
    """The page's lines, and what is wrong with the verdicts."""
    differ, wrong = [], []
    for name, (mine, why) in server.items():
        theirs, their_why = diod.get(name, ("failed", "the test did not run"))
        if mine == theirs or "skipped" in (mine, theirs):
            continue
        if name not in verdicts:
            wrong.append(f"not judged yet: {name}\n    this: {mine} {why}\n"
                         f"    diod: {theirs} {their_why}")
            continue
        differ.append((name, literal(their_why if mine == "passed" else why), *verdicts[name]))
    for name in set(verdicts) - {entry[0] for entry in differ}:
        wrong.append(f"judged, but does not differ: {name}")

    skipped = sum("skipped" in (mine, diod.get(name, ("",))[0])
                  for name, (mine, _) in server.items())
    passed = sum(mine == "passed" and diod.get(name, ("",))[0] == "passed"
                 for name, (mine, _) in server.items())
    lines = HEAD.format(version=version, count=len(server), passed=passed,
                        skipped=skipped).splitlines()
    lines += ["", ".. list-table::", "   :header-rows: 1", "",
              *row(["what is tested", "what differs", "right", "why"])]
    for entry in differ:
        lines += row(entry)
    return lines, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=pathlib.Path,
                        help="the folder with server.ktap, diod.ktap and version")
    parser.add_argument("--write", type=pathlib.Path, help="the page (default: print it)")
    args = parser.parse_args()
    server = read(args.results / "server.ktap")
    diod = read(args.results / "diod.ktap")
    if not server or not diod:
        print("differences: one of the servers was not tested", file=sys.stderr)
        return 1
    broken = [name for name, (result, _) in server.items() if result == "failed"]
    lines, wrong = page(server, diod, read_verdicts(HERE / "differences.verdicts"),
                        (args.results / "version").read_text().strip())
    if args.write and not wrong:
        args.write.write_text("\n".join(lines) + "\n")
    elif not args.write:
        print("\n".join(lines))
    for line in wrong + [f"this server fails: {name}" for name in broken]:
        print(f"differences: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
