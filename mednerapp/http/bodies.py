"""Reading what a client sent without trusting any of it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar

from starlette.requests import Request

from mednerapp.domain.annotations import Edit, EditAction, Origin, Phase, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidEdit, InvalidValue
from mednerapp.services.annotating import MAX_EDITS

LARGEST = 2**31 - 1  # what an integer column of PostgreSQL holds
_LONGEST_ID = 64
LONGEST_STEP = 64
_E = TypeVar("_E", bound=StrEnum)


class MalformedBodyError(Exception):
    """The body is not what the route takes; the text says which part."""


class BodyTooLargeError(Exception):
    """The body has more bytes than the route reads."""


async def limited(request: Request, most: int) -> bytes:
    """The body; reading stops when it turns out longer than `most` bytes, whatever Content-Length says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyTooLargeError
    return bytes(body)


async def json_object(request: Request, most: int) -> dict[str, Any]:
    return as_object(await limited(request, most))


def as_object(body: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedBodyError("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise MalformedBodyError("The body is not an object.")
    return value


def text(value: dict[str, Any], name: str, *, longest: int = _LONGEST_ID) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= longest or not found.isprintable():
        raise MalformedBodyError(f"{name} has to be a text of 1 to {longest} characters.")
    return found


def number(value: dict[str, Any], name: str, *, least: int = 0) -> int:
    found = value.get(name)
    if not _is_number(found) or not least <= found <= LARGEST:
        raise MalformedBodyError(f"{name} has to be a whole number of at least {least}.")
    return found


def edits(value: dict[str, Any]) -> list[Edit]:
    """The edits of a save.

    Raises:
        MalformedBodyError: for a shape that the editor never sends.
        InvalidEdit: for a well-formed edit that no annotation can take; it carries the edit's number.
    """
    found = value.get("edits")
    if not isinstance(found, list) or len(found) > MAX_EDITS:
        raise MalformedBodyError(f"edits has to be a list of at most {MAX_EDITS}.")
    return [_edit(item) for item in found]


def _edit(value: Any) -> Edit:
    if not isinstance(value, dict):
        raise MalformedBodyError("An edit has to be an object.")
    seq = number(value, "seq", least=1)
    after = value.get("after")
    if after is not None and not isinstance(after, dict):
        raise MalformedBodyError("after has to be an object or null.")
    span_id, action = text(value, "span_id"), text(value, "action")
    step, phase = _text_if_any(value, "step", longest=LONGEST_STEP), _text_if_any(value, "phase")
    given: dict[str, Any] = after or {}
    state = text(given, "state") if after else ""
    place = (number(given, "start"), number(given, "end"), text(given, "label", longest=200)) if after else None
    fragments = _fragments(given)
    assertion, assertion_by = _text_if_any(given, "assertion"), _text_if_any(given, "assertion_by")
    comment, unsure = _comment(given), _flag(given, "unsure")
    try:
        return Edit(
            client_seq=seq,
            action=_member(EditAction, action),
            span_id=span_id,
            span=Span(*place, fragments) if place else None,
            state=_member(SpanState, state) if state else None,
            assertion=_member(Assertion, assertion) if assertion else None,
            assertion_by=_member(Origin, assertion_by) if assertion_by else None,
            comment=comment,
            unsure=unsure,
            step=step,
            phase=_member(Phase, phase) if phase else Phase.DO,
        )
    except InvalidValue as error:
        raise InvalidEdit(str(error), client_seq=seq) from error


def _text_if_any(value: dict[str, Any], name: str, *, longest: int = _LONGEST_ID) -> str:
    """'' where it is left out, null or empty."""
    return "" if value.get(name) in (None, "") else text(value, name, longest=longest)


def _comment(value: dict[str, Any]) -> str:
    """Any text; what a comment may hold is checked with the edit, so that the person hears of it."""
    found = value.get("comment")
    if not (found is None or isinstance(found, str)):
        raise MalformedBodyError("comment has to be a text.")
    return found or ""


def _flag(value: dict[str, Any], name: str) -> bool:
    found = value.get(name)
    if not (found is None or isinstance(found, bool)):
        raise MalformedBodyError(f"{name} has to be true or false.")
    return bool(found)


def _fragments(value: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    found: Any = value.get("fragments")
    if found is None:
        return ()
    if not isinstance(found, list) or not all(_is_piece(piece) for piece in found):
        raise MalformedBodyError("fragments has to be a list of pairs of whole numbers.")
    return tuple((start, end) for start, end in found)


def _is_piece(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(n) and 0 <= n <= LARGEST for n in value)


def _member(kind: type[_E], name: str) -> _E:
    try:
        return kind(name)
    except ValueError:
        raise InvalidValue(f"{name!r} is none of {', '.join(kind)}.") from None


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
