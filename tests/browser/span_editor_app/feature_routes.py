"""What the panels of the span editor ask of the server, answered from the harness's notes by the product's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import notes
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mednerapp.domain.annotations import Edit
from mednerapp.domain.bulk import BulkChange, BulkKind, Place, done_to, places
from mednerapp.domain.mentions import find_words
from mednerapp.services.finding import around

Body = dict[str, Any]
_SOURCES = "sources"  # key of what a note is given in addition: [{id, name, spans: [...]}]


def _note(request: Request) -> notes.Note:
    return notes.world.notes[request.path_params["id"]]


async def timeline(request: Request) -> Response:
    """One entry for each event."""
    with notes.lock:
        note = _note(request)
        entries = [
            {
                "first": event.revision,
                "last": event.revision,
                "at": event.at.isoformat(),
                "who": "Ann",
                "what": f"{event.action.value} 1",
                "kind": event.phase.value,
            }
            for event in reversed(note.events)
        ]
        return JSONResponse({"revision": note.revision, "entries": entries})


async def sources(request: Request) -> Response:
    with notes.lock:
        found = _note(request).more.get(_SOURCES, [])
        return JSONResponse({"sources": [{**source, "spans": len(source["spans"])} for source in found]})


async def underlay(request: Request) -> Response:
    with notes.lock:
        for source in _note(request).more.get(_SOURCES, []):
            if source["id"] == request.query_params["source"]:
                return JSONResponse({"source": source["id"], **source})
        return JSONResponse({"error": "not_found", "message": "There is no such source."}, 404)


async def find(request: Request) -> Response:
    """One note a page."""
    query, after = request.query_params["q"], int(request.query_params.get("after", 0))
    with notes.lock:
        found: list[Body] = []
        for note in notes.world.notes.values():
            here = [_context(note, start, end) for start, end in find_words(note.text, query)]
            if here and int(note.id) > after:
                found.append({"note_id": int(note.id), "title": f"Note {note.id}", "status": "new", "places": here})
        following = found[0]["note_id"] if len(found) > 1 else None
        return JSONResponse({"query": query, "notes": found[:1], "next": following})


def _context(note: notes.Note, start: int, end: int) -> Body:
    place = around(note.text, start, end)
    return {"start": start, "end": end, "before": place.before, "mention": place.mention, "after": place.after}


def _shown(body: Body) -> Iterator[tuple[notes.Note, BulkChange, Place]]:
    change = BulkChange(
        BulkKind(body["kind"]), body["mention"], body["label"], body.get("new_label", ""), body["whole_words"]
    )
    for note in notes.world.notes.values():
        if note.id != str(body["except_annotation"]):
            for place in places(change, note.text, note.spans.values()):
                yield note, change, place


async def preview(request: Request) -> Response:
    body = await request.json()
    with notes.lock:
        shown = [
            {
                "note_id": int(note.id),
                "title": f"Note {note.id}",
                "annotation_id": int(note.id),
                "span_id": place.span.id if place.span else None,
                **_context(note, place.start, place.end),
            }
            for note, _, place in _shown(body)
        ]
        return JSONResponse({"notes": len({place["note_id"] for place in shown}), "places": shown, "truncated": False})


async def apply(request: Request) -> Response:
    body = await request.json()
    with notes.lock:
        notes.world.bulk.append({"phase": "apply", **body})
        if notes.world.answer:
            return JSONResponse({"error": "refused", "message": "Not today."}, notes.world.answer)
        shown = list(_shown(body))
        if len(shown) != body["expected"]:
            return JSONResponse({"error": "changed", "message": "There are other places now."}, 409)
        excluded = {(str(one["note_id"]), one["start"], one["end"]) for one in body["excluded"]}
        chosen = [one for one in shown if (one[0].id, one[2].start, one[2].end) not in excluded]
        for note, change, place in chosen:
            done = done_to(change, place, step=body["step"], scopes=())
            after = done.after
            span, state = (after.span, after.state) if after else (None, None)
            edit = Edit(1, done.action, done.span_id, span, state, step=body["step"])
            if after:
                note.spans[done.span_id] = after
            else:
                del note.spans[done.span_id]
            notes.record(note, "bulk", edit, done.before, after)
        answer = {"operation_id": 1, "notes": len({one[0].id for one in chosen}), "places": len(chosen), "skipped": []}
        return JSONResponse(answer)


ROUTES = [
    Route("/api/annotations/{id}/timeline", timeline, methods=["GET"]),
    Route("/api/annotations/{id}/sources", sources, methods=["GET"]),
    Route("/api/annotations/{id}/underlay", underlay, methods=["GET"]),
    Route("/api/projects/{project}/find", find, methods=["GET"]),
    Route("/api/projects/{project}/bulk/preview", preview, methods=["POST"]),
    Route("/api/projects/{project}/bulk/apply", apply, methods=["POST"]),
]
