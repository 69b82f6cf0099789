from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import InvalidValue
from mednerapp.formats.table import FORMATS
from mednerapp.services import bulk_annotating

ROWS: list[Document | Unreadable] = [
    *(Document(f"Fever, day {i}.", id=str(i), submitted=False) for i in range(23)),
    Unreadable("row 24", "The note is empty."),
    Document("Fever again.", id="3", submitted=False),
    Document("Fever without a name.", submitted=False),
]


class Finder:
    """Finds the first word; counts the texts, and dies before one of them."""

    def __init__(self, die_at: int | None = None) -> None:
        self.seen: list[str] = []
        self._die_at = die_at

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        if self._die_at is not None and len(self.seen) + len(texts) > self._die_at:
            raise KeyboardInterrupt
        self.seen += texts
        return [(ScoredSpan(Span(0, 5, "Symptom"), 0.5),) for _ in texts]


def run(out: Path, finder: Finder, key: str = "jsonl", model: str = "Starter") -> bulk_annotating.BulkProgress:
    return bulk_annotating.annotate(ROWS, out, row=FORMATS[key], predictor=finder, model=model, part=5)


def read(out: Path, key: str) -> list[Document]:
    paths = sorted(out.glob("part-*"))
    return [item for path in paths for item in FORMATS[key].read(path) if isinstance(item, Document)]


@pytest.mark.parametrize("key", ["jsonl", "brat", "conll-bio", "fhir"])
def test_each_note_is_annotated_once_though_the_run_was_killed(tmp_path: Path, key: str) -> None:
    first, second = Finder(die_at=12), Finder()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first, key)
    done = run(tmp_path, second, key)
    assert (done.notes, done.spans, done.rejected, done.parts) == (24, 24, 2, 6)
    assert len(first.seen) == 10
    assert len(second.seen) == 14  # nothing is predicted twice
    notes = read(tmp_path, key)
    assert sorted(d.text for d in notes) == sorted({d.text for d in ROWS if isinstance(d, Document)} - {"Fever again."})
    assert all([item.span for item in d.spans] == [Span(0, 5, "Symptom")] for d in notes)
    rejected = [
        json.loads(line) for path in sorted(tmp_path.glob("rejected-*")) for line in path.read_text().splitlines()
    ]
    assert [r["reason"] for r in rejected] == ["The note is empty.", "A note of this name was there before."]
    assert run(tmp_path, Finder(), key) == done
    assert not list(tmp_path.glob(".*"))


def test_what_a_model_found_is_never_said_to_be_confirmed_where_the_format_can_say_so(tmp_path: Path) -> None:
    run(tmp_path, Finder())
    (item,) = read(tmp_path, "jsonl")[0].spans
    assert (item.state, item.origin, item.score, item.model) == (SpanState.SUGGESTED, Origin.MODEL, 0.5, "Starter")


def test_a_folder_goes_on_with_the_same_model_and_format_only(tmp_path: Path) -> None:
    run(tmp_path, Finder())
    with pytest.raises(InvalidValue, match="another format and model"):
        run(tmp_path, Finder(), "brat", "Other")


def test_a_run_that_was_killed_between_its_first_part_and_the_record_of_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    save = bulk_annotating._save
    calls: list[object] = []
    monkeypatch.setattr(bulk_annotating, "_save", lambda *a: (calls.append(a), save(*a) if len(calls) == 1 else die()))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Finder())
    monkeypatch.undo()
    assert (tmp_path / "part-000001.jsonl").exists()
    assert run(tmp_path, Finder()).notes == 24
    assert len(read(tmp_path, "jsonl")) == 24
