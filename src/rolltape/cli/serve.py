"""`rolltape serve`: the page, and a place that other machines send their runs to."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from rolltape.cli.serving_options import add_options, given_token, tell_addresses
from rolltape.cli.text import clean
from rolltape.errors import StoreError

_SMALLEST, _LARGEST = 1, 1024  # MB


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `serve` to the commands."""
    parser = subparsers.add_parser(
        "serve",
        help="collect the runs of many machines, and show them",
        description="Serve the page, and take the runs that other machines send: set ROLLTAPE_SHIP to the address of "
        "this server there, or use rolltape ship. What they send becomes the same tapes here. Ctrl-C ends it; nothing "
        "is lost, they send the rest when it is back.",
    )
    parser.add_argument(
        "--dir", metavar="DIR", help="directory of the tapes; made if missing (default: $ROLLTAPE_DIR, else ./tapes)"
    )
    add_options(parser)
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="tokens and what each may do, made by rolltape token; in the place of --token",
    )
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="every request comes through a proxy, whose X-Forwarded-Proto and X-Forwarded-For are to be believed",
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve HTTPS with this certificate (PEM)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the key of the certificate (PEM)")
    parser.add_argument(
        "--largest",
        type=_megabytes,
        default=256,
        metavar="MB",
        help="how much one request may bring (default: 256, enough for every frame that is written)",
    )
    parser.add_argument(
        "--durability",
        choices=("os", "fsync"),
        default="os",
        help="what is acknowledged outlives the death of the server (os, the default), or of the machine (fsync)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command until Ctrl-C, which is how it is meant to end: exit code 0."""
    directory = Path(args.dir or os.environ.get("ROLLTAPE_DIR") or "tapes").expanduser().resolve()
    from rolltape.server import serve
    from rolltape.server.collecting.options import Collecting
    from rolltape.server.tls import checked_tls

    if args.token is not None and args.token_file is not None:
        raise StoreError("there can be one token, or a token file with many: give one of the two")
    token = given_token(args) if args.token_file is None else None
    tls = checked_tls(args.certificate, args.key)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)

    def ready(urls: list[str]) -> None:
        tell_addresses(urls, str(directory), args)
        address, _, made = clean(urls[0]).partition("?token=")
        print("Runs are sent there where these are set before training:")
        print(f"  export ROLLTAPE_SHIP={address.rstrip('/')}")
        if made or args.token_file is not None:
            print(f"  export ROLLTAPE_TOKEN={made or 'TOKEN'}")
        print("Press Ctrl-C to end.", flush=True)

    try:
        serve(
            directory,
            host=args.host,
            port=args.port,
            on_ready=ready,
            token=token,
            allowed_hosts=args.allow_host,
            writable=args.writable,
            token_file=args.token_file,
            behind_proxy=args.behind_proxy,
            collecting=Collecting(largest=args.largest << 20, synced=args.durability == "fsync"),
            tls=tls,
        )
    except KeyboardInterrupt:
        print()
    return 0


def _megabytes(text: str) -> int:
    number = int(text)
    if not _SMALLEST <= number <= _LARGEST:
        raise argparse.ArgumentTypeError(f"must be {_SMALLEST} to {_LARGEST}")
    return number
