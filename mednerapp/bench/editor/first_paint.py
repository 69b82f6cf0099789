"""First paint: the component with all spans against the same text as one plain block, from data to painted frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mednerapp.bench.editor.driving import counted, frame
from mednerapp.bench.editor.notes import LongNote
from mednerapp.domain.context import find_scopes
from mednerapp.domain.labels import MEDICAL_SCHEMA

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

WARM_UP = 1
KINDS = ("block", "editor")


@dataclass(slots=True)
class FirstPaints:
    """Milliseconds by kind, and what lies in the page afterwards."""

    painted: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    counted: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])


def measure_first_paint(context: BrowserContext, url: str, count: int) -> FirstPaints:
    """Each time on a fresh page whose scripts are loaded and which has the data, kinds turn by turn."""
    found = FirstPaints({kind: [] for kind in KINDS})
    for turn in range(WARM_UP + count):
        for kind in KINDS:
            page = context.new_page()
            page.goto(f"{url}/pages/first_paint.html")
            page.wait_for_function("() => window.show")
            page.evaluate("() => __bench.idle()")
            painted = frame(page.evaluate("(kind) => __bench.call(() => show[kind]())", kind)).painted
            if turn >= WARM_UP:
                found.painted[kind].append(painted)
            if turn == WARM_UP + count - 1:
                page.wait_for_timeout(1500)
                found.counted[kind] = counted(page)
            page.close()
    return found


def editor_data(note: LongNote) -> dict[str, Any]:
    """What Python sends to the component for this note."""
    spans = [
        {
            "id": f"m{i}",
            "start": scored.span.start,
            "end": scored.span.end,
            "label": scored.span.label,
            "state": "suggested",
            "origin": "model",
            "score": scored.score,
            "adapter_id": 1,
        }
        for i, scored in enumerate(note.spans)
    ]
    labels = [
        {"name": label.name, "key": label.key, "color": label.color, "description": label.description}
        for label in MEDICAL_SCHEMA.labels
    ]
    scopes = [
        {"start": s.start, "end": s.end, "assertion": s.assertion.value, "trigger": list(s.trigger)}
        for s in find_scopes(note.text)
    ]
    return {
        "docId": "1",
        "epoch": 1,
        "visit": 1,
        "text": note.text,
        "labels": labels,
        "spans": spans,
        "scopes": scopes,
        "revision": len(spans),
        "saveUrl": "/api/edits",
        "submitUrl": "/api/submit",
        "readOnly": False,
        "height": None,
    }
