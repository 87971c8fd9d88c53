# SPDX-License-Identifier: GPL-2.0
"""The command line."""

import argparse
import os
import shutil
import sys

from . import cache, coverage, kernels, run, source, tree
from .checkout import Checkout
from .machine import LINUX_FAST
from .say import RigError, say

P9 = "tag={tag},security_model=none,path={export}"


def _mebibytes(text):
    size = int(text)
    if size < 1:
        raise ValueError
    return size


# What --disk-opts may say, and the values that there are
DISK_OPTS = {"queues": range(1, 65), "order": range(5), "sectors": (512, 4096)}


def _disk_opts(text):
    found = {}
    for word in text.split(","):
        name, _, value = word.partition("=")
        if name not in DISK_OPTS:
            raise argparse.ArgumentTypeError(f"there is no {name}; there are: {', '.join(DISK_OPTS)}")
        if not value.isdecimal() or int(value) not in DISK_OPTS[name]:
            values = DISK_OPTS[name]
            raise argparse.ArgumentTypeError(
                f"{name} is {values[0]} {'or' if len(values) == 2 else 'to'} {values[-1]}, not {value!r}")
        found[name] = int(value)
    return found


def _add_machine(parser):
    parser.add_argument("--kernel", choices=kernels.ALL, default="mainline",
                        help="the guests' kernel (default: mainline)")
    parser.add_argument("--dom0-kernel", choices=kernels.ALL, help="default: as --kernel, if that boots as dom0")
    parser.add_argument("--guest", dest="type", choices=["pv", "pvh"],
                        help="default: pv, if the kernel boots as that")
    parser.add_argument("--vcpus", type=int, default=1, help="of a guest (default: 1)")
    parser.add_argument("--memory", type=int, default=512, metavar="MIB",
                        help="of a guest (default: 512)")
    parser.add_argument("--front", choices=["ours", "upstream"], default="ours")
    parser.add_argument("--back", choices=["ours", "qemu"], default="ours")
    parser.add_argument("--disk", type=_mebibytes, default=0, metavar="MIB",
                        help="give each guest a disk of this size, /dev/xvdc (default: none)")
    parser.add_argument("--blk-front", choices=["ours", "upstream"], default="upstream",
                        help="the frontend of guests' disks, their roots among them (upstream)")
    parser.add_argument("--blk-back", choices=["ours", "upstream", "qdisk"], default="upstream",
                        help="the backend of their disks; qdisk, which is QEMU, of /dev/xvdc alone "
                        "(upstream)")
    parser.add_argument("--disk-opts", type=_disk_opts, default={}, metavar="NAME=N,...",
                        help="queues=, at most, and ring order=, at most, of all disks of guests; "
                        "bytes of the sectors= of /dev/xvdc")
    parser.add_argument("--modules", action="store_true",
                        help="build and offer our modules, even with a stock frontend and backend")
    parser.add_argument("--msize", type=int, default=131072)
    parser.add_argument("--mount-options", default="", metavar="O", help="besides msize")
    parser.add_argument("--p9", metavar="SPEC", help=f"xl's line (default: {P9})")
    parser.add_argument("--dom0-vcpus", type=int, default=2)
    parser.add_argument("--dom0-memory", type=int, default=1536, metavar="MIB")
    parser.add_argument("--cpus", type=int, help="of the machine (default: 2; 1 if counted)")
    parser.add_argument("--machine-memory", type=int, default=4096, metavar="MIB")
    parser.add_argument("--no-xen", dest="xen", action="store_false",
                        help="boot dom0's kernel alone, for what needs neither Xen nor guests")
    parser.add_argument("--accel", choices=["auto", "tcg", "kvm"], default="auto")
    parser.add_argument("--counted", action="store_true",
                        help="time counted in instructions, for measuring")
    parser.add_argument("--coverage", action="store_true",
                        help="count which lines of the modules run; 'rig coverage' reads what "
                        "--out gets of it")
    parser.add_argument("--guest-root", action="store_true",
                        help="give dom0 two disks, /dev/rig-guest-root-1 and -2, with a Debian "
                        "root tree each, for guests that boot from 9P")
    parser.add_argument("--add", metavar="DIR", help="its content appears at /rig")
    parser.add_argument("--out", metavar="DIR", help="where $OUT and the logs go")
    parser.add_argument("--xen-append", action="append", default=[], metavar="WORD")
    parser.add_argument("--dom0-append", action="append", default=[], metavar="WORD")
    parser.add_argument("--qemu-append", action="append", default=[], metavar="WORD",
                        help="a further word for QEMU: -s for its gdb stub, a monitor, ...")
    parser.add_argument("--timeout", type=int, default=600, metavar="S",
                        help="for each script (default: 600)")
    parser.add_argument("--silence", type=int, default=300, metavar="S",
                        help="after which a machine hangs of whose dom0 nothing is heard, "
                        "which gives a sign of life each second (default: 300)")
    parser.add_argument("--verbose", action="store_true")


def _p9(options, tag, export):
    """xl's line of the guest's 9P device, beside which QEMU can serve no disk."""
    if options.blk_back == "qdisk":
        return ""
    return options.p9 or P9.format(tag=tag, export=export)


def _job(options):
    """What the programs inside the machine get to know."""
    tag, export = "share", "/srv/share"
    names = ("kernel", "type", "vcpus", "memory", "front", "back", "msize",
             "mount_options", "counted", "verbose", "timeout", "xen",
             "coverage", "disk", "disk_opts", "blk_front", "blk_back")
    job = {name: getattr(options, name) for name in names}
    size = shutil.get_terminal_size()
    job.update(linux_append=LINUX_FAST, watched=kernels.WATCHED,
               kernel_append={name: kernels.append(name) for name in kernels.ALL},
               tag=tag, export=export, mount="/mnt",
               dom0_kernel=options.dom0_kernel,
               p9=_p9(options, tag, export),
               shell=options.shell, with_guest=options.with_guest,
               term=os.environ.get("TERM", "dumb"), size=[size.lines, size.columns])
    return job


def _script(path):
    if path is None:
        return None
    if not os.path.isfile(path):
        raise RigError(f"there is no script {path}")
    with open(path, "rb") as file:
        if file.read(2) not in (b"#!", b"\x7fE"):
            raise RigError(f"{path} is neither a program nor a script that begins with #! and "
                           "its interpreter, such as #!/bin/bash")
    return path


def _run(options):
    if not options.dom0_kernel:
        options.dom0_kernel = kernels.dom0_for(options.kernel) if options.xen else options.kernel
    options.type = options.type or kernels.guest_for(options.kernel)
    if options.blk_back == "qdisk" and not options.disk:
        raise RigError("--blk-back qdisk serves the disk of --disk alone: say its size")
    if options.blk_back == "qdisk" and (options.p9 or options.back == "qemu"):
        raise RigError("a guest has no 9P device beside a disk of --blk-back qdisk: QEMU, which serves "
                       "the disk, ends when there is one")
    if "sectors" in options.disk_opts and (not options.disk or options.blk_back == "qdisk"):
        raise RigError("--disk-opts sectors= is for the disk of --disk, which QEMU serves with "
                       "sectors of 512 bytes alone: say its size, and another --blk-back")
    settings = vars(options)
    settings["job"] = _job(options)
    if options.cpus is None:
        settings["cpus"] = 1 if options.counted else 2
    for name in ("dom0_script", "guest_script"):
        _script(settings[name])
    if options.add and not os.path.isdir(options.add):
        raise RigError(f"--add {options.add}: no such folder")
    return run.run(tree.get(), settings)


def command_run(options):
    options.shell = None
    options.with_guest = bool(options.guest_script or not options.dom0_script)
    if options.with_guest and not options.xen:
        raise RigError("--no-xen leaves no guest to run: give it a --dom0-script, and no "
                       "--guest-script")
    return _run(options)


def command_shell(options):
    options.shell = "guest" if options.in_guest else "dom0"
    options.with_guest = options.in_guest or options.with_guest
    if options.with_guest and not options.xen:
        raise RigError("--no-xen leaves no guest to have a shell in or beside")
    options.dom0_script = options.guest_script = None
    return _run(options)


def command_build(options):
    one = tree.get()
    checkout = Checkout(one)
    names = kernels.DEBIAN if options.kernel == "all" else [options.kernel]
    if not checkout.has_modules():
        raise RigError(f"{checkout.path} has no Kbuild: no modules to build")
    for name in names:
        folder = checkout.build_modules(kernels.get(one, name), options.warnings, options.rest)
        for path in checkout.built_modules(folder):
            print(path)
    tools = checkout.build_tools()
    if tools:
        print(tools)
    return 0


def command_exec(options):
    if not options.rest:
        raise RigError("nothing to run: say rig exec -- COMMAND")
    return Checkout(tree.get()).execute(options.rest)


def command_versions(_):
    one = tree.get()
    print(f"xen      {one.version('xen-hypervisor-4.20-amd64')}")
    print(f"qemu     {one.version('qemu-system-x86')}")
    for kernel in kernels.DEBIAN:
        release = one.release(kernel)
        print(f"{kernel:8} {release} ({one.version('linux-image-' + release)})")
    return 0


def command_tree(_):
    print(tree.get().path)
    return 0


def command_source(options):
    print(source.get(tree.get(), options.kernel))
    return 0


def command_coverage(options):
    return coverage.report(tree.get(), options.folders, options.missing)


def command_clean(_):
    cache.clean()
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="rig", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name, act, text):
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(act=act)
        return one

    one = add("run", command_run, "boot Xen, dom0 and a guest, and run scripts in them")
    _add_machine(one)
    one.add_argument("--dom0-script", metavar="FILE")
    one.add_argument("--guest-script", metavar="FILE")
    one = add("shell", command_shell, "the same, with a shell on this terminal")
    _add_machine(one)
    one.add_argument("--in-guest", action="store_true", help="a shell in a guest")
    one.add_argument("--with-guest", action="store_true",
                     help="a shell in dom0, a guest with the share mounted beside it")
    one = add("build", command_build, "build the modules and tools of this checkout")
    one.add_argument("--kernel", choices=[*kernels.DEBIAN, *kernels.WATCHED, "all"], default="all",
                     help="all: both of Debian's (default)")
    one.add_argument("--warnings", default="1", metavar="LEVEL", help="W= of make (default: 1)")
    add("exec", command_exec, "run a command in the tree: rig exec -- COMMAND")
    add("versions", command_versions, "print what the rig consists of")
    add("tree", command_tree, "print the path of the tree")
    one = add("source", command_source, "print the path of a kernel's source")
    one.add_argument("kernel", choices=kernels.DEBIAN)
    one = add("coverage", command_coverage, "say how many lines of each module have run")
    one.add_argument("--missing", action="store_true", help="and which did not")
    one.add_argument("folders", nargs="+", metavar="DIR",
                     help="what 'rig run --coverage --out DIR' has left")
    add("clean", command_clean, "empty the cache")
    return parser


def main():
    words, rest = sys.argv[1:], []
    if "--" in words:
        at = words.index("--")
        words, rest = words[:at], words[at + 1:]
    options = _parser().parse_args(words)
    options.rest = rest
    try:
        return options.act(options)
    except RigError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
