"""`rolltape ship`: send runs to a server that collects them, or into ClickHouse."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rolltape.cli import output, text
from rolltape.cli.progress import Progress
from rolltape.errors import StoreError
from rolltape.tape.ship_lock import Lock

if TYPE_CHECKING:
    from rolltape.store.shipping.shipper import Shipper, Sum

_CLICKHOUSE = "clickhouse://"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ship` to the commands."""
    parser = subparsers.add_parser(
        "ship",
        help="send runs to a server that collects them",
        description="Send tapes to a rolltape serve, or into a ClickHouse store. While runs are live, what they record "
        "is sent within a second or two; it ends when they have. What cannot be sent now waits on the tape and is "
        "tried again, and whatever is sent twice is stored once. Exit code 0: all was delivered; 1: something was "
        "refused or is damaged, told on stderr; 2: wrong usage, or the server refuses altogether.",
    )
    parser.add_argument(
        "places",
        nargs="*",
        metavar="DIR … URL",
        help="directories of tapes, projects or runs (default: $ROLLTAPE_DIR, else ./tapes), and last the address of "
        "the server (default: $ROLLTAPE_SHIP), as https://tapes.example.org or clickhouse://host:8123/database",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--once", action="store_true", help="end when all runs have ended and are delivered (this is the default)"
    )
    how.add_argument("--follow", action="store_true", help="go on for ever, with runs that begin later too")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="its first line is the token for the server (default: $ROLLTAPE_TOKEN)",
    )
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="the certificate authority to believe, PEM (default: $ROLLTAPE_CA, else those of the system)",
    )
    parser.add_argument("--json", action="store_true", help="what was done as a JSON object")
    for name in ("--until-ended", "--detach"):  # how init starts it
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--lock", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command. Ctrl-C ends it, also --follow; nothing is lost."""
    lock = None
    if args.lock is not None:
        lock = Lock(args.lock)
        if not lock.take():  # another one ships already
            return 0
    if args.detach and lock is not None and hasattr(os, "fork"):
        child = os.fork()
        if child:
            lock.belongs_to(child)
            os._exit(0)  # the training process waits for this one, and keeps no child
    if hasattr(os, "nice"):
        os.nice(10)
    directories, url = _places(args.places)
    if url.startswith(_CLICKHOUSE):
        return _load(directories, url, args)
    shipper = _shipper(args, directories, url)
    try:
        if args.until_ended:
            from rolltape.store.shipping.unattended import ship_unattended

            ship_unattended(shipper, lock or Lock(Path(os.devnull)))
            return 0
        if args.follow:
            shipper.follow()
        else:
            shipper.ship()
    except KeyboardInterrupt:
        _tell_sum(shipper.sum(), url, args.json, "so far; the rest waits on the tapes")
        return 0 if args.follow else 130
    told = shipper.sum()
    _tell_sum(told, url, args.json, "")
    return 1 if told.refused else 0


def _shipper(args: argparse.Namespace, directories: list[Path], url: str) -> Shipper:
    from rolltape.store.shipping.connection import parse_address, read_token, trusted
    from rolltape.store.shipping.shipper import Shipper
    from rolltape.store.shipping.unattended import is_ours

    address = parse_address(url)
    authority = args.ca or (Path(os.environ["ROLLTAPE_CA"]) if os.environ.get("ROLLTAPE_CA") else None)
    context = trusted(authority) if address.scheme == "https" else None
    if address.is_open() and read_token(args.token_file) is not None:
        _remark(f"the token travels to {address} in the clear: others on the way can read it. Use https")
    return Shipper(
        directories,
        address,
        args.token_file,
        context,
        chosen=is_ours if args.until_ended else lambda _: True,
        tell=_remark,
        progress=None if args.until_ended else Progress("Shipping"),
        asks_all=not args.follow,
    )


def _places(given: list[str]) -> tuple[list[Path], str]:
    places = list(given)
    url = places.pop() if places and "://" in places[-1] else os.environ.get("ROLLTAPE_SHIP", "")
    if not url:
        raise StoreError("where to? Give the address of the server last, as https://HOST, or set ROLLTAPE_SHIP")
    return [Path(place) for place in places or [os.environ.get("ROLLTAPE_DIR") or "tapes"]], url


def _load(directories: list[Path], url: str, args: argparse.Namespace) -> int:
    """The same into ClickHouse."""
    from rolltape.store.clickhouse.load import Loader
    from rolltape.store.shipping.unattended import is_ours

    if len(directories) > 1:
        raise StoreError("give one directory to load into ClickHouse")
    if not directories[0].is_dir():
        raise StoreError(f"there is no directory {directories[0]}")
    began = time.monotonic()
    with Progress("Loading") as progress:
        chosen = is_ours if args.until_ended else None  # old and private runs are never sent unasked
        loader = Loader(directories[0], url, progress, _remark, chosen=chosen)
        try:
            if args.follow and not args.until_ended:
                loader.follow()
            else:
                loader.load(until_ended=True)
        except KeyboardInterrupt:
            if not args.follow:
                raise
        finally:
            loader.close()
    for problem in loader.problems:
        _remark(problem)
    if args.json:
        output.print_json({"points": loader.points, "problems": loader.problems})
    else:
        took = text.duration(time.monotonic() - began)
        print(f"{loader.points:,} points were loaded into {text.clean(str(loader.address))} in {took}")
    return 1 if loader.problems else 0


def _tell_sum(told: Sum, url: str, as_json: bool, how: str) -> None:
    if as_json:
        output.print_json(asdict(told))
        return
    what = f"{_number(told.runs, 'run')}, {_number(told.tapes, 'tape')}, {text.size(told.bytes)}"
    end = f" {how}" if how else ""
    refused = f"; {_number(len(told.refused), 'thing')} not, as told above" if told.refused else ""
    print(f"{what} delivered to {text.clean(url)} ({text.size(told.sent)} sent){end}{refused}")


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _remark(sentence: str) -> None:
    stamp = "" if sys.stderr.isatty() else time.strftime("%Y-%m-%d %H:%M:%S ")
    print(f"{stamp}rolltape ship: {text.clean(sentence)}", file=sys.stderr, flush=True)
