"""Whether what is printed has colours: as NO_COLOR (https://no-color.org) and CLICOLOR (https://bixense.com/clicolors) ask."""

from __future__ import annotations

import os
import sys


def wants_colour(asked: bool | None = None) -> bool:
    """Whether standard output is to have colours. `asked`: what an option says; it wins."""
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()
