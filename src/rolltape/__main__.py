"""`python -m rolltape` is the command `rolltape`."""

from __future__ import annotations

import sys

from rolltape.cli import main

if __name__ == "__main__":
    sys.exit(main())
