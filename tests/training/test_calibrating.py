from __future__ import annotations

import numpy as np

from mednerapp.domain.datasets import GoldNote, Split
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.calibration import Calibration
from mednerapp.training.calibrating import ENOUGH, calibration_error, calibration_of


def note_with(scored: list[tuple[str, float, bool]]) -> tuple[GoldNote, list[ScoredSpan]]:
    """A note in which each found span stands alone; those that are right are gold, the others one character off."""
    found = [ScoredSpan(Span(10 * i, 10 * i + 4, label), score) for i, (label, score, _) in enumerate(scored)]
    gold = tuple(s.span for s, (_, _, right) in zip(found, scored, strict=True) if right)
    off = tuple(Span(s.span.start, 10 * i + 5, s.span.label) for i, s in enumerate(found) if not scored[i][2])
    return GoldNote(1, "h", "x" * 10 * len(scored) + "x", (*gold, *off), Split.DEV), found


def test_scores_become_the_share_of_right_spans_for_each_label_with_enough_of_them() -> None:
    sure_but_wrong = [("Disease", 0.9, i % 2 == 0) for i in range(200)]
    unsure_but_right = [("Drug", 0.6, True) for _ in range(200)]
    note, found = note_with(sure_but_wrong + unsure_but_right + [("Test", 0.5, True)] * (ENOUGH - 1))
    fitted = calibration_of([note], [found], ("Disease", "Drug", "Test", "Symptom"))

    def says(label: str, score: float) -> float:
        return float(np.squeeze(Calibration(fitted[label]["slope"], fitted[label]["intercept"]).apply(score)))

    assert abs(says("Disease", 0.9) - 0.5) < 0.02
    assert says("Drug", 0.6) > 0.97
    assert (fitted["Disease"]["spans"], fitted["Drug"]["spans"]) == (200, 200)
    assert "pooled" not in fitted["Disease"]
    for label in ("Test", "Symptom"):  # too few of their own
        assert (fitted[label]["spans"], fitted[label]["pooled"]) == (len(found), True)


def test_too_few_spans_calibrate_nothing() -> None:
    note, found = note_with([("Drug", 0.9, True)] * (ENOUGH - 1))
    assert calibration_of([note], [found], ("Drug",)) == {}


def test_the_error_that_is_left_is_measured_on_notes_that_taught_nothing() -> None:
    notes = [note_with([("Drug", 0.9, i % 4 != 0) for i in range(200)]) for _ in range(2)]
    error = calibration_error([note for note, _ in notes], [found for _, found in notes], ("Drug",))
    assert error is not None
    assert error < 0.02  # 0.9 was said where 0.75 is right
    sure = [note_with([("Drug", 0.9, True)] * 100), note_with([("Drug", 0.9, False)] * 100)]
    error = calibration_error([note for note, _ in sure], [found for _, found in sure], ("Drug",))
    assert error is not None
    assert error > 0.9  # each half taught the other the opposite
    assert calibration_error([notes[0][0]], [notes[0][1]], ("Drug",)) is None
