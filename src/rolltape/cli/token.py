"""`rolltape token`: make, list and revoke the tokens of a server that a team shares."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rolltape.cli import output, text
from rolltape.errors import StoreError

if TYPE_CHECKING:
    from rolltape.server.access.token_file import StoredToken

_HEADER = ("id", "name", "scopes", "made", "expires", "status")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `token` to the commands."""
    parser = subparsers.add_parser(
        "token",
        help="make, list and revoke the tokens of a server",
        description="Make, list and revoke the tokens of a server that was started with --token-file. It notices a "
        "change at once. The file holds hashes: a token is shown when it is made, and never again.",
    )
    actions = parser.add_subparsers(
        title="actions", dest="action", metavar="ACTION", required=True, help="ACTION --help tells more"
    )
    make = actions.add_parser("make", help="make a token and print it", description=_MAKE)
    make.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="SCOPE",
        help="what it may do; may be repeated: write:PROJECT (send runs), read:PROJECT (see them), admin (all, also "
        "change notes and delete). PROJECT may be * for all",
    )
    make.add_argument("--name", default="", metavar="TEXT", help="whose it is, or what it is for")
    make.add_argument("--days", type=float, metavar="N", help="how long it holds (default: until it is revoked)")
    ls = actions.add_parser("ls", help="list the tokens", description="List the tokens, but not what they are.")
    revoke = actions.add_parser(
        "revoke",
        help="make tokens invalid",
        description="Make tokens invalid. Whoever uses one is refused from then on; streams end within seconds.",
    )
    revoke.add_argument("id", nargs="+", metavar="ID", help="of a token, as ls tells")
    for action, run in ((make, _make), (ls, _ls), (revoke, _revoke)):
        action.add_argument("--file", required=True, metavar="T", help="the server's token file")
        action.add_argument("--json", action="store_true", help="as JSON")
        action.set_defaults(run=run)


_MAKE = (
    "Make a token and print it, alone on stdout: rolltape token make --file T --scope write:cartpole > node.token. "
    "The file is made if it is missing, readable by you alone."
)


def _make(args: argparse.Namespace) -> int:
    from rolltape.server.access.token_file import changing, make_token

    with changing(Path(args.file)) as tokens:
        secret, made = make_token(tokens, args.scope, args.name, args.days)
    if args.json:
        output.print_json({"token": secret, **_told(made)})
        return 0
    until = "until it is revoked" if made.expires is None else f"until {text.moment(made.expires)}"
    output.remark(f"Token {made.id} ({', '.join(made.scopes)}), which holds {until}. It is not shown again:")
    print(secret)
    return 0


def _ls(args: argparse.Namespace) -> int:
    from rolltape.server.access.token_file import read_tokens

    tokens = read_tokens(Path(args.file).expanduser())
    now = time.time()
    rows = [
        [one.id, one.name, " ".join(one.scopes), one.made, one.expires, "expired" if one.has_expired(now) else "valid"]
        for one in tokens
    ]
    if args.json:
        output.print_json([_told(one) for one in tokens])
    elif not output.to_terminal():
        output.print_tsv(_HEADER, rows)
    elif rows:
        _print_table(tokens, rows, now)
    else:
        output.remark(f"There are no tokens in {args.file}.")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from rolltape.server.access.token_file import changing, read_tokens

    place = Path(args.file)
    read_tokens(place.expanduser())  # a file that is not there is not made
    with changing(place) as tokens:
        known = {one.id: one for one in tokens}
        for id in args.id:
            if id not in known:
                raise StoreError(f"there is no token {id!r} in {place}: nothing was revoked")
        revoked = [known[id] for id in dict.fromkeys(args.id)]
        tokens[:] = [one for one in tokens if one.id not in args.id]
    if args.json:
        output.print_json([_told(one) for one in revoked])
        return 0
    for one in revoked:
        print(f"revoked {one.id}" + (f" ({text.clean(one.name)})" if one.name else ""))
    return 0


def _told(token: StoredToken) -> dict[str, Any]:
    return {name: value for name, value in asdict(token).items() if name != "sha256"}


def _print_table(tokens: list[StoredToken], rows: list[list[Any]], now: float) -> None:
    from rich.text import Text

    from rolltape.cli.table import Column, table

    def cells(values: list[str]) -> list[Text]:
        return [Text(text.clean(value)) for value in values]

    columns = [
        Column("id", cells([one.id for one in tokens]), least=8),
        Column("name", cells([one.name for one in tokens]), least=10, gives_way=1),
        Column("scopes", cells([", ".join(one.scopes) for one in tokens]), least=16),
        Column("made", cells([text.ago(one.made, now) for one in tokens])),
        Column("expires", cells(["" if one.expires is None else text.moment(one.expires) for one in tokens])),
        Column("status", [Text(row[5], "red" if row[5] == "expired" else "green") for row in rows]),
    ]
    console = output.console()
    console.print(table(columns, console.width))
