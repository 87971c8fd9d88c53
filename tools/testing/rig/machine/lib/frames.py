# SPDX-License-Identifier: GPL-2.0
"""Frames on a byte stream: one letter, a length, and the bytes.

Between dom0 and a guest's agent:
  c  the command (src/agent.c)  i  bytes for its stdin     z  end of its stdin
  o  bytes of its stdout        e  bytes of its stderr     x  its exit status

From dom0 to the host:
  o  a line for stdout          e  a line for stderr       p  progress
  l  more of a log (name, zero byte, bytes)                h  a sign of life
  f  a piece of the archive of results                     x  the verdict (JSON)
"""

import struct

HEADER = struct.Struct("<cI")
LIMIT = 1 << 24


def pack(kind, data=b""):
    return HEADER.pack(kind, len(data)) + data


def _exactly(read, count):
    parts = []
    while count:
        part = read(count)
        if not part:
            raise EOFError("the other side went away")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(read):
    """One frame from read(count), which may return less than asked."""
    kind, length = HEADER.unpack(_exactly(read, HEADER.size))
    if length > LIMIT:
        raise EOFError(f"a frame of {length} bytes makes no sense")
    return kind, _exactly(read, length)
