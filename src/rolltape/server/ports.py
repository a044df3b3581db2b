"""Finding an address to listen at: the loopback only, and a port that is free."""

from __future__ import annotations

import ipaddress
import os
import socket

from rolltape.errors import StoreError

FIRST_PORT = 7070
_MORE = 20


def listen(host: str, port: int | None) -> socket.socket:
    """A socket bound to ``host``.

    Args:
        host: ``localhost`` or an address of the loopback.
        port: 0: any that is free; None: 7070, else the next free one up to 7090, else any.

    Raises:
        StoreError: the host is not of the loopback, or the port cannot be had.
    """
    address = _loopback(host)
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
    return f"http://[{host}]:{port}/" if bound.family == socket.AF_INET6 else f"http://{host}:{port}/"


def _loopback(host: str) -> str:
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise StoreError(
            f"cannot listen at {host}: only the loopback (127.0.0.1) is served so far, as there is no access control "
            "yet; from another machine use ssh -L"
        )
    return str(address)


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
