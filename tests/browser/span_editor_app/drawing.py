"""What the page of the harness asks of the span editor, whichever server shows it."""

from __future__ import annotations

from typing import cast

import notes

from mednerapp.ui.span_editor import EditorLabel, EditorSpan, span_editor


def draw(note: notes.Note) -> bool:
    """Draws the editor; whether the person has just left the note, so that another one is to be shown."""
    result = span_editor(
        key="editor",
        note_text=note.text,
        labels=cast("list[EditorLabel]", note.labels),
        spans=cast("list[EditorSpan]", [span.as_dict() for span in note.spans.values()]),
        annotation_id=note.id,
        epoch=note.epoch,
        revision=note.revision,
        save_url=f"/api/annotations/{note.id}/edits",
        submit_url=f"/api/annotations/{note.id}/submit",
        read_only=note.read_only,
        height=notes.world.height,
        api_url=f"/api/annotations/{note.id}",
        bulk_url="/api/bulk",
    )
    if not result:
        return False
    notes.world.results.append(
        {"outcome": result.outcome, "annotation_id": result.annotation_id, "revision": result.revision}
    )
    notes.world.shown += 1
    return True
