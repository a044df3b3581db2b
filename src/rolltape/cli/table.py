"""Tables for people that fit the width of the terminal: some columns become narrower, some give way."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

_GAP = 2


@dataclass(slots=True)
class Column:
    """A title and the cells under it."""

    title: str
    cells: list[Text]
    right: bool = False
    least: int | None = None  # cells that it may shrink to; None: it stays as wide as it is
    gives_way: int = 0  # the highest goes first where there is no room; 0 never goes

    @property
    def width(self) -> int:
        return max((Text(self.title).cell_len, *(cell.cell_len for cell in self.cells)))


def fit(columns: list[Column], width: int) -> dict[str, int]:
    """The width of each column that is shown, by its title."""
    columns = list(columns)
    while True:
        widths = {column.title: column.width for column in columns}
        while _total(widths) > width:
            spare = {c.title: widths[c.title] - c.least for c in columns if c.least and widths[c.title] > c.least}
            if not spare:
                break
            widths[max(spare, key=lambda title: widths[title])] -= 1
        leaving = max(columns, key=lambda column: column.gives_way, default=None)
        if _total(widths) <= width or leaving is None or not leaving.gives_way:
            return widths
        columns.remove(leaving)


def table(columns: list[Column], width: int) -> Table:
    """The columns side by side in at most ``width`` cells, as far as that goes."""
    widths = fit(columns, width)
    shown = [column for column in columns if column.title in widths]
    made = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for column in shown:
        made.add_column(
            Text(column.title),
            width=widths[column.title],
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        made.add_row(*row)
    return made


def left_over(columns: list[Column], width: int) -> int:
    """Cells that one more column could have beside these."""
    return width - _total(fit(columns, width)) - _GAP


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + _GAP * max(0, len(widths) - 1)
