"""`mednerapp bench editor` on a tiny note: every line of the table is there, and a slow editor would show."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.browser import CHROMIUM

from mednerapp.bench.editor import command, peers, report
from mednerapp.bench.editor.keyboard import ACTIONS, ONE_CLASS, spread
from mednerapp.bench.editor.notes import SIZES, Size, long_note

SLOW = 200  # ms


def test_a_note_has_exactly_the_spans_that_were_asked_for() -> None:
    for size in (Size(300, 20), *SIZES):
        note = long_note(size)
        spans = [scored.span for scored in note.spans]
        assert len(set(spans)) == size.spans
        assert len(note.text.split()) >= size.words
        assert spans[0].start < len(note.text) / 20
        assert spans[-1].end > len(note.text) * 19 / 20
        assert any(a.overlaps(b) for a, b in pairwise(spans))
        assert note == long_note(size)


def test_a_note_too_short_for_its_spans_is_refused() -> None:
    with pytest.raises(ValueError, match="mentions, too few for 500 spans"):
        long_note(Size(100, 500))


def test_samples_are_spread_from_the_beginning_to_the_end() -> None:
    assert spread(range(100), 4) == [12, 38, 62, 88]
    assert spread(range(3), 6) == [0, 1, 1, 2, 2, 2]


def test_ratios_compare_like_with_like_and_targets_are_judged() -> None:
    found = report.compared([2, 2, 4], [3, 3, 12])
    assert (found["ratio_median"], found["ratio_p95"]) == (1.5, 3)
    assert report.p95(range(1, 101)) == 95


@pytest.mark.browser
@pytest.mark.usefixtures("warm")
def test_every_line_is_in_the_table_and_a_slow_handler_raises_the_ratio(tmp_path: Path) -> None:
    size = Size(300, 20)
    plan = command.Plan([size], 1, 1, None, Path(CHROMIUM), SLOW)
    result = json.loads(json.dumps(command.run(plan, scratch=tmp_path)))
    found = result["sizes"][size.name]

    assert set(found["actions"]) == set(ACTIONS)
    for name, action in found["actions"].items():
        assert action["failed"] == 0, f"{name}: the key did nothing"
        assert action["median"] >= SLOW > action["floor_median"]
        assert action["ratio_median"] > 1
        second = action["completed"]
        assert second["failed"] == 0, f"{name}: the key did nothing when its second frame was timed"
        assert second["median"] >= SLOW > second["floor_median"] > 0
    assert found["save"]["median"] >= SLOW
    assert found["save"]["floor_median"] > 0
    assert found["first_paint"]["median"] > 0
    assert found["page"]["nodes"] > found["first_paint"]["counted"]["block"]["nodes"]

    lines = report.table(result).splitlines()
    for start in (*ACTIONS, ONE_CLASS, "edit → acknowledged", "first paint", "nodes", "heap", "WITH A PLANTED HANDLER"):
        assert any(line.startswith(start) for line in lines), start


def test_a_key_that_an_editor_does_not_know_is_a_line_with_a_note() -> None:
    missing: dict[str, Any] = {"samples": 0, "failed": 7}
    assert "no key did it" in report._row("resize", missing)


def test_a_peer_is_found_where_it_was_installed_and_missing_elsewhere(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "@recogito" / "text-annotator"
    package.mkdir(parents=True)
    about = {
        "name": peers.RECOGITO,
        "version": "9.9.9",
        "exports": {".": {"types": "./x.d.ts", "import": "./dist/x.js"}, "./style.css": "./dist/x.css"},
    }
    (package / "package.json").write_text(json.dumps(about), encoding="utf-8")
    assert peers.installed_version(tmp_path, peers.RECOGITO) == "9.9.9"
    assert peers.installed_version(tmp_path, peers.NLP) == ""
    assert peers.import_map(tmp_path / "node_modules") == {
        peers.RECOGITO: "/modules/@recogito/text-annotator/dist/x.js",
        f"{peers.RECOGITO}/style.css": "/modules/@recogito/text-annotator/dist/x.css",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sizes", "5k"], "'5k' is not a list like 1000/50,5000/500"),
        (["--sizes", "0/5"], "at least one word and two spans"),
        (["--samples", "0"], "at least 1"),
        (["--chromium", "/nowhere"], "'/nowhere' is no file"),
        (["--peers", "/nowhere"], "'/nowhere' is no folder"),
    ],
)
def test_a_wrong_option_is_refused_by_name(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert words in capsys.readouterr().err
