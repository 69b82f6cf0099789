"""A written date moved by days and written again in its own way."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Callable
from datetime import date, timedelta

_MONTHS = tuple(month.lower() for month in month_name[1:])  # of the C locale, English
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)"
_DAY = r"(?P<day>\d{1,2})(?P<th>st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_SEP = r"[\s,./'\u2019-]*"
_WRITTEN = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^{_DAY}(?:\s+of)?{_SEP}{_MONTH}\.?(?:{_SEP}{_YEAR})?$",
        rf"^{_MONTH}\.?{_SEP}{_DAY}(?:{_SEP}(?P<year>(?:19|20)\d\d|(?<=['\u2019])\d\d))?$",
        rf"^{_MONTH}\.?(?:{_SEP}(?:of\s+)?{_YEAR})?$",
    )
]
_NUMERIC = re.compile(
    r"^(?P<a>\d{1,4})(?P<s1>\s?[/.-]\s?)(?P<b>\d{1,2})(?:(?P<s2>\s?[/.-]\s?)(?P<c>\d{1,4}))?(?P<rest>T[\d:.Z]+)?$"
)
_PACKED = re.compile(r"^(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)$")
_MONTH_YEAR = re.compile(r"^(?P<m>\d{1,2})(?P<s>[/.-])(?P<y>(?:19|20)\d\d)$")
_ANY_YEAR = 2001  # of a date that is written without one; no leap year, so 29 February becomes a tag
_MID_MONTH = 15


def moved(value: str, days: int) -> str | None:
    """`value` moved by `days`, written as it was; None when it is not understood.

    A date without a day moves as the middle of its month does. 3/4/2022 is read as month/day, as in the United States,
    unless that is impossible; since all dates of a patient move alike, intervals stay right to within what that says.
    """
    for pattern in _WRITTEN:
        if match := pattern.match(value):
            return _written(match, days)
    if match := _PACKED.match(value):
        new = _move(int(match["y"]), int(match["m"]), int(match["d"]), days)
        return f"{new:%Y%m%d}" if new else None
    if match := _MONTH_YEAR.match(value):
        new = _move(int(match["y"]), int(match["m"]), _MID_MONTH, days)
        return f"{new.month:0{len(match['m'])}}{match['s']}{new.year}" if new else None
    if match := _NUMERIC.match(value):
        return _numeric(match, days)
    return None


def _move(year: int, month: int, day: int, days: int) -> date | None:
    try:
        return date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else 2000 + year if year < 50 else 1900 + year


def _year_like(text: str, new: date) -> str:
    return f"{new.year % 100:02}" if len(text) == 2 else str(new.year)


def _written(match: re.Match[str], days: int) -> str | None:
    parts = match.groupdict()
    month_text, day_text, year_text = parts["month"], parts.get("day"), parts.get("year")
    month = next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(month_text.lower()[:3]))
    new = _move(
        _full_year(year_text) if year_text else _ANY_YEAR, month, int(day_text) if day_text else _MID_MONTH, days
    )
    if new is None:
        return None
    name = _MONTHS[new.month - 1]
    name = name if month_text.lower() in _MONTHS and len(month_text) > 3 else name[:3]
    fills: dict[str, str] = {
        "month": name.upper() if month_text.isupper() else name.title() if month_text[0].isupper() else name
    }
    if day_text:
        fills["day"] = f"{new.day:0{len(day_text) if day_text.startswith('0') else 1}}"
        if parts.get("th"):
            fills["th"] = "th" if 11 <= new.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(new.day % 10, "th")
    if year_text:
        fills["year"] = _year_like(year_text, new)
    return _filled(match, fills)


def _numeric(match: re.Match[str], days: int) -> str | None:
    a, b, c = match["a"], match["b"], match["c"]
    new: date | None
    if c is None and len(b) <= 2 and len(a) <= 2:
        day_first = int(a) > 12
        new = _move(_ANY_YEAR, int(b if day_first else a), int(a if day_first else b), days)
        order = ("d", "m") if day_first else ("m", "d")
    elif len(a) == 4 and c is not None:
        new, order = _move(int(a), int(b), int(c), days), ("y", "m", "d")
    elif c is None:
        return None
    else:
        day_first = int(a) > 12 or ("." in match["s1"] and int(b) <= 12)  # points are how Europe writes them
        month, day = (b, a) if day_first else (a, b)
        new = _move(_full_year(c), int(month), int(day), days)
        order = ("d", "m", "y") if day_first else ("m", "d", "y")
    if new is None:
        return None
    write: dict[str, Callable[[str], str]] = {
        "d": lambda old: f"{new.day:0{_width(old)}}",
        "m": lambda old: f"{new.month:0{_width(old)}}",
        "y": lambda old: _year_like(old, new),
    }
    return _filled(match, {group: write[kind](match[group]) for group, kind in zip("abc", order, strict=False)})


def _width(old: str) -> int:
    return 2 if len(old) == 2 else 1


def _filled(match: re.Match[str], fills: dict[str, str]) -> str:
    """The matched text with these groups replaced."""
    text, value = match.string, ""
    done = 0
    for group, new in sorted(fills.items(), key=lambda item: match.start(item[0])):
        value += text[done : match.start(group)] + new
        done = match.end(group)
    return value + text[done:]
