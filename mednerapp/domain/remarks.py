"""Remarks: what people are unsure of, and what they wrote beside a span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mednerapp.domain.annotations import AnnotatedSpan, AnnotationState


@dataclass(frozen=True, slots=True)
class Remark:
    """A span that its annotator is unsure of or has commented.

    before, mention, after: the text of the span and up to a few dozen characters around it.
    at: when the annotation was changed last.
    """

    note_id: int
    title: str
    user_id: int
    who: str
    state: AnnotationState
    span: AnnotatedSpan
    before: str
    mention: str
    after: str
    at: datetime
