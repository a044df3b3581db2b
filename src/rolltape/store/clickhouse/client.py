"""One ClickHouse server over plain HTTP: questions, inserts, and what went wrong in a clear sentence.

Needs urllib3, which the extra ``clickhouse`` brings. Everything here may be sent again without harm: questions change
nothing, and every table keeps one row of each key.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rolltape.errors import StoreError
from rolltape.store.clickhouse.address import Address, Host
from rolltape.store.clickhouse.dialect import Dialect, dialect_of
from rolltape.store.clickhouse.native import (
    Columns,
    Given,
    NativeError,
    Piece,
    bytes_text,
    chunks,
    decode,
    encode_block,
    size_of,
    text_bytes,
)

if TYPE_CHECKING:
    import urllib3

Parameter = str | int | float
_CONNECT = 5.0  # s
_TRIES = 3  # of a question that met a broken connection
_PAUSE = 0.2  # s between them
_TOLD = 400  # characters of an error that are shown
_CODE = re.compile(r"Code: (\d+)")
_NAME = re.compile(r"\{(\w+)\}")
# What passes when somebody starts a server, ends a query or makes room: of the numbers that ClickHouse gives its errors
_PASSING = frozenset(
    (74, 75, 76, 159, 160, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 285, 286, 287, 319, 394, 425, 439, 999)
)
_DENIED = frozenset((192, 193, 194, 195, 497, 516))


class Unreachable(StoreError):
    """A server does not answer, or cannot do now what it may do later: worth another try."""


class Client:
    """Talks to the server of one shard. May be used from any thread.

    Args:
        address: of the store.
        shard: which of its hosts.
        timeout: seconds that an answer may take.

    Raises:
        StoreError: urllib3 is not installed.
    """

    def __init__(self, address: Address, shard: int = 0, timeout: float = 60.0) -> None:
        try:
            import urllib3
        except ImportError:
            raise StoreError("ClickHouse needs urllib3: pip install 'rolltape[clickhouse]'") from None
        self.address = address
        self.shard = shard
        self.host: Host = address.hosts[shard]
        self._dialect: Dialect | None = None
        self._timeout = timeout
        scheme = "https" if address.secure else "http"
        self._url = f"{scheme}://{self.host}/"
        self._pool: urllib3.PoolManager = urllib3.PoolManager(maxsize=4, retries=False)
        self._headers = {
            "X-ClickHouse-User": address.user,
            "X-ClickHouse-Key": address.password,
            "User-Agent": "rolltape",
        }

    def __str__(self) -> str:
        return f"ClickHouse at {self.host}"

    @property
    def dialect(self) -> Dialect:
        """What this server wants. Asks it once. Raises StoreError."""
        if self._dialect is None:
            answer = self._send({}, b"SELECT version() FORMAT TabSeparatedRaw", _TRIES)
            try:
                self._dialect = dialect_of(bytes_text(answer).strip()[:100])
            except StoreError as error:
                raise StoreError(f"{self}: {error}") from None
        return self._dialect

    def columns(
        self, sql: str, parameters: Mapping[str, Parameter] | None = None, settings: Mapping[str, str] | None = None
    ) -> Columns:
        """The answer of a question as columns by name: arrays, and lists of bytes where it says String.

        Args:
            sql: a question in the store's database; ``{name}`` is replaced by a parameter.
            parameters: by name. Texts are quoted: whatever they hold, they are data.
            settings: of this question.

        Raises:
            Unreachable: the server does not answer. StoreError: it refuses.
        """
        text = filled(sql, parameters) + "\nFORMAT Native"
        # Whole before it is sent: an error in the middle would come as an answer that looks right
        whole = {"wait_end_of_query": "1", "buffer_size": str(64 << 20)}
        asked = {"database": self.address.database, **whole, **self.dialect.query_settings, **(settings or {})}
        answer = self._send(asked, text_bytes(text), _TRIES)
        try:
            return decode(answer)
        except NativeError as error:
            raise Unreachable(f"{self}: {error}") from error

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None, database: str | None = None) -> None:
        """Run a statement that may be repeated, in a database (None: the store's). Raises as `columns`."""
        where = self.address.database if database is None else database
        self._send({"database": where}, text_bytes(filled(sql, parameters)), _TRIES)

    def insert(self, table: str, rows: int, columns: Mapping[str, tuple[str, Given]], token: str | None = None) -> None:
        """Insert one block; it is stored when this returns.

        Args:
            table: a name that is no one's input.
            rows: how many.
            columns: (type, values) by name.
            token: names this very block; a server that knows tokens stores it once.

        Raises:
            Unreachable: it is not known whether it was stored. StoreError: it was refused.
        """
        self.insert_blocks(table, list(columns), encode_block(rows, columns), token)

    def insert_blocks(self, table: str, names: Iterable[str], pieces: list[Piece], token: str | None = None) -> None:
        """As `insert`, of blocks that `native.encode_block` made."""
        dialect = self.dialect
        query = f"INSERT INTO {table} ({', '.join(f'`{name}`' for name in names)}) FORMAT Native"
        asked = {"database": self.address.database, "query": query, **dialect.insert_settings, **dialect.token(token)}
        self._send(asked, pieces, 1)

    def close(self) -> None:
        """Close its connections."""
        self._pool.clear()

    def _send(self, asked: Mapping[str, str], body: bytes | list[Piece], tries: int) -> bytes:
        import urllib3

        headers = dict(self._headers)
        if isinstance(body, list):
            headers["Content-Length"] = str(size_of(body))
        for attempt in range(tries):
            try:
                answer = self._pool.request(
                    "POST",
                    self._url + "?" + _encoded(asked),
                    body=body if isinstance(body, bytes) else chunks(body),
                    headers=headers,
                    timeout=urllib3.Timeout(connect=_CONNECT, read=self._timeout),
                )
                break
            except urllib3.exceptions.SSLError as error:
                raise StoreError(f"{self}: no TLS connection: {_cause(error)}") from error
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if attempt == tries - 1:
                    raise Unreachable(f"{self} does not answer: {_cause(error)}") from error
                time.sleep(_PAUSE)
        if answer.status == 200:
            return answer.data
        raise self._refused(answer.status, bytes_text(answer.data))

    def _refused(self, status: int, said: str) -> StoreError:
        found = _CODE.search(said)
        code = int(found[1]) if found else 0
        line = " ".join(said.split())[:_TOLD]
        if code in _DENIED or (not found and status in (401, 403)):
            return StoreError(f"{self} does not let the user {self.address.user!r} in: {line}")
        if not found:
            if status in (408, 429, 502, 503, 504):
                return Unreachable(f"{self} answers {status}: {line}")
            return StoreError(f"what answers at {self.host} is not ClickHouse's HTTP port: status {status}: {line}")
        if code == 81:
            return StoreError(f"{self} has no database {self.address.database!r}")
        passing = code in _PASSING or "ZooKeeper" in said or "No space left" in said
        return (Unreachable if passing else StoreError)(f"{self} says: {line}")


def clients(address: Address, timeout: float = 60.0) -> list[Client]:
    """One for each shard. Raises StoreError: urllib3 is not installed."""
    return [Client(address, shard, timeout) for shard in range(len(address.hosts))]


def quoted(value: Parameter) -> str:
    """A value as SQL: whatever a text holds, it stays one."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"reinterpretAsFloat64(unhex('{struct.pack('<d', value).hex()}'))"  # as text not all of them are numbers
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
    return f"'{escaped}'"


def filled(sql: str, parameters: Mapping[str, Parameter] | None) -> str:
    """SQL with every ``{name}`` replaced by that parameter, quoted. What parameters hold is not looked into again.

    None: the SQL as it is.
    """
    if parameters is None:
        return sql
    return _NAME.sub(lambda found: quoted(parameters[found[1]]), sql)


def _encoded(asked: Mapping[str, str]) -> str:
    from urllib.parse import urlencode

    return urlencode(asked)


def _cause(error: Any) -> str:
    """The reason at the bottom of an error, in a line."""
    reason = getattr(error, "reason", None)
    text = str(reason if reason is not None else error)
    return text.rsplit(": ", 1)[-1].strip("()'\" ") if "Errno" in text else " ".join(text.split())[:_TOLD]
