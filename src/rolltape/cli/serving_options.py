"""What `rolltape ui` and `rolltape serve` are told in the same words."""

from __future__ import annotations

import argparse
import os

from rolltape.cli.text import clean


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add where to listen, under which names, who may come in, and whether they may change anything."""
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


def given_token(args: argparse.Namespace) -> str | None:
    """The token that was chosen; None: none was."""
    return args.token if args.token is not None else os.environ.get("ROLLTAPE_TOKEN") or None


def tell_addresses(urls: list[str], shown: str, args: argparse.Namespace) -> None:
    """Print where ``shown`` is shown, and what to know about that."""
    first, *others = map(clean, urls)
    print(f"{clean(shown)} is shown at {first}")
    for other in others:
        print(f"  or, where this name is known, at {other}")
    if others:
        print(f"It listens at every network interface of this machine ({clean(args.host)}).")
    if "?token=" in first:
        print("Keep the address to those who may see the runs: the token in it lets in whoever has it.")
    if args.writable:
        print("It is writable: who sees the page can change tags and notes, and move runs to the trash.")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return number
