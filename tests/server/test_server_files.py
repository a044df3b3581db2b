"""Media with ranges and content types, and the page, built or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest

import rolltape
from rolltape.server import Served, serve_in_background

BYTES = bytes(range(256)) * 1000


@pytest.fixture
def media(tapes: Path) -> Path:
    media = tapes / "cart%20pole" / "s1" / "media"
    media.mkdir()
    for suffix in ("mp4", "png", "PNG", "svg", "html", "js", "bin"):
        (media / f"a b%2F.{suffix}").write_bytes(BYTES)
    return media


def address(suffix: str) -> str:
    return "/api/media/" + "/".join(quote(part, safe="") for part in ("cart%20pole", "s1", f"a b%2F.{suffix}"))


def test_a_video_can_be_sought_in(client: httpx.Client, media: Path) -> None:
    whole = client.get(address("mp4"))
    assert (whole.status_code, whole.content) == (200, BYTES)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in whole.headers
    part = client.get(address("mp4"), headers={"range": "bytes=100000-100099"})
    assert (part.status_code, part.content) == (206, BYTES[100000:100100])
    assert part.headers["content-range"] == f"bytes 100000-100099/{len(BYTES)}"
    assert client.get(address("mp4"), headers={"range": "bytes=-5"}).content == BYTES[-5:]
    assert client.get(address("mp4"), headers={"range": f"bytes={len(BYTES)}-"}).status_code == 416
    for odd in ("bytes=x-y", "bytes", "lines=1-2", "bytes=5-2", "bytes=" + "0-0," * 200):
        assert client.get(address("mp4"), headers={"range": odd}).status_code in (200, 206, 400, 416)
    assert client.head(address("mp4")).headers["content-length"] == str(len(BYTES))


def test_media_is_sent_once(client: httpx.Client, media: Path) -> None:
    etag = client.get(address("png")).headers["etag"]
    assert client.get(address("png"), headers={"if-none-match": etag}).status_code == 304
    (media / "a b%2F.png").write_bytes(b"new")
    assert client.get(address("png"), headers={"if-none-match": etag}).content == b"new"


@pytest.mark.parametrize("suffix", ["svg", "html", "js", "bin"])
def test_what_could_run_is_only_for_saving(client: httpx.Client, media: Path, suffix: str) -> None:
    answer = client.get(address(suffix))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_images(client: httpx.Client, media: Path) -> None:
    assert client.get(address("png")).headers["content-type"] == "image/png"
    assert client.get(address("PNG")).headers["content-type"] == "image/png"


def test_a_recorded_image_is_found_by_its_event(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="a/b", id="100%", dir=tapes) as run:
        run.log({"eval/frame": rolltape.Image(np.zeros((4, 4)))}, step=1)
    (info,) = (run for run in client.get("/api/runs").json()["runs"] if run["project"] == "a/b")
    (event,) = client.get("/api/run", params={"run": info["key"]}).json()["events"]
    assert (event["kind"], event["name"], event["text"]) == ("image", "eval/frame", None)
    path = "/".join(quote(part, safe="") for part in (*info["key"].split("/"), event["file"]))
    assert client.get(f"/api/media/{path}").content.startswith(b"\x89PNG")


@pytest.fixture
def built(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>the page")
    (static / "favicon.svg").write_text("<svg/>")
    (static / "assets" / "index-1a2b.js").write_text("1")
    (static / "assets" / "index-1a2b.css").write_text("a{}")
    monkeypatch.setattr("rolltape.server.app.STATIC", static)
    with serve_in_background(tapes, 0) as served:
        yield served


def test_the_built_page(built: Served) -> None:
    with httpx.Client(base_url=built.url, trust_env=False) as client:
        page = client.get("/")
        assert page.text == "<!doctype html>the page"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-cache"
        assert client.get("/", headers={"if-none-match": page.headers["etag"]}).status_code == 304
        for name, kind in (("js", "text/javascript"), ("css", "text/css")):
            asset = client.get(f"/assets/index-1a2b.{name}")
            assert asset.headers["content-type"].startswith(kind)
            assert "immutable" in asset.headers["cache-control"]
        icon = client.get("/favicon.svg")
        assert icon.headers["content-type"].startswith("image/svg+xml")
        assert icon.headers["cache-control"] == "no-cache"
        assert client.get("/assets/old-3c4d.js").status_code == 404


def test_a_page_that_was_not_built(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolltape.server.app.STATIC", tmp_path / "missing")
    with serve_in_background(tapes, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-cache"
        for said in ("not built", "pip install -e .", "ROLLTAPE_SKIP_UI"):
            assert said in page.text
        assert client.get("/assets/a.js").status_code == 404
        assert len(client.get("/api/runs").json()["runs"]) == 3


@pytest.mark.parametrize(
    ("accepted", "encoding", "sent"),
    [("gzip, deflate", "gzip", b"zipped"), ("gzip, br;q=1", "br", b"brotli"), ("identity", None, b"plain")],
)
def test_assets_are_sent_as_the_build_compressed_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: str, encoding: str | None, sent: bytes
) -> None:
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    for name, content in (("a.js", b"plain"), ("a.js.gz", b"zipped"), ("a.js.br", b"brotli")):
        (assets / name).write_bytes(content)
    monkeypatch.setattr("rolltape.server.app.STATIC", tmp_path / "static")
    with (
        serve_in_background(tmp_path / "tapes", 0) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        with client.stream("GET", "/assets/a.js", headers={"accept-encoding": accepted}) as response:
            assert b"".join(response.iter_raw()) == sent
        assert response.headers.get("content-encoding") == encoding
        assert response.headers["content-type"].startswith("text/javascript")
        assert response.headers.get("vary") == (None if encoding is None else "accept-encoding")
        assert client.get("/assets/b.js", headers={"accept-encoding": accepted}).status_code == 404
