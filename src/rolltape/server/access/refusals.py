"""What was refused, as lines of a log: who asked from where for what, and why not. Never a token."""

from __future__ import annotations

import logging
import re
import unicodedata

from rolltape.server.access.bounds import Allowances

_log = logging.getLogger("rolltape.server")

_LONGEST = 120  # characters of a path
_SECRET = re.compile(r"rtk_[A-Za-z0-9_-]+")


class Refusals:
    """Writes one line for each refusal, and not more than a disk can bear. For one thread."""

    def __init__(self) -> None:
        self._of_address = Allowances(10, 10.0)
        self._of_all = Allowances(100, 1.0)
        self._unsaid = 0

    def tell(self, address: str, method: str, path: str, status: int, why: str, token: str | None = None) -> None:
        """Note a refusal; ``token`` is the id of one that is known."""
        if self._of_address.take(address) or self._of_all.take(""):
            self._unsaid += 1
            return
        more, self._unsaid = self._unsaid, 0
        _log.warning(
            "refused %d: %s %s from %s%s: %s%s",
            status,
            _plain(method),
            _plain(path),
            address,
            "" if token is None else f" with token {token}",
            _plain(why, 500),
            f" ({more} more were refused before this and not told)" if more else "",
        )


def _plain(text: str, longest: int = _LONGEST) -> str:
    """One line that steers no terminal and holds no token."""
    short = text if len(text) <= longest else f"{text[:longest]}..."
    hidden = _SECRET.sub("rtk_...", short)
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"\\u{ord(c):04x}" for c in hidden)
