"""A line to a server: HTTP or HTTPS, through a proxy if the environment names one.

Only the standard library, so that every installation can ship and read.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import ssl
import urllib.request
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Line(NamedTuple):
    """A connection that is not open yet, and how to ask over it."""

    connection: http.client.HTTPConnection
    before: str  # what goes before the path of a request
    headers: dict[str, str]  # what goes with each request


class _Proxy(NamedTuple):
    host: str
    port: int
    headers: dict[str, str]


def line_to(scheme: str, host: str, port: int, context: ssl.SSLContext | None, patience: float) -> Line:
    """A line to a server.

    Args:
        scheme: http or https.
        host, port: of the server.
        context: whom to believe, where it is https.
        patience: s without a byte from the server.
    """
    proxy = None if is_loopback(host) or urllib.request.proxy_bypass(host) else _proxy_for(scheme)
    to = (host, port) if proxy is None else (proxy.host, proxy.port)
    if scheme == "https":
        secure = http.client.HTTPSConnection(*to, timeout=patience, context=context)
        if proxy is not None:
            secure.set_tunnel(host, port, proxy.headers)
        return Line(secure, "", {})
    connection = http.client.HTTPConnection(*to, timeout=patience)
    if proxy is None:
        return Line(connection, "", {})
    return Line(connection, f"http://{f'[{host}]' if ':' in host else host}:{port}", proxy.headers)


def is_loopback(host: str) -> bool:
    """Whether a name or address is that of this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def in_words(error: Exception, patience: float, authority: str) -> str:
    """Why there is no answer, as the end of a sentence.

    Args:
        error: what the line raised.
        patience: how long (s) was waited for a byte.
        authority: how a private certificate authority is named.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed ({error.verify_message}); {authority} names a private authority"
    if isinstance(error, TimeoutError):
        return f"nothing came from it for {patience:g} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"what it answers is not HTTP ({error})" if str(error) else "it closed the connection"


def _proxy_for(scheme: str) -> _Proxy | None:
    proxies = urllib.request.getproxies()
    text = proxies.get(scheme) or proxies.get("all")
    if not text:
        return None
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if not parts.hostname or parts.scheme != "http":
        return None
    headers = {}
    if parts.username is not None:
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(who.encode()).decode()}"
    return _Proxy(parts.hostname, parts.port or 80, headers)
