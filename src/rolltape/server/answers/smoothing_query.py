"""The smoothing that a request asks for, and how it is called in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import QueryParams

from rolltape.curves import METHODS, smooth
from rolltape.curves.smoothing import Method
from rolltape.server.query import Refused, one_of, shown

_AMOUNT = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WORDS = {
    "ema": "debiased EMA, beta {}",
    "twema": "time-weighted EMA, weight {}",
    "gaussian": "Gaussian kernel, sigma {}",
    "mean": "rolling mean of {} buckets",
    "median": "rolling median of {} buckets",
}


@dataclass(frozen=True, slots=True)
class Smoothing:
    """A method and its amount as of `smooth`."""

    method: Method = "none"
    amount: float = 0.0

    @property
    def words(self) -> str:
        """As a sentence has it: "debiased EMA, beta 0.9"; empty where nothing is smoothed."""
        return _WORDS[self.method].format(f"{self.amount:g}") if self.method != "none" else ""


def smoothing_of(params: QueryParams) -> Smoothing:
    """``smooth`` as METHOD:AMOUNT; none if it is not given. Raises Refused."""
    text = one_of(params, "smooth")
    if text is None or text == "none":
        return Smoothing()
    method, _, amount = text.partition(":")
    if method not in METHODS or not _AMOUNT.fullmatch(amount):
        raise Refused(
            f"smooth must be METHOD:AMOUNT, where METHOD is one of {', '.join(METHODS)} and AMOUNT a number, "
            f"not {shown(text)}"
        )
    asked = Smoothing(cast("Method", method), float(amount))
    try:
        smooth([0.0], [0.0], asked.method, asked.amount, span=1.0)
    except ValueError as error:
        raise Refused(f"smooth is {shown(text)}: {error}") from None
    return asked
