"""Section headers are found where they stand, in the many ways in which notes write them; values are none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import texts

from mednerapp.domain.sections import find_sections
from mednerapp.domain.sentences import sentences

lines = st.lists(st.sampled_from(["PLAN", "PMH: asthma", "# Course", "fever", "", "  Plan:", "- a", "**Results**"]))


def titles(text: str) -> list[str]:
    return [section.title for section in find_sections(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HISTORY OF PRESENT ILLNESS:\nCough.", ["HISTORY OF PRESENT ILLNESS"]),
        ("Chest clear.\n\nPLAN\nHome.", ["PLAN"]),
        ("Plan\nHome.", ["Plan"]),
        ("PMH: asthma, HTN\nDH: salbutamol", ["PMH", "DH"]),
        ("FHx - mother MI", ["FHx"]),
        ("# Course\ntext\n## Day 2 ##\ntext", ["Course", "Day 2"]),
        ("**Assessment:** stable\n**Plan**\nhome", ["Assessment", "Plan"]),
        ("Recent tests:\n * CRP 24", ["Recent tests"]),
        ("1. STROKE DETAILS\nLeft MCA.\n2. CAUSE\nAF.", ["STROKE DETAILS", "CAUSE"]),
        ("WHY NOW: falls since Easter", ["WHY NOW"]),
        ("BP: 120/80\nHR: 88\nSpO2: 96%\nTEMP: 37.1", []),
        ("Patient: Ann\nDOB: 1/1/1950\nMRN 12", []),
        ("- Chest pain:\n* Plan:\n1. Fever:", []),
        ("FEVER: no\nCHEST PAIN: denies", []),
        ("The findings were discussed.\nShe said: go home.", []),
        ("DIAGNOSIS\n   NSTEMI", ["DIAGNOSIS"]),
        ("cc: Mrs Bell\npe: clear", []),
        ("PLAN: ,", ["PLAN"]),
        ("FOLLOWING UP: ,", ["FOLLOWING UP"]),
        ("", []),
    ],
)
def test_what_is_a_header(text: str, expected: list[str]) -> None:
    assert titles(text) == expected


def test_a_section_goes_up_to_the_next() -> None:
    text = "Letter\n\nPMH: asthma\nHTN\nPLAN:\nhome"
    history, plan = find_sections(text)
    assert text[history.body : history.end] == " asthma\nHTN\n"
    assert text[plan.start : plan.end] == "PLAN:\nhome"


@given(lines.map("\n".join) | texts())
def test_titles_stand_in_the_text_where_they_are_said_to(text: str) -> None:
    sections = find_sections(text)
    for section in sections:
        assert text[section.start :].startswith(section.title)
        assert section.start < section.body <= section.end <= len(text)
    assert [s.end for s in sections[:-1]] == [s.start for s in sections[1:]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Bell saw her. No fever.", ["Dr. Bell saw her.", "No fever."]),
        ("Given i.v. fluids at 3.5 ml/kg. Better.", ["Given i.v. fluids at 3.5 ml/kg.", "Better."]),
        ("Cough; no fever", ["Cough;", "no fever"]),
        ("?PE ? sepsis. Any pain? No.", ["?PE ? sepsis.", "Any pain?", "No."]),
        ("denies pain,\nfever or chills\nPlan home", ["denies pain,\nfever or chills", "Plan home"]),
        ("- no fever\n- cough", ["- no fever", "- cough"]),
        ("1. Asthma\n2. HTN", ["1. Asthma", "2. HTN"]),
        ("No fever\n\nCough", ["No fever", "Cough"]),
        ("Na\t140\nK\t4.1", ["Na\t140", "K\t4.1"]),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == expected


@given(texts(max_size=200) | lines.map("\n".join))
def test_sentences_hold_all_that_can_be_seen_once(text: str) -> None:
    ranges = list(sentences(text))
    assert "".join("".join(text[a:b].split()) for a, b in ranges) == "".join(text.split())
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
