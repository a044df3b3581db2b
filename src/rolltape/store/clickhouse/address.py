"""Where a ClickHouse store is: ``clickhouse://[user[:password]@]host:port[,host:port…]/database[?secure=1&replicated=1]``.

The ports are those of HTTP. Every host is one shard, in the order in which they are named: a run lies whole on one of
them, which its project and id decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl, unquote, urlsplit

from rolltape.errors import StoreError

SCHEME = "clickhouse://"
_FORM = "clickhouse://[user[:password]@]host:port[,host:port…]/database[?secure=1&replicated=1]"
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PORT, _SECURE_PORT = 8123, 8443
_FLAGS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class Host:
    """One shard's server."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """A ClickHouse store. Its text form never shows the password."""

    hosts: tuple[Host, ...]
    database: str
    user: str = "default"
    password: str = ""
    secure: bool = False
    replicated: bool = False

    def __str__(self) -> str:
        who = "" if self.user == "default" else f"{self.user}@"
        flags = [name for name in ("secure", "replicated") if getattr(self, name)]
        more = "?" + "&".join(f"{name}=1" for name in flags) if flags else ""
        return f"{SCHEME}{who}{','.join(map(str, self.hosts))}/{self.database}{more}"

    __repr__ = __str__

    def shard_of(self, project: str, run: str) -> int:
        """The number of the host that holds a run; ``run`` is its id."""
        key = f"{project}\0{run}".encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(key, digest_size=8).digest(), "little") % len(self.hosts)


def is_clickhouse(text: str) -> bool:
    """Whether this names a ClickHouse store and not a directory."""
    return text.startswith(SCHEME)


def parse_address(text: str) -> Address:
    """The address that a URL names.

    Raises:
        StoreError: it is not one; the message says what is wrong and never shows the password.
    """
    if not is_clickhouse(text):
        raise StoreError(f"the address of a ClickHouse store is {_FORM}")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _wrong(f"it cannot be taken apart ({error})") from None
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    secure, replicated = _flags(parts.query)
    database = unquote(parts.path.strip("/"))
    if parts.fragment:
        raise _wrong("there must be no #; write %23 where a password has one")
    if not _DATABASE.fullmatch(database):
        raise _wrong(f"the database is {database!r} and must be a word of letters, digits and _")
    hosts = tuple(_host(one, _SECURE_PORT if secure else _PORT) for one in where.split(","))
    twice = {str(host) for host in hosts if hosts.count(host) > 1}
    if twice:
        raise _wrong(f"{', '.join(sorted(twice))} is named twice, and every host is a shard of its own")
    return Address(hosts, database, unquote(user) or "default", unquote(password), secure, replicated)


def _host(text: str, port: int) -> Host:
    found = _HOST.fullmatch(text)
    if not found:
        raise _wrong(f"{text!r} is not host:port" if text else "a host is missing")
    number = int(found[2] or port)
    if not 0 < number < 65536:
        raise _wrong(f"there is no port {number}")
    return Host(found[1], number)


def _flags(query: str) -> tuple[bool, bool]:
    found = {"secure": False, "replicated": False}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in found:
            raise _wrong(f"there is no option {name!r}; there are secure and replicated")
        if value.lower() not in _FLAGS:
            raise _wrong(f"{name} is 0 or 1, not {value!r}")
        found[name] = _FLAGS[value.lower()]
    return found["secure"], found["replicated"]


def _wrong(what: str) -> StoreError:
    return StoreError(f"this is not the address of a ClickHouse store: {what}. It is {_FORM}")
