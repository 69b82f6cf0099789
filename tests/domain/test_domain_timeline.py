from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mednerapp.domain.annotations import BULK_CLIENT, IMPORT_CLIENT, MODEL_CLIENT, EditAction, Phase
from mednerapp.domain.timeline import LONGEST, PAUSE, Kind, timeline

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Happened:
    revision: int
    action: EditAction = EditAction.ACCEPT
    seconds: float = 0
    client: str = "tab"
    phase: Phase = Phase.DO
    who: str = "Ann"

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def test_what_was_done_in_one_go_is_one_entry_that_counts_it() -> None:
    done = [EditAction.ACCEPT, EditAction.RELABEL, EditAction.ACCEPT, EditAction.ACCEPT]
    (entry,) = timeline(Happened(i, action, i) for i, action in enumerate(done, start=1))
    assert (entry.first, entry.last, entry.who, entry.kind) == (1, 4, "Ann", Kind.DO)
    assert entry.what == "relabelled 1, accepted 3"
    assert entry.at == START + timedelta(seconds=4)


def test_after_a_pause_another_window_or_another_person_a_new_entry_begins_newest_first() -> None:
    pause = PAUSE.total_seconds() + 1
    events = [
        Happened(1),
        Happened(2, seconds=pause),
        Happened(3, seconds=pause, client="other tab"),
        Happened(4, seconds=pause, client="other tab", who="Bob"),
    ]
    assert [(e.first, e.last) for e in timeline(events)] == [(4, 4), (3, 3), (2, 2), (1, 1)]


def test_no_entry_is_longer_than_the_longest() -> None:
    steady = [Happened(i, seconds=30 * i) for i in range(1, 31)]
    assert all((e.last - e.first) * timedelta(seconds=30) <= LONGEST for e in timeline(steady))
    assert sum(e.last - e.first + 1 for e in timeline(steady)) == 30


def test_each_kind_says_what_it_was() -> None:
    events = [
        Happened(1, EditAction.CREATE, client=IMPORT_CLIENT),
        Happened(2, EditAction.SUGGEST, client=MODEL_CLIENT, who=""),
        Happened(3, EditAction.SUGGEST, client=MODEL_CLIENT, who=""),
        Happened(4, EditAction.RELABEL, client=BULK_CLIENT),
        Happened(5, EditAction.RESTORE, phase=Phase.UNDO),
        Happened(6, EditAction.RESTORE, phase=Phase.REDO),
    ]
    assert [(e.kind.value, e.what) for e in reversed(timeline(events))] == [
        ("import", "imported 1 span"),
        ("suggestions", "2 suggestions"),
        ("bulk", "relabelled 1"),
        ("undo", "took back 1 change"),
        ("redo", "did 1 change again"),
    ]


def test_nothing_happened_yet() -> None:
    assert timeline([]) == []
