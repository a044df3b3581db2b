"""The description of the API is of this API: the same routes and parameters, and an example that runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import httpx
from starlette.routing import BaseRoute, Mount, Route

from rolltape.server import Served, create_app
from rolltape.server.openapi import document
from rolltape.store import DirectoryStore

PAGE = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text(encoding="utf-8")


def routes_of(routes: list[BaseRoute], prefix: str = "") -> set[tuple[str, str]]:
    """(method, path) of everything under /api."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= routes_of(route.routes, prefix + route.path)
        elif isinstance(route, Route) and (prefix + route.path).startswith("/api"):
            found |= {(method, prefix + route.path) for method in (route.methods or ()) if method != "HEAD"}
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    paths = document()["paths"]
    return {(method.upper(), path): told for path, methods in paths.items() for method, told in methods.items()}


def test_every_route_is_in_the_document_and_on_the_page_and_the_other_way_round(tmp_path: Path) -> None:
    served = routes_of(create_app(DirectoryStore(tmp_path)).routes)
    assert len(served) == 21
    assert served == set(operations())
    assert served == set(re.findall(r"^\| `(GET|POST) (/api/\S+)` \|", PAGE, re.MULTILINE))


def test_the_page_names_every_parameter() -> None:
    for (method, path), told in operations().items():
        (row,) = re.findall(rf"^\| `{method} {re.escape(path)}` \|(.*?)\|", PAGE, re.MULTILINE)
        asked = {one["name"] for one in told["parameters"] if one["in"] == "query"}
        named = set(re.findall(r"`(\w+)`", row))
        assert named == asked, path


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document())))
    assert named == set(schemas)


def test_it_is_served(asker: httpx.Client) -> None:
    answer = asker.get("/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()
    assert answer.json()["openapi"].startswith("3.1")


def test_the_example_on_the_page_runs(steady: Served) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    example = example.replace("http://127.0.0.1:7070", steady.url.rstrip("/")).replace('groups"][0]', 'groups"][-1]')
    with contextlib.redirect_stdout(io.StringIO()) as out:
        names: dict[str, Any] = {}
        exec(compile(example, "docs/http-api.md", "exec"), names)
        names["server"].close()
    assert out.getvalue().count("\n") == 1
    assert "inf" not in out.getvalue()
    assert names["header"]["lines"][0]["runs"] == 2
    assert names["columns"].shape == (1, 5, 200)
