"""What the file system under a tape can do: real allocation, and whether it is a network file system."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

# File systems on which a mapping is not kept coherent between machines, or on which a lost server would block a store.
NETWORK = frozenset((
    "nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "lustre",
    "gpfs", "beegfs", "beeond", "ceph", "afs", "9p", "glusterfs", "orangefs", "pvfs2", "panfs",
    "wekafs", "ocfs2", "gfs2", "davfs", "sshfs", "s3fs", "virtiofs",
))  # fmt: skip


def allocate(descriptor: int, size: int) -> None:
    """Give the open file ``size`` bytes that are really there.

    Raises:
        OSError: the disk is full or the file may not become so large; better now than as SIGBUS in training.
    """
    if sys.platform == "linux":
        os.posix_fallocate(descriptor, 0, size)
        return
    have = os.fstat(descriptor).st_size
    os.lseek(descriptor, have, os.SEEK_SET)
    while have < size:
        have += os.write(descriptor, bytes(min(size - have, 1 << 20)))


def can_map(directory: Path) -> bool:
    """Whether a head in ``directory`` can be a mapped file: POSIX, and not a network file system."""
    return os.name == "posix" and not is_network(directory)


def is_network(directory: Path) -> bool:
    """Whether ``directory`` lies on a network or FUSE file system, as far as the system tells."""
    kind = file_system(directory)
    return kind in NETWORK or kind.startswith("fuse")


def file_system(directory: Path) -> str:
    """The name of the file system that holds ``directory``, such as ``ext4``; empty where nothing tells."""
    path = directory.resolve()
    best, kind = -1, ""
    for mount, name in _mounts():
        if path.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), name
    return kind


@lru_cache(maxsize=1)
def _macos_mounts() -> str:
    return subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout


def _mounts() -> list[tuple[Path, str]]:
    try:
        if sys.platform == "linux":
            # mountinfo: id parent major:minor root MOUNT options [optional ...] - TYPE source options
            lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
            halves = [line.split(" - ", 1) for line in lines if " - " in line]
            return [(Path(_unescape(left.split(" ")[4])), right.split(" ")[0]) for left, right in halves]
        if sys.platform == "darwin":
            # "SOURCE on MOUNT (TYPE, options)"
            lines = [line for line in _macos_mounts().splitlines() if " on " in line and " (" in line]
            return [
                (Path(line.split(" on ", 1)[1].rsplit(" (", 1)[0]), line.rsplit(" (", 1)[1].split(",")[0].rstrip(")"))
                for line in lines
            ]
    except (OSError, IndexError, subprocess.SubprocessError):
        pass
    return []


def _unescape(mount: str) -> str:
    """mountinfo writes space, tab, newline and backslash as octal."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        mount = mount.replace(code, character)
    return mount
