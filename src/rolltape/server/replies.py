"""Answers in the forms that all routes share."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rolltape.server.strict_json import encode

FRESH = {"cache-control": "no-cache"}  # may be kept, but is asked about each time

_STYLE = """
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto; padding: 0 1.5rem }
  code, pre { font: 0.9em ui-monospace, monospace; background: #8882; border-radius: 4px; padding: 0.1em 0.3em }
  pre { padding: 0.8em 1em }
"""
STYLE_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"  # for the policy
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{head}<title>rolltape: {title}</title>
<style>{style}</style>
<h1>{title}</h1>
{body}
</html>
"""


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


def html_page(
    title: str, body: str, status: int = 200, headers: dict[str, str] | None = None, head: str = ""
) -> Response:
    """A page of a few words. ``body`` and ``head`` are HTML."""
    text = _PAGE.format(title=escape(title), body=body, head=head, style=_STYLE)
    return HTMLResponse(text, status, {**FRESH, **(headers or {})})
