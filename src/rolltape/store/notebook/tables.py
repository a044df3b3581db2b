"""Runs as tables in a notebook."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rolltape.store.flat_config import fingerprint, flatten
from rolltape.store.model import RunInfo
from rolltape.store.notebook.style import status_dot, style
from rolltape.store.notebook.svg import clean, escape

_MOST_ROWS = 200
_MOST_KEYS = 40  # of one config
_LONG = 12  # entries, above which they are in columns
_MOST_COLUMNS = 12  # of configs that differ
_LONGEST = 60  # characters of a config's entry
_LONGEST_ERROR = 600
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def run_html(info: RunInfo) -> str:
    """One run as a table of what is known of it; of its config the first 40 keys."""
    rows = [("name", escape(info.name)), ("project", escape(info.project)), ("id", escape(info.id))]
    state = _status(info.status) + (f", exit code {escape(info.exit_code)}" if info.exit_code else "")
    rows.append(("status", state))
    if info.error:
        rows.append(("error", _wrong(_short(clean(info.error), _LONGEST_ERROR))))
    rows.append(("started", escape(_moment(info.started))))
    rows.append(("duration", escape(_lasted(info)) + (" so far" if info.ended is None else "")))
    rows.append(("points", f"{info.points:,}"))
    rows.append(("lost", _wrong(f"{info.lost:,} rows could not be recorded") if info.lost else "0"))
    if info.tags:
        rows.append(("tags", escape(", ".join(map(str, info.tags)))))
    if info.config:
        rows.append(("config", _config(info.config)))
    body = "".join(f'<tr><th scope="row">{name}</th><td>{told}</td></tr>' for name, told in rows)
    return _page(f'<table class="rt-table"><tbody>{body}</tbody></table>')


def runs_html(infos: Sequence[RunInfo]) -> str:
    """Runs as a table, newest first: 200 at most, and of their configs only what differs among them."""
    shown = sorted(infos, key=lambda info: (-info.started, info.key))[:_MOST_ROWS]
    projects = {info.project for info in infos}
    configs = [flatten(info.config) for info in shown]
    keys = _differing(configs)
    columns: list[tuple[str, str, list[str]]] = [("status", "rt-short", [_status(info.status) for info in shown])]
    if len(projects) > 1:
        columns.append(("project", "rt-short", [_name(info.project) for info in shown]))
    if any(info.name != info.id for info in shown):
        columns.append(("name", "rt-short", [_name(info.name) for info in shown]))
    for key in keys[:_MOST_COLUMNS]:
        cells = [escape(_entry(config[key])) if key in config else "" for config in configs]
        columns.append((_name(key), "rt-short", cells))
    columns.append(("points", "rt-count", [f"{info.points:,}" for info in shown]))
    if any(info.lost for info in shown):
        columns.append(("lost rows", "rt-count", [_wrong(f"{info.lost:,}") if info.lost else "0" for info in shown]))
    columns += [
        ("duration", "rt-count", [escape(_lasted(info)) for info in shown]),
        ("started", "rt-short", [escape(_moment(info.started, "minutes")) for info in shown]),
        ("id", "rt-short", [_name(info.id) for info in shown]),
    ]
    counted = "1 run" if len(infos) == 1 else f"{len(infos):,} runs"
    where = f" in {escape(*projects)}" if len(projects) == 1 else f" in {len(projects):,} projects" if projects else ""
    notes = []
    if len(infos) > len(shown):
        notes.append(f"and {len(infos) - len(shown):,} more")
    if len(keys) > _MOST_COLUMNS:
        notes.append(f"{len(keys) - _MOST_COLUMNS:,} more keys of the configs differ")
    return _page(
        f'<table class="rt-table"><caption>{counted}{where}</caption>{_rows(columns) if shown else ""}</table>'
        + (f'<p class="rt-told">{"; ".join(notes)}</p>' if notes else "")
    )


def _rows(columns: Sequence[tuple[str, str, list[str]]]) -> str:
    kinds = [f' class="{kind}"' if kind else "" for _, kind, _ in columns]
    head = "".join(f'<th scope="col"{kind}>{name}</th>' for kind, (name, _, _) in zip(kinds, columns, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in zip(*(cells for _, _, cells in columns), strict=True)
    )
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"


def _page(inside: str) -> str:
    return f'<div class="rolltape">{style()}{inside}</div>'


def _status(word: str) -> str:
    return f"{status_dot(word)} {escape(word)}"


def _wrong(told: str) -> str:
    return f'<b class="rt-wrong">{escape(told)}</b>'


def _config(config: Mapping[str, Any]) -> str:
    flat = flatten(config)
    entries = [f"{_name(key)} = {escape(_entry(flat[key]))}" for key in list(flat)[:_MOST_KEYS]]
    if len(flat) > _MOST_KEYS:
        entries.append(f"… and {len(flat) - _MOST_KEYS:,} more")
    long = " rt-long" if len(entries) > _LONG else ""
    return f'<ul class="rt-config{long}">{"".join(f"<li>{entry}</li>" for entry in entries)}</ul>'


def _differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys whose entries are not the same everywhere, in the order in which they first appear."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if len({fingerprint(config[key]) if key in config else None for config in configs}) > 1]


def _entry(entry: object) -> str:
    """A config's entry in a line, shortened."""
    if isinstance(entry, float):
        return f"{entry:.12g}"
    return _short(clean(entry if isinstance(entry, str) else _whole(entry)), _LONGEST)


def _whole(entry: object) -> str:
    try:
        return json.dumps(entry, ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        return repr(entry)


def _name(name: str) -> str:
    return escape(_short(clean(name), _LONGEST))


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _moment(unix: float, precision: str = "seconds") -> str:
    """A time on this machine's clock, and how far that is from UTC: notebooks are read elsewhere."""
    try:
        return datetime.fromtimestamp(unix).astimezone().isoformat(" ", precision)
    except (ValueError, OverflowError, OSError):
        return "?"


def _lasted(info: RunInfo) -> str:
    """How long a run took, or has run so far, in its two largest units."""
    seconds = (time.time() if info.ended is None else info.ended) - info.started
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY:,} d {whole % _DAY // _HOUR} h"
