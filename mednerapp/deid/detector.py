"""All recognisers over one note, and what they found made into places that do not overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mednerapp.deid import beside, stock
from mednerapp.deid.recognisers import contacts, dates, known, names, numbers, places
from mednerapp.deid.spreading import spread
from mednerapp.domain.identifiers import Identifier, IdentifierType

Recogniser = Callable[[str], Iterable[Identifier]]

OWN: tuple[Recogniser, ...] = (names.find, dates.find, contacts.find, numbers.find, places.find)


@dataclass(frozen=True, slots=True)
class Detector:
    """recognisers: which look at a note; `usual()` gives the usual ones. min_score: below it a finding is let go."""

    recognisers: tuple[Recogniser, ...] = OWN
    min_score: float = 0.5
    spreads: bool = field(default=True)

    def find(
        self, text: str, *, known_values: Mapping[IdentifierType, Sequence[str]] | None = None
    ) -> tuple[Identifier, ...]:
        """In text order, without overlap.

        known_values: what the upload's columns say of the patient, by type; each of these is found wherever it stands.
        """
        found = [one for look in self.recognisers for one in look(text) if one.score >= self.min_score]
        found += known.find(text, known_values or {})
        if self.spreads:
            found += spread(text, merged(text, found))
        return merged(text, found)


def usual() -> Detector:
    """Ours, those of Presidio that check a sum, and the model that this process has chosen, if any.

    The first call of `find` loads Presidio and starts the model's process, which takes seconds.
    """
    return with_model(*beside.chosen())


def with_model(*models: Recogniser) -> Detector:
    """The rules, and these beside them."""
    return Detector((*OWN, stock.find, *models))


def merged(text: str, found: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """Overlapping findings become one over all their characters, of the type that was surest.

    Hiding a character too many costs a reader little; a character too few is a leak.
    """
    result: list[Identifier] = []
    for one in sorted(found, key=lambda f: (f.start, -f.end)):
        last = result[-1] if result else None
        if last is None or one.start >= last.end:
            result.append(one)
            continue
        surer = one if (one.score, one.end - one.start) > (last.score, last.end - last.start) else last
        result[-1] = replace(surer, start=last.start, end=max(last.end, one.end))
    return tuple(_trimmed(text, one) for one in result)


def _trimmed(text: str, one: Identifier) -> Identifier:
    """Without blanks at its ends."""
    value = text[one.start : one.end]
    start = one.start + len(value) - len(value.lstrip())
    return replace(one, start=start, end=start + len(value.strip()))
