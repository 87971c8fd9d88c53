# SPDX-License-Identifier: GPL-2.0
"""/dev/9p-server: sessions of the kernel's server, each with its own export."""
import ctypes
import fcntl
import os
import socket
import struct

import p9raw

DEVICE = "/dev/9p-server"
FORMAT = "<IIiiQII"
SIZE = struct.calcsize(FORMAT)
SERVE = 0x40000000 | SIZE << 16 | ord("9") << 8 | 0x70


class Device:
    """The open device with a directory to serve."""

    def __init__(self, export):
        self.fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        self.root = os.open(export, os.O_PATH | os.O_DIRECTORY)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for fd in self.fd, self.root:
            if fd >= 0:
                os.close(fd)
        self.fd = self.root = -1

    # pylint: disable=too-many-arguments
    def ioctl(self, sock, *, size=SIZE, flags=0, root=None, options=None,
              msize=0, reserved=0, tail=b"", address=None, cmd=SERVE):
        """Serves a socket; the arguments are fields of the structure."""
        text = None if options is None else \
            ctypes.create_string_buffer(os.fsencode(options))
        if address is None:
            address = ctypes.addressof(text) if text else 0
        args = struct.pack(FORMAT, size, flags, sock,
                           self.root if root is None else root, address,
                           msize, reserved)
        fcntl.ioctl(self.fd, cmd, args + tail)

    def session(self, **kw):
        """A session over a pair of sockets, not attached yet."""
        mine, kernels = socket.socketpair()
        mine.settimeout(30)
        with kernels:
            self.ioctl(kernels.fileno(), **kw)
        return p9raw.Session(mine)
