"""How what a notebook shows looks: the colours of the page, in light and in dark, and the rules that choose.

Three things decide between light and dark: what a notebook says of its own theme (JupyterLab, VS Code, Colab, Sphinx),
else what the reader's system prefers, and light where rules are stripped: every colour is an attribute, too, and charts
have a ground of their own. Text outside of charts has the notebook's colour.
"""

from __future__ import annotations

from typing import NamedTuple

# Ten colours that colour-blind readers can tell apart, those of the page
LIGHT = ["#0b6cb3", "#cf5600", "#008a66", "#a83f95", "#a97400", "#3d2f9c", "#d0556b", "#3a93c4", "#7d1f4f", "#5d6a73"]
DARK = ["#58aef0", "#ff8d50", "#35c79d", "#e68fd4", "#f0c24d", "#a094ff", "#ff9dab", "#8fdcff", "#d8709f", "#b3bdc6"]
DASHES = ("", "7 3", "2 2", "9 3 2 3", "14 4")
FEW = 8  # lines that colours alone are enough for, as each has its label beside it

# name -> the property that it colours, light, dark
PARTS = {
    "ground": ("fill", "#ffffff", "#1a1e22"),
    "ink": ("fill", "#1b2126", "#e3e7ea"),
    "muted": ("fill", "#58636d", "#9ba6b0"),
    "grid": ("stroke", "#e2e7ea", "#2c3238"),
    "axis": ("stroke", "#7a8792", "#8a96a1"),
    "other": ("stroke", "#aab4bc", "#5a6670"),
    "bad": ("fill", "#b3261e", "#ff8a80"),
}

# These stand on the notebook's own ground, whichever that is
_STATUS = {
    "running": "#2f8fd0",
    "finished": "#2e9e68",
    "failed": "#d6453d",
    "killed": "#d6453d",
    "interrupted": "#b07a10",
}
_SAYS_LIGHT = "html:not([theme=light]):not([data-theme=light]) body:not([data-jp-theme-light=true]):not(.vscode-light)"
_SAYS_DARK = "body[data-jp-theme-light=false]", "body.vscode-dark", "html[theme=dark]", "html[data-theme=dark]"


class Ink(NamedTuple):
    """How one line among several is drawn."""

    color: int
    dashes: str  # "": none


def ink(place: int, lines: int) -> Ink:
    """Of the line at ``place`` among so many: beyond eight, neighbours differ in their dashes, too.

    Up to fifty lines no two are alike.
    """
    count = len(LIGHT)
    dashes = (place + place // count) % len(DASHES) if lines > FEW else 0
    return Ink(place % count, DASHES[dashes])


def part(name: str) -> str:
    """The attributes of something that has one of the PARTS' colours."""
    kind, light, _ = PARTS[name]
    return f'class="rt-{name}" {kind}="{light}"'


def line_color(ink: Ink) -> str:
    """The attributes of a group whose parts are drawn in ``currentColor``."""
    return f'class="rt-c{ink.color}" color="{LIGHT[ink.color]}"'


def status_dot(word: str) -> str:
    """A dot that goes before the status of a run."""
    return f'<span style="color:{_STATUS.get(word, "#7a8792")}">●</span>'


def style() -> str:
    """The rules, for each output again: the same ones, so that it does not matter which output they come from."""
    chosen = [f".rolltape .rt-c{i}{{color:var(--rt-c{i},{color})}}" for i, color in enumerate(LIGHT)]
    chosen += [f".rolltape .rt-{name}{{{kind}:var(--rt-{name},{light})}}" for name, (kind, light, _) in PARTS.items()]
    dark = [f"--rt-c{i}:{color}" for i, color in enumerate(DARK)]
    dark += [f"--rt-{name}:{color}" for name, (_, _, color) in PARTS.items()]
    values = ";".join(dark)
    says_dark = ",".join(f"{body} .rolltape" for body in _SAYS_DARK)
    rules = [
        *chosen,
        f"@media (prefers-color-scheme:dark){{{_SAYS_LIGHT} .rolltape{{{values}}}}}",
        f"{says_dark}{{{values}}}",
        *_LAYOUT,
    ]
    return f"<style>{''.join(rules)}</style>"


_TABLE = ".rolltape table.rt-table"
_LAYOUT = (
    ".rolltape{font:13px/1.45 system-ui,sans-serif;overflow-x:auto}",
    ".rolltape svg.rt-chart{display:block;width:100%;max-width:760px;height:auto}",
    ".rolltape p.rt-told{margin:4px 0 8px;max-width:760px;font-size:12px;opacity:.8}",
    f"{_TABLE}{{border-collapse:collapse;border:0;margin:4px 0;table-layout:auto;font-size:12.5px}}",
    f"{_TABLE} caption{{text-align:left;font-weight:600;padding:2px 8px;white-space:nowrap}}",
    f"{_TABLE} th,{_TABLE} td{{text-align:left;vertical-align:top;padding:2px 8px;max-width:480px;"
    "overflow-wrap:anywhere;font-variant-numeric:tabular-nums}",
    f"{_TABLE} thead th,{_TABLE} .rt-short{{white-space:nowrap;overflow-wrap:normal}}",
    f"{_TABLE} .rt-count{{text-align:right;white-space:nowrap;overflow-wrap:normal}}",
    f"{_TABLE} tbody th{{font-weight:400;opacity:.7;white-space:nowrap}}",
    ".rolltape ul.rt-config{margin:0;padding:0;list-style:none}",
    ".rolltape ul.rt-config li{margin:0;padding:0}",
    ".rolltape ul.rt-long{columns:3;column-gap:24px}",
    ".rolltape b.rt-wrong{color:#d6453d;font-weight:600}",
)
