"""Remarks: what people are unsure of, and what they wrote beside a span; and who may see those of others."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.domain.annotations import AnnotatedSpan, AnnotationState

ANNOTATORS_OF_A_DOUBLE = 2


@dataclass(frozen=True, slots=True)
class Remark:
    """A span that its annotator is unsure of or has commented.

    before, mention, after: the text of the span and up to a few dozen characters around it. third: two people have
    annotated the note already, and opening it to annotate would make the reader a third.
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
    third: bool


@dataclass(frozen=True, slots=True)
class RemarkFilter:
    """Each narrows what is listed. own: only the person's own."""

    unsure: bool = False
    commented: bool = False
    own: bool = False

    def takes(self, span: AnnotatedSpan) -> bool:
        return (not self.unsure or span.unsure) and (not self.commented or bool(span.comment))


def may_see_others(*, own: AnnotationState | None, blind: bool, double: bool, submitted: int) -> bool:
    """Whether somebody who reviews may see what others marked on a note, because it cannot lead them any more.

    own: the state of their own annotation of it, None without one. blind: it is, or would be, without suggestions.
    double: two people are asked to annotate the note, blind to each other, leads too, or their agreement would say
    nothing. submitted: how many others have submitted it.
    """
    if own is AnnotationState.SUBMITTED:
        return True
    if blind:
        return False
    return not double or (own is None and submitted >= ANNOTATORS_OF_A_DOUBLE)
