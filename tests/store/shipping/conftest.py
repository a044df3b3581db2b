"""Makes what lies beside it importable, and its fixtures known."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from collecting_server import here, server, shipping

__all__ = ["here", "server", "shipping"]
