#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Write the fuzzers' first inputs, which seeds.txt describes.

usage: seeds.py DIR    (DIR/fuzz_wire, DIR/fuzz_session and DIR/fuzz_ring get them)
"""

import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
NUMBERS = {"1": "<B", "2": "<H", "4": "<I", "8": "<Q"}
# What fuzz_session.c has besides messages
WORDS = {"move": 0xf7, "thread": 0xf8, "channel": 0xf9, "look": 0xfa, "memory": 0xfb,
         "wait": 0xfd, "fail": 0xfe}
RAW = 0xff
# Its options: none, then one after the other
VARIANTS = (0, 1, 2, 4, 8, 16, 32)
# By type, the number of the decoder in fuzz_wire.c
DECODERS = {100: 0, 104: 1, 108: 2, 110: 3, 12: 4, 14: 5, 120: 6, 116: 7, 118: 8, 50: 9,
            24: 10, 26: 11, 72: 12, 16: 13, 18: 14, 70: 15, 20: 16, 74: 17, 76: 18,
            102: 19, 30: 20, 32: 21, 52: 22, 54: 23}


def field(word):
    kind, colon, value = word.partition(":")
    if not colon or kind not in (*NUMBERS, "s", "d"):
        sys.exit(f"seeds: what is {word}?")
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], int(value, 0))
    return struct.pack("<H" if kind == "s" else "<I", len(value)) + value.encode()


def read():
    """The sessions: by name a list of pairs of a type and a body; a tag goes along."""
    sessions = {}
    for line in (HERE / "seeds.txt").read_text().splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if line.startswith("["):
            sessions[line.strip("[]")] = messages = []
        elif words[0] == "long":
            body = b"".join(field(word) for word in words[3:])
            head = struct.pack("<IBH", int(words[1]), int(words[2]), len(messages))
            messages.append((RAW, 0, head + body))
        elif words[0] in WORDS:
            messages.append((WORDS[words[0]], int((words + ["0"])[1], 0), b""))
        else:
            messages.append((int(words[0]), len(messages) % 256,
                             b"".join(field(word) for word in words[1:])))
    return sessions


def rings():
    """Steps for fuzz_ring: honest peers and others, around the wrap of the indices."""
    steps = b"".join(struct.pack("<BI", step % 8, step * 977) for step in range(60))
    for size in range(5):
        for honest in (0, 0x80):
            yield struct.pack("<BIB", size | honest, 2**32 - 3000, size % 2) + steps


def main():
    top = pathlib.Path(sys.argv[1])
    for name in ("fuzz_wire", "fuzz_session", "fuzz_ring"):
        (top / name).mkdir(parents=True, exist_ok=True)
    for name, messages in read().items():
        data = b"".join(struct.pack("<BBH", kind, tag, len(body)) + body
                        for kind, tag, body in messages)
        for variant in VARIANTS:
            (top / "fuzz_session" / f"{name}-{variant}").write_bytes(bytes([variant]) + data)
        for number, (kind, _, body) in enumerate(messages):
            if kind in DECODERS:
                (top / "fuzz_wire" / f"{name}-{number}").write_bytes(
                    bytes([DECODERS[kind]]) + body)
    for number, data in enumerate(rings()):
        (top / "fuzz_ring" / str(number)).write_bytes(data)


main()
