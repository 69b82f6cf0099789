"""The part of a guideline about one label is found under its heading."""

from __future__ import annotations

from importlib import resources

from hypothesis import given
from support.strategies import texts

from mednerapp.domain.guidelines import by_label
from mednerapp.domain.labels import MEDICAL_SCHEMA


def test_the_guideline_of_the_demo_has_a_part_for_every_label() -> None:
    guideline = (resources.files("mednerapp") / "assets/demo_notes/GUIDELINE.md").read_text(encoding="utf-8")
    parts = by_label(guideline, MEDICAL_SCHEMA.names)
    assert tuple(parts) == MEDICAL_SCHEMA.names
    assert "`metformin`" in parts["Drug"]
    assert "#" not in parts["Drug"]
    assert "Lumbar puncture" in parts["Test"]
    assert "When in doubt" not in parts["Test"]


def test_headings_in_the_plural_in_lists_and_with_parts_of_their_own() -> None:
    text = "# Rules\n## DRUGS\nnames\n### Doses\nout\n## Tests and procedures\nboth\n## Drug doses\nno label\n"
    assert by_label(text, ["Drug", "Test", "Procedure", "Dose", "Disease"]) == {
        "Drug": "names\n### Doses\nout",
        "Dose": "out",
        "Test": "both",
        "Procedure": "both",
    }


def test_a_hash_in_a_code_block_is_no_heading() -> None:
    assert by_label("## Drug\n```\n# not a heading\n```\nend", ["Drug"]) == {"Drug": "```\n# not a heading\n```\nend"}


@given(texts(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert set(by_label(f"## Drug\n{text}", ["Drug", "Test"])) <= {"Drug", "Test"}
