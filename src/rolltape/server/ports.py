"""Where the server listens and what it is called there: an address of this machine, and a port that is free."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterable

from rolltape.errors import StoreError

FIRST_PORT = 7070
_MORE = 20
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
_ELSEWHERE = ("192.0.2.1", 9), ("2001:db8::1", 9)  # addresses for documentation: nothing is sent to them


def listen(host: str, port: int | None) -> socket.socket:
    """A socket bound to ``host``.

    Args:
        host: a name or address of this machine; ``0.0.0.0`` and ``::`` are all of them.
        port: 0: any that is free; None: 7070, else the next free one up to 7090, else any.

    Raises:
        StoreError: the host is not of this machine, or the port cannot be had.
    """
    address = _own_address(host)
    if port is not None and not 0 <= port <= 65535:
        raise StoreError(f"the port must be 0 to 65535, not {port}")
    ports = [port] if port is not None else [*range(FIRST_PORT, FIRST_PORT + _MORE + 1), 0]
    for i, candidate in enumerate(ports):
        try:
            return _bind(address, candidate)
        except OSError as error:
            if i + 1 == len(ports):
                why = error.strerror or error
                raise StoreError(f"cannot listen at port {candidate} of {address}: {why}") from error
    raise AssertionError("there is always a port to try")


def url_of(bound: socket.socket) -> str:
    """The address of the page."""
    host, port = bound.getsockname()[:2]
    return f"http://{_in_url(host)}:{port}/"


def urls_of(bound: socket.socket) -> list[str]:
    """The addresses of the page that other machines may reach, the likeliest first."""
    port = bound.getsockname()[1]
    if not is_everywhere(bound):
        return [url_of(bound)]
    names = [*_main_addresses(bound.family), socket.gethostname()]
    return [f"http://{_in_url(name)}:{port}/" for name in names]


def is_loopback(bound: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return _plain_address(bound.getsockname()[0]).is_loopback


def is_everywhere(bound: socket.socket) -> bool:
    """Whether it listens at every address of this machine."""
    return _plain_address(bound.getsockname()[0]).is_unspecified


def host_names(bound: socket.socket, host: str, allowed: Iterable[str] = ()) -> list[str]:
    """What requests may call the server, besides the names of the loopback and the address that they came to.

    Args:
        bound: where it listens.
        host: what it was asked to listen at.
        allowed: further names.

    Raises:
        StoreError: what is allowed is no name.
    """
    names = [_in_url(bound.getsockname()[0])]
    for name in allowed:
        if not _NAME.fullmatch(name) and not _is_address(name):
            raise StoreError(f"{name!r} is not the name of a host, which has no port and no http://")
        names.append(_in_url(_unbracketed(name)))
    if not is_loopback(bound):
        own = socket.gethostname()
        short = own.partition(".")[0]
        names += [own, short, f"{short}.local", socket.getfqdn(), *([host] if _NAME.fullmatch(host) else [])]
    return [name.lower() for name in dict.fromkeys(names)]


def _own_address(host: str) -> str:
    if host.lower() == "localhost":
        return "127.0.0.1"
    plain = _unbracketed(host)
    if _is_address(plain):
        return plain
    try:
        if not _NAME.fullmatch(host):
            raise OSError("it is no name of a host and no address")
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot listen at {host or repr(host)}: {why}") from error
    return str(found[0][4][0])


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(_plain_address(_unbracketed(text)))
    return False


def _plain_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _main_addresses(family: int) -> list[str]:
    """The addresses that this machine has towards others."""
    found = []
    for place in _ELSEWHERE:
        kind = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        if kind == socket.AF_INET6 and family != socket.AF_INET6:
            continue
        with contextlib.suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as there:
            there.connect(place)
            found.append(str(there.getsockname()[0]))
    return found


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With the protocol named, asyncio sends without delay; without it each answer takes 40 ms longer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen()  # a port that another server listens at may be told only here
    except OSError:
        bound.close()
        raise
    return bound
