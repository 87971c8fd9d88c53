# SPDX-License-Identifier: GPL-2.0
"""The Debian tree: QEMU, Xen, both kernels, a compiler, and the userland.

Commands run inside it by chroot, in a mount namespace of their own, so that no
mount outlives its command and two rigs never see each other's.
"""

import json
import os
import pathlib
import subprocess
import threading

from . import cache, packages
from .say import RigError, Step, say

# What nobody in the tree reads. The postinst hook would build initrds that the
# rig does not use.
LEAVE_OUT = ["/etc/kernel/postinst.d/initramfs-tools", "/usr/share/man/*",
             "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/doc/*"]

ENTER = """set -e
tree=$1; cwd=$2; count=$3; shift 3
for name in dev sys; do mount --rbind "/$name" "$tree/$name"; done
mount -t proc proc "$tree/proc"
mount -t tmpfs tmp "$tree/tmp"
while [ "$count" -gt 0 ]; do
	# In the fresh /tmp no mount point was made from outside
	[ -d "$tree$2" ] || mkdir -p "$tree$2"
	mount --bind "$1" "$tree$2"
	shift 2; count=$((count - 1))
done
exec setpriv --pdeathsig KILL chroot "$tree" env -C "$cwd" -- "$@"
"""


class Tree:
    """One root tree in the cache."""

    def __init__(self, path):
        self.path = path
        self.facts = json.loads((path / "rig.json").read_text())

    @property
    def key(self):
        return self.path.name

    def release(self, kernel):
        """uname -r of "lts" or "mainline"."""
        return self.facts[kernel]

    def version(self, package):
        return self.facts["installed"].get(package, "not installed")

    def command(self, argv, binds=(), cwd="/", env=None, nested=False):
        """The command line that runs argv inside the tree.

        binds are (outside, inside) pairs of directories; nested ones lie inside
        another, which has the mount point already.
        """
        arguments = []
        for outside, inside in binds:
            if not nested:
                (self.path / str(inside).lstrip("/")).mkdir(parents=True, exist_ok=True)
            arguments += [str(outside), str(inside)]
        settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "HOME": "/root", "LC_ALL": "C.UTF-8",
                    "TERM": os.environ.get("TERM", "dumb"), **(env or {})}
        return ["unshare", "--mount", "--propagation", "private", "--",
                "bash", "-c", ENTER, "rig-tree", str(self.path), str(cwd),
                str(len(arguments) // 2), *arguments,
                "env", "-i", *[f"{k}={v}" for k, v in settings.items()],
                *[str(a) for a in argv]]

    def run(self, argv, binds=(), cwd="/", env=None, nested=False, **options):
        command = self.command(argv, binds, cwd, env, nested)
        return subprocess.run(command, check=False, **options)


def _include(resolved):
    newer = [f"{name}/{packages.NEWER}" for name in resolved["newer"]]
    return ",".join(resolved["plain"] + newer)


def _mmdebstrap(resolved, path):
    command = ["mmdebstrap", "--variant=minbase", "--architectures=amd64",
               "--mode=root", f"--include={_include(resolved)}",
               "--aptopt=Acquire::Languages \"none\"",
               "--aptopt=APT::Install-Recommends \"false\"",
               "--dpkgopt=force-unsafe-io"]
    command += [f"--dpkgopt=path-exclude={name}" for name in LEAVE_OUT]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright",
                packages.SUITE, str(path), *packages.sources()]
    return command


def _follow(process, step, log):
    """Keep what a program says, and show its latest line as progress."""
    for line in process.stdout:
        log.append(line)
        if line.startswith("I: "):
            step.detail = line[3:].strip()


def _installed(path):
    text = subprocess.run(["dpkg-query", f"--admindir={path}/var/lib/dpkg", "-W",
                           "-f", "${Package} ${Version}\n"],
                          check=True, capture_output=True, text=True).stdout
    return dict(line.split(" ") for line in text.splitlines())


def _make(resolved, path):
    log = []
    with Step("making the Debian tree", 120) as step:
        process = subprocess.Popen(_mmdebstrap(resolved, path), text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        reader = threading.Thread(target=_follow, args=(process, step, log))
        reader.start()
        status = process.wait()
        reader.join()
        if status:
            cache.remove(path)
            raise RigError("mmdebstrap could not make the Debian tree. Its last words:\n"
                           + "".join(log[-30:]))
    facts = {"lts": resolved["lts"], "mainline": resolved["mainline"],
             "installed": _installed(path)}
    (path / "rig.json").write_text(json.dumps(facts, indent=1, sort_keys=True))


def get():
    """The tree of today's package versions, made if need be."""
    resolved = packages.resolve()
    if resolved is None:
        path = cache.newest("tree")
        if path is None:
            raise RigError("the mirror cannot be reached and the cache holds no tree: "
                           "check the network and this machine's apt sources")
        say(f"the mirror cannot be reached: using the tree of an earlier day, {path.name}")
        return Tree(cache.use("tree", path))
    key = cache.key_of(packages.text_of(resolved), pathlib.Path(__file__))
    return Tree(cache.entry("tree", key, lambda path: _make(resolved, path)))
