"""`rolltape ui`: serve the page that shows the runs, and open it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rolltape.cli.text import clean
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
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="port to listen at; 0: any (default: 7070, else the next free one)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="address or name of this machine to listen at (default: 127.0.0.1, which only this machine reaches); "
        "0.0.0.0: all of its addresses. Other machines need the token that is printed",
    )
    parser.add_argument(
        "--token",
        metavar="TEXT",
        help="what one must know to see the page, 16 characters or more (default: $ROLLTAPE_TOKEN, which other users "
        "of this machine do not see; else none on the loopback, and a new one elsewhere)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name or address that browsers may call this server by, as behind a proxy or in a container; "
        "may be repeated",
    )
    parser.add_argument(
        "--writable",
        action="store_true",
        help="let the page write tags and notes and move runs to the trash (DIR/.trash); else it changes nothing",
    )
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command until Ctrl-C, which is how it is meant to end: exit code 0."""
    directory = Path(args.dir or os.environ.get("ROLLTAPE_DIR") or "tapes").expanduser().resolve()
    if not directory.is_dir():
        raise StoreError(f"there is no directory {directory}")
    from rolltape.server import serve

    def ready(urls: list[str]) -> None:
        first, *others = map(clean, urls)
        print(f"{clean(directory)} is shown at {first}")
        for other in others:
            print(f"  or, where this name is known, at {other}")
        if others:
            print(f"It listens at every network interface of this machine ({clean(args.host)}).")
        if "?token=" in first:
            print("Keep the address to those who may see the runs: the token in it lets in whoever has it.")
        if args.writable:
            print("It is writable: who sees the page can change tags and notes, and move runs to the trash.")
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
            token=args.token if args.token is not None else os.environ.get("ROLLTAPE_TOKEN") or None,
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


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return number
