"""Starts the process that ships this directory's tapes, where ``$ROLLTAPE_SHIP`` names a server.

Training never talks to the network and never waits for that process, which outlives it until all is delivered.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from rolltape.recording.warning import warn
from rolltape.tape.cache_directory import cache_directory
from rolltape.tape.life import machine
from rolltape.tape.ship_lock import Lock

_LONGEST_LOG = 1 << 20  # bytes
_SCHEMES = ("http://", "https://", "clickhouse://")
_warned: set[str] = set()


def start_shipper(root: Path, *, quiet: bool = False) -> None:
    """Have a process of this machine ship what is recorded under ``root``, unless there is one.

    Never raises for what is wrong with shipping: a RolltapeWarning tells it once.

    quiet: warn of nothing; in a fork that would be told twice.
    """
    url = os.environ.get("ROLLTAPE_SHIP", "")
    if not url:
        return
    problem = None
    cache = cache_directory()
    if not url.startswith(_SCHEMES):
        problem = f"ROLLTAPE_SHIP must be http://HOST or https://HOST, not {url!r}: the runs are not shipped"
    elif not sys.executable:
        problem = "there is no Python to ship runs with: use rolltape ship"
    elif cache is None:
        problem = (
            "the runs are not shipped, for want of a cache directory: set ROLLTAPE_CACHE_DIR, or use rolltape ship"
        )
    if problem is not None:
        if not quiet and problem not in _warned:
            _warned.add(problem)
            warn(problem)
        return
    assert cache is not None
    digest = hashlib.blake2b(f"{root}\0{url}\0{machine()}".encode(errors="surrogateescape"), digest_size=12).hexdigest()
    path = cache / "shipping" / f"{digest}.lock"
    lock = Lock(path)
    if lock.is_held() or not lock.claim():
        return
    starting = threading.Thread(target=_start, args=(root, url, path), name="rolltape-ship")
    try:
        starting.start()  # not a daemon: a script of a few ms is to wait for it
    except RuntimeError:  # there can be no more threads
        _start(root, url, path)


def _start(root: Path, url: str, lock: Path) -> None:
    command = [sys.executable, "-P", "-m", "rolltape", "ship", str(root), url, "--follow", "--until-ended", "--detach"]
    log = lock.with_suffix(".log")
    try:
        with contextlib.suppress(OSError):
            if log.stat().st_size > _LONGEST_LOG:
                log.unlink()
        with log.open("ab") as told:
            started = subprocess.Popen(
                [*command, f"--lock={lock}"],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                cwd="/" if os.name == "posix" else None,
                env=_environment(),
                start_new_session=True,
            )
        started.wait()  # it goes on in a process of its own at once
    except OSError as error:
        Lock(lock).unclaim()
        print(f"rolltape: the process that ships runs cannot be started: {error}", file=sys.stderr)


def _environment() -> dict[str, str]:
    """This process's, with the rolltape of this process on the path, and one thread for NumPy."""
    here = str(Path(__file__).resolve().parents[2])
    path = [str(Path(entry).absolute()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, here]),
        "PYTHONWARNINGS": "",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
