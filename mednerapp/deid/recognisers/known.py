"""Identifiers that came with the note: the patient's name, number and address from the columns of the upload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mednerapp.domain.identifiers import Identifier, IdentifierType

_MIN_PART = 3  # letters; shorter parts of a name are words too often
_SEPARATORS = re.compile(r"[\s,;/]+")


def find(text: str, known: Mapping[IdentifierType, Sequence[str]]) -> Iterator[Identifier]:
    """Every place of a known value, whatever its case and whatever separates its parts; of a name its parts as well."""
    for kind, values in known.items():
        for value in values:
            for pattern in _patterns(kind, value):
                for match in pattern.finditer(text):
                    yield Identifier(match.start(), match.end(), kind, 1.0, "known")


def _patterns(kind: IdentifierType, value: str) -> Iterator[re.Pattern[str]]:
    parts = [part for part in _SEPARATORS.split(value.strip()) if part]
    if not parts or len("".join(parts)) < _MIN_PART:
        return
    joined = r"[\s,;/]+".join(re.escape(part) for part in parts)
    yield re.compile(rf"(?<!\w){joined}(?!\w)", re.IGNORECASE)
    if kind is IdentifierType.NAME:
        for part in parts:
            if len(part.strip(".")) >= _MIN_PART:
                yield re.compile(rf"(?<!\w){re.escape(part)}(?!\w)", re.IGNORECASE)
