"""What a format cannot hold is taken out and counted here, before it is written; so writers get what they can hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mednerapp.domain.annotations import SpanState
from mednerapp.domain.exchange import Document, ExchangeSpan, LossReport, Trait
from mednerapp.domain.spans import Span

Step = Callable[[Document, LossReport], Document]
"""Takes out of a document what cannot be held, and counts it."""
Keep = Callable[[Document, LossReport], Document]

MOVED = "spans whose edges were moved off blanks or line ends"
ONLY_BLANKS = "spans of blanks or line ends only"
OUTER = "discontinuous spans written as one range from their first to their last piece"
RELABELLED = "labels written with other characters"
CHARACTERS = "characters written as blanks (the text changes, the offsets do not)"
LINE_ENDS = "line ends written as blanks (the text changes, the offsets do not)"
TEXT_EDGES = "notes without their first or last blanks"

_OF_NOTE: dict[Trait, tuple[str, Any]] = {
    Trait.ID: ("id", ""),
    Trait.TITLE: ("title", ""),
    Trait.SOURCE: ("source", ""),
    Trait.PATIENT: ("patient_key", ""),
    Trait.NOTE_TYPE: ("note_type", ""),
    Trait.WRITTEN_ON: ("written_on", None),
    Trait.ANNOTATOR: ("annotator", ""),
    Trait.SUBMITTED: ("submitted", True),
    Trait.HISTORY: ("history", ()),
}
_PLAIN = ExchangeSpan(Span(0, 1, "x"))
_OF_SPAN: dict[Trait, tuple[str, ...]] = {
    Trait.SPAN_ID: ("id",),
    Trait.ORIGIN: ("origin",),
    Trait.SCORE: ("score",),
    Trait.MODEL: ("model",),
    Trait.ASSERTION: ("assertion", "assertion_by"),
    Trait.COMMENT: ("comment",),
    Trait.UNSURE: ("unsure",),
    Trait.CONCEPTS: ("concepts",),
}


def keeping(holds: frozenset[Trait], *steps: Step) -> Keep:
    """Takes out what is not in `holds`, and lets `steps` do the rest in their order. Discontinuous and overlapping
    spans are left to the steps: there is more than one way to write them.
    """
    of_note = {trait: where for trait, where in _OF_NOTE.items() if trait not in holds}
    of_span = {trait: names for trait, names in _OF_SPAN.items() if trait not in holds}

    def keep(document: Document, report: LossReport) -> Document:
        report.notes += 1
        report.spans += len(document.spans)
        given = len(document.spans)
        changes: dict[str, Any] = {}
        for trait, (name, usual) in of_note.items():
            value = getattr(document, name)
            if value != usual:
                report.count(trait, len(value) if trait is Trait.HISTORY else 1)
                changes[name] = usual
        spans = document.spans
        if Trait.STATE not in holds:
            spans = tuple(item for item in spans if item.state is SpanState.CONFIRMED)
            report.count(Trait.STATE, given - len(spans))
        kept = replace(document, spans=tuple(_without(item, of_span, report) for item in spans), **changes)
        for step in steps:
            kept = step(kept, report)
        report.spans_left_out += given - len(kept.spans)
        return kept

    return keep


def _without(item: ExchangeSpan, traits: dict[Trait, tuple[str, ...]], report: LossReport) -> ExchangeSpan:
    changes: dict[str, Any] = {}
    for trait, names in traits.items():
        if getattr(item, names[0]) != getattr(_PLAIN, names[0]):
            report.count(trait)
            changes.update({name: getattr(_PLAIN, name) for name in names})
    return replace(item, **changes) if changes else item


def as_outer(document: Document, report: LossReport) -> Document:
    """A discontinuous span becomes the range from its first to its last piece."""
    report.count(OUTER, sum(bool(item.span.fragments) for item in document.spans))
    return replace(
        document, spans=tuple(replace(item, span=replace(item.span, fragments=())) for item in document.spans)
    )


def in_one_piece(document: Document, report: LossReport) -> Document:
    """No discontinuous span: what tags tokens would learn the gap from it."""
    whole = tuple(item for item in document.spans if not item.span.fragments)
    report.count(Trait.FRAGMENTS, len(document.spans) - len(whole))
    return replace(document, spans=whole)


def flat(document: Document, report: LossReport) -> Document:
    """No discontinuous span, and of overlapping ones the longest, then the first."""
    whole = in_one_piece(document, report).spans
    kept: list[ExchangeSpan] = []
    for item in sorted(whole, key=lambda i: (i.span.start - i.span.end, i.span.start, i.span.label)):
        if not any(item.span.overlaps(other.span) for other in kept):
            kept.append(item)
    report.count(Trait.OVERLAPS, len(whole) - len(kept))
    return replace(document, spans=tuple(sorted(kept, key=lambda i: i.span)))


def off_blanks(document: Document, report: LossReport) -> Document:
    """A span begins and ends with a character that is no blank and no line end, and so does each of its pieces."""
    return _trimmed(document, report, str.isspace)


def off_line_ends(document: Document, report: LossReport) -> Document:
    """A span begins and ends with a character that is no line end, and so does each of its pieces. Pieces with nothing
    but line ends between them are one.
    """
    return _trimmed(document, report, lambda c: c == "\n", join=True)


def _trimmed(document: Document, report: LossReport, bad: Callable[[str], bool], *, join: bool = False) -> Document:
    text, spans = document.text, list[ExchangeSpan]()
    for item in document.spans:
        pieces: list[tuple[int, int]] = []
        for start, end in item.span.pieces:
            while start < end and bad(text[start]):
                start += 1  # noqa: PLW2901 - that is the point
            while end > start and bad(text[end - 1]):
                end -= 1  # noqa: PLW2901
            if start == end:
                continue
            if join and pieces and all(bad(c) for c in text[pieces[-1][1] : start]):
                pieces[-1] = (pieces[-1][0], end)
            else:
                pieces.append((start, end))
        if not pieces:
            report.count(ONLY_BLANKS)
            continue
        if tuple(pieces) != item.span.pieces:
            report.count(MOVED)
            fragments = tuple(pieces) if len(pieces) > 1 else ()
            span = Span(pieces[0][0], pieces[-1][1], item.span.label, fragments)
            spans.append(replace(item, span=span))
        else:
            spans.append(item)
    return replace(document, spans=tuple(spans))


def labels_of(bad: str, *, instead: str = "_") -> Step:
    """Labels without the characters of the class `bad` (inside the brackets of a regular expression)."""
    pattern = re.compile(f"[{bad}]")

    def step(document: Document, report: LossReport) -> Document:
        spans: list[ExchangeSpan] = []
        for item in document.spans:
            label = pattern.sub(instead, item.span.label)
            report.count(RELABELLED, label != item.span.label)
            spans.append(replace(item, span=replace(item.span, label=label)))
        return replace(document, spans=tuple(spans))

    return step


_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def only_xml(document: Document, report: LossReport) -> Document:
    """XML 1.0 has no control characters but tab and line end; each becomes U+FFFD, so that no text is left blank."""

    def clean(value: str) -> str:
        cleaned, number = _NO_XML.subn("\ufffd", value)
        report.count(CHARACTERS, number)
        return cleaned

    spans = tuple(
        replace(
            item,
            id=clean(item.id),
            span=replace(item.span, label=clean(item.span.label)),
            comment=clean(item.comment),
            model=clean(item.model),
            concepts=tuple(_NO_XML.sub("_", concept) for concept in item.concepts),
        )
        for item in document.spans
    )
    names = ("id", "title", "source", "patient_key", "note_type", "annotator")
    changes = {name: clean(getattr(document, name)) for name in names}
    return replace(document, text=clean(document.text), spans=spans, **changes)


def one_line_comments(document: Document, report: LossReport) -> Document:
    spans: list[ExchangeSpan] = []
    for item in document.spans:
        comment = " ".join(item.comment.split())
        report.count("comments written on one line", comment != item.comment)
        spans.append(replace(item, comment=comment))
    return replace(document, spans=tuple(spans))


class Naming:
    """Step: every document gets a name that is safe and its own; the given one where that is both."""

    def __init__(self, safe: Callable[[str], str]) -> None:
        self._safe, self._taken, self._number = safe, set[str](), 0

    def __call__(self, document: Document, report: LossReport) -> Document:
        self._number += 1
        name = self._safe(document.id)
        if not name or name.casefold() in self._taken:
            report.count(Trait.ID, bool(document.id))
            name = f"note-{self._number:06d}"
            while name in self._taken:
                name += "_"
        self._taken.add(name.casefold())
        return replace(document, id=name)


def with_span_ids(document: Document, report: LossReport) -> Document:
    """Every span of a note has an id of its own; one that has none or another's gets a number."""
    taken: set[str] = set()
    spans: list[ExchangeSpan] = []
    for number, item in enumerate(document.spans):
        name = item.id
        if not name.strip() or name in taken:
            report.count(Trait.SPAN_ID, bool(name))
            name = f"s{number}"
            while name in taken:
                name += "_"
        taken.add(name)
        spans.append(replace(item, id=name))
    return replace(document, spans=tuple(spans))
