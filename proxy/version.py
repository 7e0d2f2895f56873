"""Which hushql this is."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("hushql")

COMPILED: Final = False
"""Whether the wire code runs compiled."""
