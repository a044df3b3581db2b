"""What notebooks show of curves, runs and groups: static pictures and tables, without JavaScript."""

from rolltape.store.notebook.figures import BandOfGroup, curve_html, group_html
from rolltape.store.notebook.tables import run_html, runs_html

__all__ = ["BandOfGroup", "curve_html", "group_html", "run_html", "runs_html"]
