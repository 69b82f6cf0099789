"""What a board says, in sentences: the same on the page, in the reports and on the command line. Plain text."""

from __future__ import annotations

from collections.abc import Sequence

from mednerapp.scoring.comparing import in_words
from mednerapp.scoring.resampling import Estimate
from mednerapp.scoring.summaries import Dimension, Line, ModelSummary
from mednerapp.services.board_curves import CurveOf, DriftOf
from mednerapp.services.dashboards import Board

LEVEL = 0.05
KINDS = {
    "boundary": "right label, wrong edges",
    "type": "right place, wrong label",
    "both": "overlapping, wrong edges and label",
    "missed": "not found",
    "invented": "not in the gold",
}


def estimate(value: Estimate) -> str:
    """`81.3% (74.0-87.2)`; a dash where the score is undefined."""
    if value.value is None:
        return "\u2013"
    if value.low is None or value.high is None:
        return f"{100 * value.value:.1f}% (no interval)"
    return f"{100 * value.value:.1f}% ({100 * value.low:.1f}\u2013{100 * value.high:.1f})"


def counted(value: float) -> str:
    """Whole numbers without a point; halves (partial matches) with one."""
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def verdict(board: Board) -> list[str]:
    """Which model is best, and whether that is certain."""
    best, second = board.best, board.second
    if best is None:
        return []
    notes = f"{board.notes} test {'note' if board.notes == 1 else 'notes'}"
    said = [f"{best.name} has the highest F1: {estimate(best.micro.f1)}, on {notes} with {best.micro.gold} gold spans."]
    if second is None or second.versus is None:
        return [*said, "It is the only model that is scored on them: there is nothing to compare it with."]
    said.append(in_words(second.versus, best.name, second.name))
    if board.total > 2:
        close = [m for m in board.models[1:] if m.versus and not m.versus.certain]
        known = len(board.models) - 1
        of = f"{known} others" if board.total == len(board.models) else f"{known} others shown"
        if len(close) > 1:
            said.append(f"Of the {of}, {len(close)} cannot be told from it.")
    return said


def weakest(summary: ModelSummary) -> str:
    """Where the model fails most: the kind of error, and the label with the lowest F1."""
    if not summary.kinds or not sum(summary.kinds.values()):
        return "No error is known." if summary.detailed else "Not known: this score was stored without its errors."
    kind = max(summary.kinds, key=lambda name: summary.kinds[name])
    total = sum(summary.kinds.values())
    said = f"{summary.kinds[kind]} of its {total} errors are {kind} ({KINDS[kind]})."
    lines = [line for line in summary.groups[Dimension.LABEL] if line.gold and line.f1.value is not None]
    if len(lines) > 1:
        worst = min(lines, key=lambda line: line.f1.value or 0.0)
        said += f" The weakest label is {worst.name}: F1 {estimate(worst.f1)} on {worst.gold} gold spans."
    return said


def more_notes(curves: Sequence[CurveOf]) -> str:
    """Is more annotation worth it?"""
    curve = next((c for c in curves if c.line), None)
    if curve is None or curve.ahead is None or curve.now is None:
        return (
            "Not known yet: a forecast needs models of one encoder and the same settings, trained on at least three "
            "different numbers of notes."
        )
    now, ahead = curve.now, curve.ahead
    gain = 100 * (ahead.value - now.value)
    return (
        f"With twice the training notes ({now.notes:.0f} to {ahead.notes:.0f}) the F1 of models over {curve.name} is "
        f"forecast to go from {100 * now.value:.1f}% to {100 * ahead.value:.1f}% ({gain:+.1f} points; 95% band "
        f"{100 * ahead.low:.1f}\u2013{100 * ahead.high:.1f})."
    )


def drifting(drift: DriftOf | None) -> str:
    """Has the mix of labels changed over time?"""
    if drift is None or drift.divergence is None or drift.p is None:
        days = drift.days if drift else 0
        return "Not known: the notes were imported on one day." if days == 1 else "Not known: there are too few notes."
    if drift.p > LEVEL:
        return (
            f"No drift of the labels is seen between the older and the newer half of {drift.notes} notes "
            f"(divergence {drift.divergence:.3f} bits, p = {drift.p:.2g})."
        )
    label = max(drift.shares, key=lambda name: abs(drift.shares[name][1] - drift.shares[name][0]))
    older, newer = drift.shares[label]
    return (
        f"The labels drift: since {drift.since} {label} is {100 * newer:.1f}% of the gold spans, before it was "
        f"{100 * older:.1f}% (divergence {drift.divergence:.3f} bits, p = {drift.p:.2g})."
    )


def line_cells(line: Line) -> tuple[str, ...]:
    """Name, F1, precision, recall, gold, found, invented, missed: a row of every table."""
    return (
        line.name,
        estimate(line.f1),
        estimate(line.precision),
        estimate(line.recall),
        f"{line.gold}",
        counted(line.found),
        counted(line.predicted - line.found),
        counted(line.gold - line.found),
    )


HEADER = ("F1 (95%)", "Precision (95%)", "Recall (95%)", "Gold", "Found", "Invented", "Missed")
