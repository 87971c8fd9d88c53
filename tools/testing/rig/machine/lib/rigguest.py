# SPDX-License-Identifier: GPL-2.0
"""rig-guest: create guests from a script in dom0, and run things in them."""

import argparse
import os
import sys

import guest as guests
import job as jobs
import link
from guest import Guest, GuestError
from store import StoreError


def create(options):
    job = jobs.load()
    wanted = guests.options_of(job)
    for name in ("type", "kernel", "vcpus", "memory", "front", "back", "blk_front", "disk", "root",
                 "p9"):
        value = getattr(options, name)
        if value is not None:
            wanted[name] = value
    if options.no_p9:
        wanted["p9"] = []
    wanted.update(paused=options.paused, append=options.append, config=options.config)
    Guest(options.name).create(wanted, options.timeout)
    return 0


def mount(options):
    job = jobs.load()
    words = options.options if options.options is not None else jobs.mount_options(job)
    return Guest(options.name).run(["rig-mount", options.tag, options.folder, words],
                                   seconds=options.timeout)


def script(options):
    environment = jobs.environment(jobs.load(), options.name)
    with open(options.file, "rb") as file:
        return Guest(options.name).run(
            ["sh", "-c", 'file=$(mktemp) && cat >"$file" && chmod +x "$file" && '
             '{ "$file" "$@" </dev/null; status=$?; rm -f "$file"; exit $status; }',
             "rig-script", *options.rest],
            env=environment, stdin=file.fileno(), seconds=options.timeout)


def put(options):
    if os.path.isdir(options.source):
        raise GuestError(f"{options.source} is a folder: rig-guest put copies files; "
                         "tar one up, or have it in the run's --add folder")
    mode = oct(os.stat(options.source).st_mode & 0o7777)[2:]
    with open(options.source, "rb") as file:
        return Guest(options.name).run(
            ["sh", "-c", 'cat >"$1" && chmod "$2" "$1"', "rig-put", options.target, mode],
            stdin=file.fileno(), seconds=options.timeout)


def get(options):
    with open(options.target, "wb") as file:
        return Guest(options.name).run(["cat", "--", options.source], out=file.write,
                                       seconds=options.timeout)


def console(options):
    sys.stdout.write(Guest(options.name).console() + "\n")
    return 0


def wait(options):
    Guest(options.name).wait(options.timeout)
    return 0


def simple(method):
    def act(options):
        method(Guest(options.name))
        return 0
    return act


def list_guests(_):
    for name in guests.known():
        one = Guest(name)
        print(name, one.domid() or "-", one.address)
    return 0


def show_domid(options):
    domid = Guest(options.name).domid()
    if domid is None:
        raise GuestError(f"{options.name} has no domain")
    print(domid)
    return 0


def _add(commands, name, act, text, guest=True):
    parser = commands.add_parser(name, help=text, description=text)
    if guest:
        parser.add_argument("name", metavar="NAME")
    parser.set_defaults(act=act)
    return parser


def _add_create(commands):
    parser = _add(commands, "create", create, "create a guest and wait for its agent")
    parser.add_argument("--type", choices=["pv", "pvh"])
    parser.add_argument("--kernel", metavar="NAME")
    parser.add_argument("--vcpus", type=int)
    parser.add_argument("--memory", type=int, metavar="MIB")
    parser.add_argument("--front", choices=["ours", "upstream"])
    parser.add_argument("--back", choices=["ours", "qemu"])
    parser.add_argument("--blk-front", choices=["ours", "upstream"],
                        help="the frontend of its disks, its root among them (the run's)")
    parser.add_argument("--disk", type=int, metavar="MIB", help="size of its /dev/xvdc, 0 for none (the run's)")
    parser.add_argument("--root", metavar="FILE",
                        help="an archive whose root/ is all that it has of files, in memory; "
                        "it has no disk then but that of --disk")
    parser.add_argument("--p9", action="append", metavar="SPEC",
                        help="as in xl.cfg: tag=...,path=...,security_model=none; repeatable")
    parser.add_argument("--no-p9", action="store_true", help="no 9P device at all")
    parser.add_argument("--paused", action="store_true", help="leave it paused, wait for nothing")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="to wait for its agent")
    parser.add_argument("--append", action="append", default=[], metavar="WORD",
                        help="a word for the guest's kernel command line; repeatable")
    parser.add_argument("--config", action="append", default=[], metavar="LINE",
                        help="a further line of xl.cfg, such as on_reboot=\"restart\"; repeatable")


def _add_commands(commands):
    def bounded(parser, seconds=600):
        parser.add_argument("--timeout", type=float, default=seconds, metavar="SECONDS")
        return parser

    parser = bounded(_add(commands, "mount", mount, "mount a share in a guest"))
    parser.add_argument("tag")
    parser.add_argument("folder")
    parser.add_argument("options", nargs="?", help="default: the run's msize and mount options")
    _add(commands, "exec", None, "run a command in a guest: exec NAME [--timeout S] [-i] [-C DIR] "
         "-- COMMAND; see src/exec.c")
    parser = bounded(_add(commands, "script", script, "run a file of dom0 as a program in a guest"))
    parser.add_argument("file")
    parser = _add(commands, "wait", wait, "wait until a guest's agent answers")
    parser.add_argument("--timeout", type=float, metavar="SECONDS")
    for name, act, text in (("put", put, "copy a file of dom0 into a guest"),
                            ("get", get, "copy a file of a guest to dom0")):
        parser = bounded(_add(commands, name, act, text))
        parser.add_argument("source")
        parser.add_argument("target")


def parse(words):
    parser = argparse.ArgumentParser(prog="rig-guest", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_create(commands)
    _add_commands(commands)
    _add(commands, "shutdown", simple(Guest.shutdown), "shut a guest down, wait until it is gone")
    _add(commands, "destroy", simple(Guest.destroy), "destroy a guest, wait until it is gone")
    _add(commands, "unpause", simple(Guest.unpause), "let a paused guest run")
    _add(commands, "console", console, "print a guest's console log")
    _add(commands, "domid", show_domid, "print the id of a guest's domain")
    _add(commands, "list", list_guests, "print the guests, their domains and addresses", guest=False)
    rest = []
    if "--" in words:
        at = words.index("--")
        words, rest = words[:at], words[at + 1:]
    options = parser.parse_args(words)
    options.rest = rest
    return options


def main(words):
    options = parse(words)
    try:
        return options.act(options)
    except (GuestError, StoreError) as error:
        print(f"rig-guest: {error}", file=sys.stderr)
        return 125
    except link.TookTooLong:
        print(f"rig-guest: {options.name}: the command did not end within its time "
              f"({options.timeout:g} s) and was killed", file=sys.stderr)
        return 124
