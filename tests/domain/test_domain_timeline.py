from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mednerapp.domain.annotations import BULK_CLIENT, IMPORT_CLIENT, MODEL_CLIENT, EditAction, Phase
from mednerapp.domain.spans import Span
from mednerapp.domain.timeline import LONGEST, PAUSE, Kind, timeline

TEXT = "Chest pain since Monday; no\nfever. Started aspirin and a very long combination of several other medicines."
PAIN, FEVER, ASPIRIN, NO_FEVER, LONG = (
    Span(start, end, "Symptom") for start, end in ((0, 10), (28, 33), (43, 50), (25, 33), (51, len(TEXT)))
)
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Happened:
    revision: int
    action: EditAction = EditAction.ACCEPT
    seconds: float = 0
    client: str = "tab"
    phase: Phase = Phase.DO
    who: str = "Ann"
    span: Span = PAIN

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def test_what_was_done_in_one_go_is_one_entry_that_counts_it() -> None:
    done = [EditAction.ACCEPT, EditAction.RELABEL, EditAction.ACCEPT, EditAction.ACCEPT]
    (entry,) = timeline((Happened(i, action, i) for i, action in enumerate(done, start=1)), TEXT)
    assert (entry.first, entry.last, entry.who, entry.kind) == (1, 4, "Ann", Kind.DO)
    assert entry.what == "relabelled “Chest pain”; accepted 3: “Chest pain”"
    assert entry.at == START + timedelta(seconds=4)


def test_after_a_pause_another_window_or_another_person_a_new_entry_begins_newest_first() -> None:
    pause = PAUSE.total_seconds() + 1
    events = [
        Happened(1),
        Happened(2, seconds=pause),
        Happened(3, seconds=pause, client="other tab"),
        Happened(4, seconds=pause, client="other tab", who="Bob"),
    ]
    assert [(e.first, e.last) for e in timeline(events, TEXT)] == [(4, 4), (3, 3), (2, 2), (1, 1)]


def test_no_entry_is_longer_than_the_longest() -> None:
    steady = [Happened(i, seconds=30 * i) for i in range(1, 31)]
    assert all((e.last - e.first) * timedelta(seconds=30) <= LONGEST for e in timeline(steady, TEXT))
    assert sum(e.last - e.first + 1 for e in timeline(steady, TEXT)) == 30


def test_each_kind_says_what_it_was() -> None:
    events = [
        Happened(1, EditAction.CREATE, client=IMPORT_CLIENT),
        Happened(2, EditAction.SUGGEST, client=MODEL_CLIENT, who=""),
        Happened(3, EditAction.SUGGEST, client=MODEL_CLIENT, who=""),
        Happened(4, EditAction.RELABEL, client=BULK_CLIENT),
        Happened(5, EditAction.RESTORE, phase=Phase.UNDO),
        Happened(6, EditAction.RESTORE, phase=Phase.REDO),
    ]
    assert [(e.kind.value, e.what) for e in reversed(timeline(events, TEXT))] == [
        ("import", "imported 1 span"),
        ("suggestions", "2 suggestions"),
        ("bulk", "relabelled “Chest pain”"),
        ("undo", "took back 1 change: “Chest pain”"),
        ("redo", "did 1 change again: “Chest pain”"),
    ]


def test_spans_are_named_in_the_order_of_what_was_done_to_them() -> None:
    events = [
        Happened(1, EditAction.ACCEPT, span=ASPIRIN),
        Happened(2, EditAction.CREATE, span=NO_FEVER),
        Happened(3, EditAction.ACCEPT, span=PAIN),
    ]
    (entry,) = timeline(events, TEXT)
    assert entry.what == "marked “no fever”; accepted “aspirin”, “Chest pain”"


def test_of_many_spans_the_first_are_named_and_all_are_counted() -> None:
    spans = [PAIN, FEVER, ASPIRIN, NO_FEVER, LONG]
    (entry,) = timeline([Happened(i, span=span) for i, span in enumerate(spans, start=1)], TEXT)
    assert entry.what == "accepted 5: “Chest pain”, “fever”, “aspirin” …"


def test_a_discontinuous_span_is_named_by_its_pieces() -> None:
    pain_fever = Span(0, 33, "Symptom", ((0, 10), (28, 33)))
    (entry,) = timeline([Happened(1, EditAction.CREATE, span=pain_fever)], TEXT)
    assert entry.what == "marked “Chest pain … fever”"


def test_a_long_mention_is_cut() -> None:
    (entry,) = timeline([Happened(1, span=LONG)], TEXT)
    assert entry.what == "accepted “and a very long combination of several…”"


def test_nothing_happened_yet() -> None:
    assert timeline([], TEXT) == []
