"""Errors in the log without what they were about: the message of an unexpected error may quote a note."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

from mednerapp.errors import MedNerError


def hide_messages_of_errors() -> None:
    """From now on every logged error shows its type and where it happened; only our own errors show their text."""
    make = logging.getLogRecordFactory()
    if getattr(make, "hides_messages", False):
        return

    def discreet(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if isinstance(record.exc_info, tuple) and record.exc_info[1]:
            record.exc_text = describe(record.exc_info[1])  # formatters use it instead of formatting exc_info
        return record

    discreet.hides_messages = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(discreet)


def describe(error: BaseException) -> str:
    """Type and stack of an error and of what caused it, without any message that is not ours."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        text = f": {current}" if isinstance(current, MedNerError) else " (message withheld)"
        lines.append(f"{_stack(current.__traceback__)}{type(current).__qualname__}{text}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\nThe above was the cause of:\n\n".join(reversed(lines))


def _stack(tb: TracebackType | None) -> str:
    return "Traceback (most recent call last):\n" + "".join(traceback.format_tb(tb))
