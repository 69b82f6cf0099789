"""What an edit does to a span: the rules of the actions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mednerapp.domain.annotations import (
    AnnotatedSpan,
    Edit,
    EditAction,
    Origin,
    SpanState,
    check_new_id,
)
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an action means: the state that it leads to (None: it stays), and what of the span stays as it was."""

    state: SpanState | None
    same_place: bool = False
    same_label: bool = False
    same_assertion: bool = True
    same_comment: bool = True
    same_unsure: bool = True


_RULES = {
    EditAction.CREATE: _Rule(SpanState.CONFIRMED, same_assertion=False, same_comment=False, same_unsure=False),
    EditAction.RELABEL: _Rule(SpanState.CONFIRMED, same_place=True),
    EditAction.RESIZE: _Rule(SpanState.CONFIRMED, same_label=True),
    EditAction.ACCEPT: _Rule(SpanState.CONFIRMED, same_place=True, same_label=True),
    EditAction.REJECT: _Rule(SpanState.REJECTED, same_place=True, same_label=True),
    EditAction.ASSERT: _Rule(None, same_place=True, same_label=True, same_assertion=False),
    EditAction.COMMENT: _Rule(None, same_place=True, same_label=True, same_comment=False),
    EditAction.FLAG: _Rule(None, same_place=True, same_label=True, same_unsure=False),
}


def apply_edit(
    before: AnnotatedSpan | None,
    edit: Edit,
    *,
    deleted: AnnotatedSpan | None = None,
    suggested: AnnotatedSpan | None = None,
) -> AnnotatedSpan | None:
    """The span after the edit, None when it is gone.

    Where a span came from (origin, score, adapter) is never changed by an edit; a span that comes back after it was
    deleted takes it from `deleted`, its last state in the event log. An action leads to the state that its name says; a
    restore leads to any, but to a suggestion only as the product wrote it: `suggested`.

    Assertion, comment and doubt change by their own actions, by create and by restore, a resize takes what the rules
    say of the new place unless a person has spoken, and an accept may confirm the assertion that the rules suggest.
    Every other action may leave them out, and the fragments of a span that stays where it is too; what it does carry
    along has to be as it was.

    Raises:
        InvalidValue: if the edit needs a span that is not there, creates one that is or was, or does something else
            than its action says.
    """
    problem = _problem(before, edit, deleted=deleted, suggested=suggested)
    if problem:
        raise InvalidValue(f"Cannot {edit.action.value} span {edit.span_id!r}: {problem}.")
    if edit.span is None or edit.state is None:
        return None
    if before is None and deleted is None:
        check_new_id(edit.span_id)
    known = before or deleted or AnnotatedSpan(edit.span_id, edit.span, edit.state, Origin.PERSON)
    wanted = replace(
        known,
        span=edit.span,
        state=edit.state,
        assertion=edit.assertion,
        assertion_by=edit.assertion_by,
        comment=edit.comment,
        unsure=edit.unsure,
    )
    rule = _RULES.get(edit.action)
    return wanted if before is None or rule is None else _kept(before, wanted, rule, edit)


def _kept(before: AnnotatedSpan, wanted: AnnotatedSpan, rule: _Rule, edit: Edit) -> AnnotatedSpan:
    """`wanted` with what the rule leaves as it was."""
    if rule.same_place:
        wanted = replace(wanted, span=replace(wanted.span, fragments=before.span.fragments))
    if rule.same_assertion and not _looks_again(before, edit) and not _confirms(before, edit):
        wanted = replace(wanted, assertion=before.assertion, assertion_by=before.assertion_by)
    return replace(
        wanted,
        comment=before.comment if rule.same_comment else wanted.comment,
        unsure=before.unsure if rule.same_unsure else wanted.unsure,
    )


def _problem(
    before: AnnotatedSpan | None, edit: Edit, *, deleted: AnnotatedSpan | None, suggested: AnnotatedSpan | None
) -> str:
    creates = edit.action in (EditAction.CREATE, EditAction.RESTORE)
    if before is None and not creates:
        return "it does not exist"
    if edit.action is EditAction.CREATE and (before or deleted):
        return "it exists already" if before else "it was deleted; restore it"
    if edit.span is None or edit.state is None:
        return ""
    if edit.action is EditAction.RESTORE:
        as_suggested = suggested is not None and suggested.span == edit.span
        return "" if edit.state is not SpanState.SUGGESTED or as_suggested else "it was never suggested so"
    return _broken_rule(before, edit, edit.span)


def _broken_rule(before: AnnotatedSpan | None, edit: Edit, after: Span) -> str:
    rule = _RULES.get(edit.action)
    if rule is None:
        return "only the product writes suggestions"
    if rule.state and edit.state is not rule.state:
        return f"that makes it {rule.state.value}, not {edit.state}"
    if before is None:
        return ""
    if not rule.state and edit.state is not before.state:
        return f"that leaves it {before.state.value}"
    return _moved(before.span, after, rule) or _said(before, edit, rule)


def _moved(before: Span, after: Span, rule: _Rule) -> str:
    elsewhere = (before.start, before.end) != (after.start, after.end)
    if rule.same_place and (elsewhere or after.fragments not in ((), before.fragments)):
        return "that leaves it where it is"
    if rule.same_label and before.label != after.label:
        return "that leaves its label as it is"
    return ""


def _said(before: AnnotatedSpan, edit: Edit, rule: _Rule) -> str:
    given = (edit.assertion, edit.assertion_by)
    kept = given in ((None, None), (before.assertion, before.assertion_by)) or _confirms(before, edit)
    if rule.same_assertion and not kept and not _looks_again(before, edit):
        return "that leaves its assertion as it is"
    if rule.same_comment and edit.comment not in ("", before.comment):
        return "that leaves its comment as it is"
    if rule.same_unsure and edit.unsure and not before.unsure:
        return "that does not flag it"
    return ""


def _looks_again(before: AnnotatedSpan, edit: Edit) -> bool:
    """Whether the rules, asked again at the new place, may say something else (or nothing)."""
    by_rules = before.assertion_by is not Origin.PERSON and edit.assertion_by is not Origin.PERSON
    return edit.action is EditAction.RESIZE and by_rules


def _confirms(before: AnnotatedSpan, edit: Edit) -> bool:
    """Whether a span is accepted together with the assertion that the rules suggest for it."""
    suggested = before.assertion is not None and before.assertion_by is Origin.MODEL
    said = edit.assertion is before.assertion and edit.assertion_by is Origin.PERSON
    return edit.action is EditAction.ACCEPT and suggested and said
