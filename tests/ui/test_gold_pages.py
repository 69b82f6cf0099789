"""What a lead finds on the pages about gold, datasets and the model in use, on the demo's data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from support.makers import ASPIRIN, make_adapter, predict

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.models import NoteLabelCount
from mednerapp.services import projects, promoting, reporting

Open = Callable[[str, Role | None], AppTest]


def texts(shown: AppTest) -> str:
    return "\n".join(
        str(element.value) for kind in (shown.markdown, shown.caption, shown.info, shown.success) for element in kind
    )


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("status", "of gold"),
        ("agreement", "No note has two annotators yet"),
        ("adjudicate", "Nothing to adjudicate"),
        ("suspicious", "Nobody has looked through the gold yet"),
        ("settings", "whatever the policy is"),
    ],
)
def test_every_part_says_what_to_do_next(open_page: Open, part: str, says: str) -> None:
    shown = open_page("gold", Role.LEAD)
    shown.query_params["part"] = part
    shown.run()
    assert not shown.exception
    assert says in texts(shown)


def test_a_data_sheet_shows_counts_and_looks_for_leaks(open_page: Open) -> None:
    shown = open_page("datasets", Role.LEAD)
    assert not shown.exception
    table = shown.dataframe[0].value
    assert list(table.iloc[:4, 0]) == ["Notes", "Words", "Patients", "Spans"]
    assert (table["train"] + table["dev"] + table["test"] == table["all"]).all()
    assert "stands on two sides of the split" in texts(shown)


def test_a_challenger_is_promoted_and_rolled_back_on_the_page(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    project = projects.all_projects(app.store)[0]
    lead = people[Role.LEAD]
    dataset = reporting.datasets(app.store, user=lead, project_id=project.id)[0]
    challenger = make_adapter(app.store, "Challenger", project=project)
    champion = projects.all_projects(app.store)[0].active_adapter_id
    assert champion is not None
    with app.store.write() as tx:
        notes = [note.note_id for note in tx.datasets.gold(dataset.id, Split.TEST)]
        for adapter, found in ((champion, 0), (challenger.id, 1)):
            counts = [NoteLabelCount(note, "Drug", found, 0, 1 - found) for note in notes]
            tx.evaluations.put(
                adapter_id=adapter, dataset_id=dataset.id, split=Split.TEST, notes=len(notes), excluded=0, counts=counts
            )
    predict(app.store, notes[0], challenger, [(ASPIRIN, 0.5)])
    make_adapter(app.store, "Another", project=project)
    shown = open_page("promotion", Role.LEAD, query={"model": str(challenger.id)})
    assert "+100.0 points of F1" in texts(shown)
    next(b for b in shown.button if b.label == "Promote Challenger").click().run()
    assert not shown.exception
    assert projects.all_projects(app.store)[0].active_adapter_id == challenger.id
    assert "Challenger highlights the notes" in texts(shown)
    next(b for b in shown.button if b.label.startswith("Roll back to")).click().run()
    assert projects.all_projects(app.store)[0].active_adapter_id == champion
    board = promoting.board(app.store, user=lead, project_id=project.id)
    assert [one.kind.value for one in board.history[:2]] == ["roll_back", "promote"]
