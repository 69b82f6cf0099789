"""What was found once is found wherever it stands again in the note."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mednerapp.deid.recognisers import names
from mednerapp.deid.recognisers.places import eponym_after
from mednerapp.domain.identifiers import Identifier, IdentifierType

_MIN_SCORE = 0.6  # what was hardly believed at its own place is not believed elsewhere
_PART = re.compile(r"[^\W\d_][\w'\u2019-]{2,}")
_AGAIN = frozenset(
    {
        IdentifierType.MRN,
        IdentifierType.ACCOUNT,
        IdentifierType.HEALTH_PLAN,
        IdentifierType.SSN,
        IdentifierType.LICENSE,
        IdentifierType.DEVICE,
        IdentifierType.VEHICLE,
        IdentifierType.OTHER,
        IdentifierType.PHONE,
        IdentifierType.FAX,
        IdentifierType.FACILITY,
    }
)


def spread(text: str, found: Sequence[Identifier]) -> list[Identifier]:
    """The further places of the names' parts and of the numbers among `found`."""
    wanted: dict[str, Identifier] = {}
    for one in found:
        value = text[one.start : one.end]
        if one.score < _MIN_SCORE:
            continue
        if one.type is IdentifierType.NAME:
            for part in _PART.findall(value):
                if not names.is_ordinary(part):
                    wanted.setdefault(part, one)
        elif one.type in _AGAIN and len(value) >= 4:
            wanted.setdefault(value, one)
    again: list[Identifier] = []
    for value, one in wanted.items():
        forms = {value, value.upper(), value.title()} if one.type is IdentifierType.NAME else {value}
        pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(form) for form in sorted(forms))})(?![\w-])")
        for match in pattern.finditer(text):
            if one.type is IdentifierType.NAME and eponym_after(text, match.end()):
                continue
            again.append(Identifier(match.start(), match.end(), one.type, one.score * 0.9, "again"))
    return again
