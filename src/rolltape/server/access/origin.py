"""Where a request comes from: the address and the scheme that its client used, also through a proxy that is trusted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class Came:
    """How a request came here."""

    address: str  # of the client; that of a network for IPv6, as a machine there has many
    scheme: str  # http or https
    known: bool  # whether it is certain that the client used that scheme: before plain HTTP there may be a proxy


def came(scope: Scope, headers: Headers, *, behind_proxy: bool) -> Came:
    """How a request came here.

    Args:
        scope: of the request.
        headers: of the request.
        behind_proxy: whether every request comes through a proxy that sets X-Forwarded-Proto and adds to
            X-Forwarded-For. Anybody could send these headers to a server that has none: there they mean nothing.
    """
    client = scope.get("client")
    address = client[0] if client else "unknown"
    scheme = "https" if scope.get("scheme") == "https" else "http"
    if not behind_proxy:
        return Came(_network(address), scheme, scheme == "https")
    told = _last(headers, "x-forwarded-proto").lower()
    return Came(_network(_last(headers, "x-forwarded-for"), address), told if told == "https" else scheme, True)


def _last(headers: Headers, name: str) -> str:
    """What the nearest proxy says: whatever stands before it may come from the client."""
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()


def _network(text: str, instead: str = "") -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return _network(instead) if instead else text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.is_loopback else str(ipaddress.ip_network((address, 64), strict=False))
