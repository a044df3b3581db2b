"""Answers in the forms that all routes share."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rolltape.server.strict_json import encode

FRESH = {"cache-control": "no-cache"}  # may be kept, but is asked about each time


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``value`` as strict JSON."""
    return Response(encode(value), status, {**FRESH, **(headers or {})}, "application/json")


def refusal(sentence: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """What is wrong with a request."""
    return json_reply({"error": sentence}, status, headers)


def is_known(request: Request, etag: str) -> bool:
    """Whether the asker has the answer of that ETag already."""
    given = ",".join(request.headers.getlist("if-none-match"))
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or "*" in tags


def not_modified(etag: str, headers: dict[str, str] | None = None) -> Response:
    """304: the answer of that ETag still holds."""
    return Response(status_code=304, headers={**FRESH, **(headers or {}), "etag": etag})
