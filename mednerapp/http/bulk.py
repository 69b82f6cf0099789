"""Routes over all notes of a project: find words; change every place where the same words stand, and take that back."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.domain.bulk import BulkChange, BulkKind
from mednerapp.domain.mentions import MOST_MENTION
from mednerapp.errors import NotFound
from mednerapp.http import bodies
from mednerapp.http.acting import Answer, post
from mednerapp.http.bodies import MalformedBodyError
from mednerapp.services import bulk, finding
from mednerapp.services.bulk import Preview, TakenBack

_MOST_EXCLUDED = bulk.MOST_PLACES
Body = dict[str, Any]


def routes(app: App) -> list[Route]:
    work = _Work(app)
    return [
        post("/api/projects/{id:int}/find", app, work.find),
        post("/api/projects/{id:int}/bulk/preview", app, work.preview),
        post("/api/projects/{id:int}/bulk/apply", app, work.apply),
        post("/api/bulk/{id}/undo", app, work.undo),
        post("/api/bulk/{id}/redo", app, work.redo),
    ]


class _Work:
    """What the routes do."""

    def __init__(self, app: App) -> None:
        self._store = app.store

    def find(self, user: User, project_id: int, body: Body) -> Answer:
        query = body.get("q")  # in the body: what one looks for may name a patient, and an address ends up in logs
        if not isinstance(query, str) or _unstorable(query):
            raise MalformedBodyError("q has to be a text.")
        after = bodies.number(body, "after") if body.get("after") is not None else 0
        found = finding.find(self._store, user=user, project_id=project_id, query=query, after=after)
        notes = [
            {
                "note_id": note.note_id,
                "title": note.title,
                "status": note.status.value,
                "places": [_context(place) for place in note.places],
            }
            for note in found.notes
        ]
        return Answer({"query": query, "notes": notes, "next": found.next})

    def preview(self, user: User, project_id: int, body: Body) -> Answer:
        found = bulk.preview(
            self._store,
            user=user,
            project_id=project_id,
            change=_change(body),
            except_annotation=_optional_id(body, "except_annotation"),
        )
        return Answer({"notes": len(found.notes), "places": _places(found), "truncated": found.truncated})

    def apply(self, user: User, project_id: int, body: Body) -> Answer:
        applied = bulk.apply(
            self._store,
            user=user,
            project_id=project_id,
            change=_change(body),
            step=bodies.text(body, "step"),
            expected=bodies.number(body, "expected"),
            excluded=_excluded(body),
            except_annotation=_optional_id(body, "except_annotation"),
        )
        skipped = [{"note_id": note_id, "why": why} for note_id, why in applied.skipped.items()]
        return Answer(
            {
                "operation_id": applied.operation_id,
                "notes": applied.notes,
                "places": applied.places,
                "skipped": skipped,
            }
        )

    def undo(self, user: User, step: str, body: Body) -> Answer:
        except_annotation = _optional_id(body, "except_annotation")
        return _taken_back(bulk.undo(self._store, user=user, step=_step(step), except_annotation=except_annotation))

    def redo(self, user: User, step: str, body: Body) -> Answer:
        except_annotation = _optional_id(body, "except_annotation")
        return _taken_back(bulk.redo(self._store, user=user, step=_step(step), except_annotation=except_annotation))


def _taken_back(result: TakenBack) -> Answer:
    kept = [{"note_id": note_id, "title": title} for note_id, title in result.kept]
    return Answer({"notes": result.notes, "kept": kept})


def _places(found: Preview) -> list[Body]:
    return [
        {
            "note_id": note.note.note_id,
            "title": note.note.title,
            "annotation_id": note.note.annotation_id,
            "span_id": place.span.id if place.span and note.note.annotation_id is not None else None,
            **_context(finding.around(note.note.text, place.start, place.end)),
        }
        for note in found.notes
        for place in note.places
    ]


def _context(place: finding.Context) -> Body:
    return {
        "start": place.start,
        "end": place.end,
        "before": place.before,
        "mention": place.mention,
        "after": place.after,
    }


def _change(body: Body) -> BulkChange:
    kind, mention, whole_words = body.get("kind"), body.get("mention"), body.get("whole_words", True)
    if kind not in list(BulkKind):
        raise MalformedBodyError(f"kind has to be one of {', '.join(BulkKind)}.")
    if not isinstance(mention, str) or len(mention) > 2 * MOST_MENTION or _unstorable(mention):
        raise MalformedBodyError(f"mention has to be a text of at most {MOST_MENTION} characters.")
    if not isinstance(whole_words, bool):
        raise MalformedBodyError("whole_words has to be true or false.")
    new_label = bodies.text(body, "new_label", longest=200) if body.get("new_label") else ""
    return BulkChange(BulkKind(kind), mention, bodies.text(body, "label", longest=200), new_label, whole_words)


def _unstorable(text: str) -> bool:
    return any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def _excluded(body: Body) -> frozenset[tuple[int, int, int]]:
    found = body.get("excluded", [])
    if not isinstance(found, list) or len(found) > _MOST_EXCLUDED:
        raise MalformedBodyError(f"excluded has to be a list of at most {_MOST_EXCLUDED}.")
    if not all(isinstance(item, dict) for item in found):
        raise MalformedBodyError("excluded has to hold objects.")
    return frozenset((bodies.number(p, "note_id"), bodies.number(p, "start"), bodies.number(p, "end")) for p in found)


def _optional_id(body: Body, name: str) -> int | None:
    return None if body.get(name) is None else bodies.number(body, name)


def _step(step: str) -> str:
    if not step.isprintable() or len(step) > bodies.LONGEST_STEP:
        raise NotFound("There is no such change of many notes.")
    return step
