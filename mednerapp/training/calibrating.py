"""What the scores of a new model are worth, learnt from the dev notes and stored with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.spans import ScoredSpan
from mednerapp.scoring.calibration import Calibration, ece, fit

ENOUGH = 50  # predicted spans; two numbers fitted to fewer would say more about these notes than about the model


def calibration_of(
    notes: Sequence[GoldNote], found: Sequence[Sequence[ScoredSpan]], labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Slope and intercept for each label, with the number of predicted spans that they rest on.

    A label of which fewer than 50 spans were found gets those fitted to all labels together ("pooled"); where even all
    labels together have fewer, nothing is calibrated. The dev notes also chose the epoch, so the calibration is a
    little too hopeful; the share of right spans on test notes is what an evaluation says.

    found: raw scored spans of each note. A span is right when a gold span has its bounds and its label.
    """
    verdicts = [
        (scored.span.label, scored.score, scored.span in set(note.spans))
        for note, spans in zip(notes, found, strict=True)
        for scored in spans
    ]
    if len(verdicts) < ENOUGH:
        return {}
    result: dict[str, dict[str, Any]] = {}
    for label in labels:
        own = [verdict for verdict in verdicts if verdict[0] == label]
        used = own if len(own) >= ENOUGH else verdicts
        fitted = fit([score for _, score, _ in used], [right for _, _, right in used])
        entry: dict[str, Any] = {"slope": fitted.slope, "intercept": fitted.intercept, "spans": len(used)}
        result[label] = entry if used is own else {**entry, "pooled": True}
    return result


def calibration_error(
    notes: Sequence[GoldNote], found: Sequence[Sequence[ScoredSpan]], labels: Sequence[str]
) -> float | None:
    """The expected calibration error of calibrated scores: each half of the notes under what the other half taught, so
    that no span is judged by itself. None where a half has too few spans to calibrate anything.
    """
    halves = (range(0, len(notes), 2), range(1, len(notes), 2))
    scores: list[float] = []
    right: list[bool] = []
    for own, other in (halves, halves[::-1]):
        fitted = calibration_of([notes[i] for i in other], [found[i] for i in other], labels)
        if not fitted:
            return None
        for i in own:
            gold = set(notes[i].spans)
            for scored in found[i]:
                entry = fitted[scored.span.label]
                scores.append(float(Calibration(entry["slope"], entry["intercept"]).apply(scored.score)))
                right.append(scored.span in gold)
    return ece(scores, right)
