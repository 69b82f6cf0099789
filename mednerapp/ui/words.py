"""Numbers, times and names as people read them."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

import streamlit as st

from mednerapp.scoring.intervals import Estimate

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~^&:])")


def plain(text: str) -> str:
    """Text from outside (a title, a name) inside Markdown: shown as it is, never as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def estimate(value: Estimate) -> str:
    """`81.3% (74.0-87.2)`; says so when there is no interval, and a dash where the score is undefined."""
    if value.value is None:
        return "\u2013"
    if value.low is None or value.high is None:
        return f"{percent(value.value)} (no interval)"
    return f"{percent(value.value)} ({100 * value.low:.1f}\u2013{100 * value.high:.1f})"


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Of bytes."""
    if number < 1024:
        return f"{number} B"
    for unit, one in (("kB", 2**10), ("MB", 2**20)):
        if number < 1024 * one:
            return f"{number / one:,.1f} {unit}"
    return f"{number / 2**30:,.1f} GB"


def local_time(moment: datetime) -> datetime:
    """The moment in the time zone of the browser, as far as it is known, without the zone (for tables)."""
    return moment.astimezone(_zone()).replace(tzinfo=None, microsecond=0)


def start_of_day(moment: datetime) -> datetime:
    """When the day of that moment began in the time zone of the browser."""
    return moment.astimezone(_zone()).replace(hour=0, minute=0, second=0, microsecond=0)


def _zone() -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def seconds(number: float) -> str:
    minutes, rest = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
