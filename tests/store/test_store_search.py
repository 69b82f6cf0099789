from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.makers import add_note, make_project

from mednerapp.domain.projects import Project
from mednerapp.store import Store

SCAN = "Nächste Kontrolle: CT-scan of the chest, no fever. INR 2.5 mg/dl; pt. said “it's fine” 😀 naïve to warfarin."


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


def find(
    store: Store,
    project: Project,
    query: str,
    *,
    limit: int = 10,
    after: int = 0,
    titles: bool = True,
    prefix: bool = False,
) -> list[int]:
    with store.read() as tx:
        return tx.search.matching(project.id, query, limit, after, titles=titles, prefix=prefix)


@pytest.mark.parametrize(
    "query",
    [
        "fever",
        "FEVER",
        "of the chest",
        "of  the\nchest,",
        "CT scan",
        "ct-scan",
        "scan",
        "nachste",
        "NÄCHSTE kontrolle",
        "na\u0308chste",
        "naive to WARFARIN",
        "😀 naïve",
        "mg/dl",
        "dl",
        "2.5 mg",
        "it's fine",
        "“fever”",
        '"fever"',
        "fever*",
        "-fever",
        "fever\x00",
        "note 7",
    ],
)
def test_a_note_is_found_by_words_that_stand_beside_each_other_in_it(
    store: Store, project: Project, query: str
) -> None:
    note = add_note(store, project, SCAN, title="Note 7")
    add_note(store, project, "Nothing of it.")
    assert find(store, project, query) == [note]


@pytest.mark.parametrize(
    "query",
    ["", " ", "😀", "\x00", '"', "***", "NOT", "chest fever", "fever chest", "feve", "fever OR nothing",
     "fever AND chest", "fever NEAR chest", "title : fever", "fever | chest", "fever & chest", "!fever x", "fever:*x",
     "<->", "\\", "'", "%", "_"],
)  # fmt: skip
def test_what_is_typed_is_words_and_never_an_operator(store: Store, project: Project, query: str) -> None:
    add_note(store, project, SCAN, title="Note 7")
    assert find(store, project, query) == []


def test_the_last_word_may_be_the_beginning_of_one_where_that_is_asked_for(store: Store, project: Project) -> None:
    note = add_note(store, project, SCAN)
    assert find(store, project, "the che", prefix=True) == [note]
    assert find(store, project, "th chest", prefix=True) == []
    assert find(store, project, "the che") == []


def test_titles_can_be_left_out(store: Store, project: Project) -> None:
    add_note(store, project, SCAN, title="Discharge letter")
    assert len(find(store, project, "discharge letter")) == 1
    assert find(store, project, "discharge letter", titles=False) == []
    assert len(find(store, project, "warfarin", titles=False)) == 1


def test_notes_come_page_by_page_in_order_and_only_those_of_the_project(store: Store, project: Project) -> None:
    other = make_project(store, "Other")
    notes: list[int] = []
    for number in range(5):
        notes.append(add_note(store, project, f"Fever, day {number}."))
        add_note(store, other, f"Fever, day {number}.")
    assert find(store, project, "fever", limit=2) == notes[:2]
    assert find(store, project, "fever", limit=2, after=notes[1]) == notes[2:4]
    assert find(store, project, "fever", limit=2, after=notes[3]) == notes[4:]
    assert find(store, project, "fever", after=notes[4]) == []


def test_a_phrase_is_found_far_into_a_long_note_and_a_frequent_one_too(store: Store, project: Project) -> None:
    filler = " ".join(f"word{number}" for number in range(17_000)) + " of the" * 400
    note = add_note(store, project, f"{filler} rare finding of the liver.")
    assert find(store, project, "rare finding") == [note]
    assert find(store, project, "finding of the liver") == [note]
    assert find(store, project, "finding rare") == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(exclude_categories=["Cs"]), max_size=20), prefix=st.booleans())
def test_no_query_breaks_the_search(store: Store, project: Project, query: str, prefix: bool) -> None:  # noqa: FBT001
    find(store, project, query, prefix=prefix)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text("\"'*&|!:()<>-\\^+{}~% aNOTRD", max_size=12), prefix=st.booleans())
def test_no_operator_breaks_the_search(store: Store, project: Project, query: str, prefix: bool) -> None:  # noqa: FBT001
    find(store, project, query, prefix=prefix)
