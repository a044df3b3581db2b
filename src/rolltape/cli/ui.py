"""`rolltape ui`: serve the page that shows the runs, and open it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rolltape.cli.serving_options import add_options, given_token, tell_addresses
from rolltape.errors import StoreError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ui` to the commands."""
    parser = subparsers.add_parser(
        "ui",
        help="show the runs in the browser, live",
        description="Serve the page that shows the runs, also while they are recorded, and open it in the browser. "
        "Ctrl-C ends it.",
    )
    parser.add_argument(
        "dir", nargs="?", metavar="DIR", help="directory of the tapes (default: $ROLLTAPE_DIR, else ./tapes)"
    )
    add_options(parser)
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command until Ctrl-C, which is how it is meant to end: exit code 0."""
    place = args.dir or os.environ.get("ROLLTAPE_DIR") or "tapes"
    if "://" in place:
        raise StoreError("the page can show directories only so far")
    directory = Path(place).expanduser().resolve()
    if not directory.is_dir():
        raise StoreError(f"there is no directory {directory}")
    from rolltape.server import serve

    def ready(urls: list[str]) -> None:
        tell_addresses(urls, str(directory), args)
        print("Press Ctrl-C to end.", flush=True)
        if not args.no_open and has_browser():
            import webbrowser

            webbrowser.open(urls[0])

    try:
        serve(
            directory,
            host=args.host,
            port=args.port,
            on_ready=ready,
            token=given_token(args),
            allowed_hosts=args.allow_host,
            writable=args.writable,
        )
    except KeyboardInterrupt:
        print()
    return 0


def has_browser() -> bool:
    """Whether a browser could show a window here."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in displays)
