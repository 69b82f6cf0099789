"""Capitals and small letters beyond ASCII, for patterns: `re` has no classes for them."""

from __future__ import annotations

_LATIN = [chr(code) for code in range(0xC0, 0x250)]
CAPITALS = "A-Z" + "".join(c for c in _LATIN if c.isupper())
SMALLS = "a-z" + "".join(c for c in _LATIN if c.islower())
CAPITAL, SMALL = f"[{CAPITALS}]", f"[{SMALLS}]"
