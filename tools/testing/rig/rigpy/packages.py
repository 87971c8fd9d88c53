# SPDX-License-Identifier: GPL-2.0
"""Debian packages: which versions there are today, and which ones the rig takes.

The lists live in the cache, apart from the host's own apt, and are refreshed
when they are older than a few hours. Everything comes from trixie, the newest
kernel from trixie-backports.
"""

import functools
import json
import os
import pathlib
import re
import subprocess
import time

from . import cache
from .say import RigError, Step, say

SUITE = "trixie"
NEWER = "trixie-backports"
REFRESH = 6 * 3600
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

XEN = ["xen-hypervisor-4.20-amd64", "xen-utils-4.20", "xenstore-utils",
       "qemu-system-xen"]
QEMU = ["qemu-system-x86"]
BUILD = ["gcc", "make", "libc6-dev", "libelf-dev", "libssl-dev", "libxen-dev", "bc",
         "flex", "bison", "pahole", "perl", "sparse", "coccinelle", "shellcheck",
         "codespell", "rsync", "gdb", "patch", "spin"]
USERLAND = ["ca-certificates", "busybox-static", "kmod", "udev", "python3", "attr",
            "acl", "fio", "dbench", "stress-ng", "git", "iproute2", "iputils-ping",
            "e2fsprogs", "xfsprogs", "procps", "psmisc", "lsof", "file", "diffutils",
            "socat", "diod", "strace", "cpio", "xz-utils", "zstd", "nfs-kernel-server",
            "nfs-common", "tcc"]
KERNEL = ["linux-image-amd64", "linux-headers-amd64"]


def mirror():
    """The Debian archive that this machine's apt uses."""
    text = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"],
                          check=True, capture_output=True, text=True).stdout
    sites = sorted(set(text.split()))
    for site in sites:
        if re.search(r"/debian/?$", site):
            return site.rstrip("/")
    raise RigError("no Debian archive among the sources of this machine's apt "
                   f"({', '.join(sites) or 'none at all'}): add one, with a URI "
                   "that ends in /debian")


def sources(kind="deb"):
    return [f"{kind} [signed-by={KEYRING}] {mirror()} {suite} main"
            for suite in ((SUITE, NEWER) if kind == "deb" else (SUITE,))]


def _apt(tool, *arguments, home=None, kind="deb", **options):
    """Call a program of apt, its state in HOME, which is not the host's."""
    home = home or cache.directory("apt")
    for name in ("lists/partial", "archives/partial", "etc"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    (home / "sources.list").write_text("\n".join(sources(kind)) + "\n")
    (home / "preferences").touch()
    settings = {
        "Dir::State": home, "Dir::State::lists": home / "lists",
        "Dir::State::status": home / "status", "Dir::Cache": home,
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::main": "/dev/null",
        "Dir::Etc::preferences": home / "preferences",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64", "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root", "Acquire::Languages": "none",
    }
    command = [tool]
    for name, value in settings.items():
        command += ["-o", f"{name}={value}"]
    return subprocess.run([*command, *arguments], text=True, **options)


def _age():
    stamp = cache.directory("apt") / "refreshed"
    return time.time() - stamp.stat().st_mtime if stamp.exists() else None


def refresh():
    """Fetch the package lists if they are old; True if they are fresh now."""
    age = _age()
    if age is not None and age < REFRESH:
        return True
    with Step("fetching the package lists", 10):
        done = _apt("apt-get", "update", "-qq", "--error-on=any",
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        (cache.directory("apt") / "refreshed").touch()
        return True
    say("could not fetch the package lists: " + done.stdout.strip())
    return False


def _versions(package):
    """All records of one package: a list of (version, depends)."""
    text = _apt("apt-cache", "show", package, check=True, capture_output=True).stdout
    found = []
    for record in text.split("\n\n"):
        fields = dict(re.findall(r"^(\S+): (.*)$", record, re.M))
        if fields.get("Package") == package:
            found.append((fields["Version"], fields.get("Depends", "")))
    return found


def _newer(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b],
                          check=False).returncode == 0


def _newest(package):
    best = None
    for record in _versions(package):
        if best is None or _newer(record[0], best[0]):
            best = record
    if best is None:
        raise RigError(f"the package lists have no {package}")
    return best


def _mainline():
    """Release of the newest kernel, as uname -r prints it."""
    version, depends = _newest("linux-image-amd64")
    found = re.search(r"linux-image-(\S+)", depends)
    if not found:
        raise RigError(f"linux-image-amd64 {version} depends on no image that the rig "
                       f"can make out: {depends}")
    return found.group(1)


def _candidates(names):
    text = _apt("apt-cache", "policy", *names, check=True, capture_output=True).stdout
    found = {}
    for match in re.finditer(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$", text, re.M):
        found[match.group(1)] = match.group(2)
    for name in names:
        if found.get(name, "(none)") == "(none)":
            raise RigError(f"{SUITE} has no package {name}")
    return found


def _release(name):
    return re.match(r"linux-image-(\S+)", name).group(1)


def _look_up():
    mainline = _mainline()
    plain = XEN + QEMU + BUILD + USERLAND + KERNEL
    newer = [f"linux-image-{mainline}", f"linux-headers-{mainline}"]
    found = _candidates(plain + newer)
    depends = dict(_versions("linux-image-amd64"))[found["linux-image-amd64"]]
    return {"versions": found, "plain": plain, "newer": newer,
            "lts": _release(depends.split(" ")[0]), "mainline": mainline}


def _known():
    """What an earlier rig has looked up in these very lists, or None."""
    answer = cache.directory("apt") / "resolved.json"
    stamp = cache.directory("apt") / "refreshed"
    if not answer.exists() or answer.stat().st_mtime < stamp.stat().st_mtime:
        return None
    known = json.loads(answer.read_text())
    return known["resolved"] if known["by"] == _by() else None


def _by():
    return cache.key_of(pathlib.Path(__file__))


@functools.cache
def resolve():
    """What to install: a dict of package versions, and the two kernels' names.

    None if the lists cannot be had, neither fresh nor old.
    """
    with cache.lock("apt"):
        fresh = refresh()
        if not fresh and _age() is None:
            return None
        if not fresh:
            say("going on with the package lists of an earlier day")
        resolved = _known()
        if resolved is None:
            resolved = _look_up()
            answer = cache.directory("apt") / "resolved.json"
            answer.write_text(json.dumps({"by": _by(), "resolved": resolved}))
    return resolved


def text_of(resolved):
    return json.dumps(resolved, sort_keys=True)


def download(package, version, into):
    """Fetch one package file; its path."""
    with cache.lock("apt"):
        done = _apt("apt-get", "download", "-qq", f"{package}={version}", cwd=into,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RigError(f"could not fetch {package} {version}: {done.stdout.strip()}")
    names = [name for name in os.listdir(into) if name.endswith(".deb")]
    return into / names[0]


def download_source(package, into):
    """Fetch the newest source package; the path of what its authors released."""
    for words in (["update", "-qq", "--error-on=any"],
                  ["source", "-qq", "--download-only", "--only-source", package]):
        done = _apt("apt-get", *words, home=into / "apt", kind="deb-src", cwd=into,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise RigError(f"could not fetch the source of {package}: {done.stdout.strip()}")
    found = next(into.glob("*.orig.tar.*"), None)
    if found is None:
        raise RigError(f"the source package {package} holds no *.orig.tar file")
    return found


def download_beyond(root, names, into):
    """Fetch packages, and what they need that the tree of ROOT does not have; their paths."""
    with cache.lock("apt"):
        done = _apt("apt-get", "-o", f"Dir::State::status={root}/var/lib/dpkg/status",
                    "-o", f"Dir::Cache::archives={into}", "install", "-qq", "-y",
                    "--download-only", "--no-install-recommends", *names,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RigError(f"could not fetch {' '.join(names)}: {done.stdout.strip()}")
    return sorted(into.glob("*.deb"))
