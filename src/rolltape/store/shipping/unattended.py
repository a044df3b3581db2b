"""A shipper that nobody looks at: started by `rolltape.init`, it outlives training until all is delivered."""

from __future__ import annotations

import socket
import time
from typing import Any

from rolltape.store.shipping.shipper import Shipper
from rolltape.tape.life import machine
from rolltape.tape.ship_lock import Lock

_LINGER = 5.0  # s after the end of the last run: the next one may begin
_ABANDON = 24 * 3600.0  # s after which a server that takes nothing is given up, once training has ended


def is_ours(opening: dict[str, Any]) -> bool:
    """Whether a tape was written on this machine, by a process that was told to have it shipped."""
    here = opening.get("machine") == machine() or opening.get("host") == socket.gethostname()
    return here and opening.get("ship") is True


def ship_unattended(shipper: Shipper, lock: Lock) -> None:
    """Ship until all writers have ended and all is delivered. Whoever holds the lock is the only one."""
    quiet = [0.0]

    def is_over() -> bool:
        now = time.monotonic()
        if not shipper.is_delivered():
            quiet[0] = 0.0
            return shipper.writers_ended() and now - shipper.last_success > _ABANDON
        quiet[0] = quiet[0] or now
        return now - quiet[0] >= _LINGER

    while lock.take():
        shipper.follow(is_over)
        lock.release()
        # A run that began a moment ago saw the lock held, and relies on this process
        if not shipper.look_again() or shipper.writers_ended():
            return
        quiet[0] = 0.0
