"""Where annotations of one note differ, cut into places that a person can decide one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mednerapp.domain.spans import Span

Sides = Mapping[int, frozenset[Span]]
"""The confirmed spans of each side; an annotation goes by its id, the gold that there was before by `BEFORE`."""

BEFORE = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one or more sides say at a place; no span: that there is nothing."""

    spans: tuple[Span, ...]
    sides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of text that the sides read differently: spans that overlap, of whatever side.

    key: the same for the same readings, whoever holds them, so that a decision outlives a new look at other places.
    readings: in the order of the sides. majority: index of the reading that more than half of the sides hold, if any.
    """

    key: str
    start: int
    end: int
    readings: tuple[Reading, ...]
    majority: int | None


def differences(sides: Sides) -> tuple[tuple[Span, ...], tuple[Place, ...]]:
    """(spans that every side has, places where they differ), both in text order.

    Touching spans do not overlap; a discontinuous one takes the whole stretch from its first to its last character.
    """
    everything = frozenset[Span]().union(*sides.values())
    agreed = frozenset.intersection(*sides.values()) if sides else frozenset[Span]()
    groups: list[list[Span]] = []
    end = -1
    for span in sorted(everything - agreed):
        if span.start >= end:
            groups.append([])
        groups[-1].append(span)
        end = max(end, span.end)
    return tuple(sorted(agreed)), tuple(_place(group, sides) for group in groups)


def _place(group: Sequence[Span], sides: Sides) -> Place:
    held: dict[tuple[Span, ...], list[int]] = {}
    for side, spans in sides.items():
        held.setdefault(tuple(span for span in group if span in spans), []).append(side)
    readings = tuple(Reading(spans, tuple(who)) for spans, who in held.items())
    majority = next((i for i, reading in enumerate(readings) if 2 * len(reading.sides) > len(sides)), None)
    said = "|".join(sorted(";".join(map(_written, reading.spans)) for reading in readings))
    key = hashlib.sha256(said.encode()).hexdigest()[:16]
    return Place(key, min(s.start for s in group), max(s.end for s in group), readings, majority)


def _written(span: Span) -> str:
    return f"{span.start}-{span.end} {span.label} {span.fragments}"
