"""Files that may be sent: plain names inside one directory, with content types that cannot run in the page's origin."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from rolltape.server.replies import FRESH, is_known, not_modified

MEDIA = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".ogv": "video/ogg",
    ".png": "image/png",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
PAGE = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}


def is_plain(name: str) -> bool:
    """Whether ``name`` can only be something that lies right inside a directory, and is not hidden."""
    return bool(name) and not name.startswith(".") and not any(c in "/\\:\0" for c in name)


def find_file(directory: Path, *names: str, within: Path | None = None) -> tuple[Path, os.stat_result] | None:
    """The regular file at ``directory/names...``, with links followed; None if there is none.

    Args:
        directory: where it must lie, also after links are followed.
        names: its path from there, each part a plain name.
        within: where ``directory`` itself must lie after links are followed.
    """
    if not all(map(is_plain, names)):
        return None
    try:
        base = directory.resolve(strict=True)
        path = base.joinpath(*names).resolve(strict=True)
        if not path.is_relative_to(base) or (within is not None and not base.is_relative_to(within.resolve())):
            return None
        found = path.stat()
    except (OSError, RuntimeError, ValueError):  # not there, a loop of links, a name that no file can have
        return None
    return (path, found) if stat.S_ISREG(found.st_mode) else None


def file_reply(
    request: Request,
    file: tuple[Path, os.stat_result],
    types: dict[str, str],
    headers: dict[str, str] = FRESH,
) -> Response:
    """A file or the range of it that is asked for. What is not among ``types`` is for saving only."""
    path, found = file
    media_type = types.get(path.suffix.lower())
    response = FileResponse(
        path,
        media_type=media_type or "application/octet-stream",
        filename=None if media_type else path.name,
        headers=headers,
        stat_result=found,
    )
    etag = response.headers["etag"]
    return not_modified(etag, headers) if is_known(request, etag) else response
