#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0
"""acks.py write FOLDER SECONDS: write files and say of each when it is safe.
acks.py check FOLDER ACKS: look that whatever was said to be safe is there.

Several threads write new files, in part under another name that is changed then,
each has a counter that it overwrites and a log that it appends to. A line is
printed after fsync(2) or fdatasync(2) has returned, not before.
"""

import os
import sys
import threading
import time

WRITERS = 3
# Of a counter and of a line of the log
WIDTH = 16


def body(writer, number):
    """What a file holds, of any length up to 40 kB."""
    text = f"{writer} {number} ".encode()
    length = (writer * 7919 + number * 104729) % 40000
    return text * (length // len(text) + 1)


def sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


def write_new(folder, writer, number):
    """Every other one comes into being by rename(2)."""
    name = f"{folder}/{writer}-{number}"
    first = f"{folder}/{writer}-new" if number % 2 else name
    with open(first, "wb", buffering=0) as file:
        file.write(body(writer, number))
        os.fsync(file.fileno())
    if first != name:
        os.rename(first, name)
    sync_folder(folder)


def record(number):
    return f"{number:>{WIDTH - 1}}\n".encode()


def write_all(folder, writer, end):
    counter = os.open(f"{folder}/{writer}-counter", os.O_WRONLY | os.O_CREAT, 0o644)
    log = os.open(f"{folder}/{writer}-log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sync_folder(folder)
    number = 0
    while time.monotonic() < end:
        number += 1
        write_new(folder, writer, number)
        say("new", writer, number)
        os.pwrite(counter, record(number), 0)
        os.fdatasync(counter)
        say("counter", writer, number)
        os.write(log, record(number))
        os.fdatasync(log)
        say("log", writer, number)


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write(folder, seconds):
    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=write_all, args=(folder, writer, end))
               for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def read(folder, name):
    try:
        with open(f"{folder}/{name}", "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def lost(folder, kind, writer, number):
    """What is wrong with what was said to be safe, if anything is."""
    if kind == "new":
        found = read(folder, f"{writer}-{number}")
        if found is None:
            return f"file {writer}-{number} is not there"
        return "" if found == body(writer, number) else f"file {writer}-{number} is something else"
    found = read(folder, f"{writer}-{kind}") or b""
    if kind == "counter":
        return "" if int(found or 0) >= number else f"counter {writer} is {found!r}, was {number}"
    wanted = b"".join(map(record, range(1, number + 1)))
    return "" if found.startswith(wanted) else f"log {writer} has not all of its {number} lines"


def check(folder, acks):
    with open(acks, encoding="ascii") as file:
        # The last may have come in part
        lines = [line.split() for line in file if line.endswith("\n")]
    # Of counters and logs the last will do
    said = {(kind, writer, number if kind == "new" else ""): int(number)
            for kind, writer, number in lines}
    wrong = [text for (kind, writer, _), number in said.items()
             if (text := lost(folder, kind, int(writer), number))]
    print(f"{len(lines)} were said to be safe, {len(wrong)} are lost")
    print("\n".join(wrong[:10]))
    return 1 if wrong or not lines else 0


sys.exit({"write": write, "check": check}[sys.argv[1]](*sys.argv[2:]))
