"""``python -m rolltape.compat.neptune train.py …``: run a script as it is, its Neptune being the stand-in."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from rolltape.compat.neptune.installing import install


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit("usage: python -m rolltape.compat.neptune script.py [argument ...]")
    if not Path(sys.argv[1]).is_file():
        raise SystemExit(f"there is no script {sys.argv[1]}")
    install()
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
