"""A board as documents: Markdown, CSV, JSON, SVG and HTML that needs nothing else. Numbers and names, no note text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from mednerapp import __version__
from mednerapp.domain.clock import now
from mednerapp.domain.models import PUBLISHED_RESULTS
from mednerapp.formats import score_figures
from mednerapp.scoring.summaries import Line, ModelSummary
from mednerapp.services import board_words as words
from mednerapp.services.dashboards import Board, Model
from mednerapp.services.experiment_documents import PAPER

NOTHING, MISSED, INVENTED = "", "missed", "invented"
MODEL_HEADER = (
    "Model", "Encoder", *words.HEADER, "Macro F1 (95%)", "Behind the best (points)", "p", "ECE", "Characters/s", "MB",
    "Memory MB",
)  # fmt: skip
INTRODUCTION = (
    "Strict spans (place and label exactly those of the gold). In brackets: 95% intervals over notes. p: paired "
    "randomisation test against the best model, corrected for the number of models (Holm)."
)
ELSEWHERE = (
    f'For orientation, Table 1 of "{PAPER}" (full fine-tuning, MIMIC-III notes, other labels; not comparable): '
    + ", ".join(f"{row.encoder} precision {row.precision}, F1 {row.f1}" for row in PUBLISHED_RESULTS if row.f1)
    + "."
)
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


@dataclass(frozen=True, slots=True)
class Content:
    """A board and the model that is looked into."""

    board: Board
    model: Model | None
    summary: ModelSummary | None

    @property
    def sentences(self) -> list[str]:
        said = words.verdict(self.board)
        if self.summary and self.model:
            said.append(f"{self.model.name}: {words.weakest(self.summary)}".strip())
        said += [words.more_notes(self.board.curves), words.drifting(self.board.drift)]
        if self.board.left_out:
            said.append(f"{self.board.left_out} test notes are left out for all: a model or its base has seen them.")
        if self.board.changed:
            said.append(f"The gold of {self.board.changed} test notes was changed since this dataset was frozen.")
        said += [f"Stale, scored on older gold ({s.dataset}): {s.name}." for s in self.board.stale if s.dataset]
        return said + [f"Not scored: {s.name}." for s in self.board.stale if not s.dataset]


def model_rows(board: Board) -> list[tuple[str, ...]]:
    """One for each model, best first; under MODEL_HEADER."""
    return [model_row(model) for model in board.models]


def model_row(model: Model) -> tuple[str, ...]:
    behind = model.versus.estimate if model.versus else None
    gap = "" if behind is None or behind.value is None else f"{100 * behind.value:.1f}"
    if behind and behind.low is not None and behind.high is not None:
        gap += f" ({100 * behind.low:.1f}\u2013{100 * behind.high:.1f})"
    p = model.versus.corrected if model.versus else None
    cost = model.cost
    return (
        model.name,
        model.entry.encoder,
        *words.line_cells(model.micro)[1:],
        words.estimate(model.macro.f1),
        gap,
        "" if p is None else f"{p:.2g}",
        "" if model.ece is None else f"{model.ece:.3f}",
        "" if cost.speed is None else f"{cost.speed:,.0f}",
        megabytes(cost.model_bytes),
        megabytes(cost.memory_bytes),
    )


def megabytes(number: int) -> str:
    return f"{number / 2**20:,.1f}" if number else ""


def tables(content: Content) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """(title, header and rows) of everything that is said of the model."""
    summary = content.summary
    if summary is None or content.model is None:
        return
    name = content.model.name
    if summary.kinds:
        rows = [(kind, f"{number}", words.KINDS[kind]) for kind, number in summary.kinds.items()]
        yield f"Errors of {name}", [("Kind", "Spans", "What is wrong"), *rows]
    if summary.schemas:
        yield f"{name} by way of matching", [("Matching", *words.HEADER), *map(words.line_cells, summary.schemas)]
    for dimension, lines in summary.groups.items():
        if lines:
            title = f"{name} by {dimension.value}"
            yield title, [(dimension.value.capitalize(), *words.HEADER), *map(words.line_cells, lines)]
    if summary.confusion:
        cells = [(gold or INVENTED, predicted or MISSED, f"{n}") for gold, predicted, n in summary.confusion]
        yield f"Confusion of {name}", [("Gold", "Predicted", "Spans"), *cells]
    if summary.bins:
        bins = [
            (f"{b.low:.1f}\u2013{b.high:.1f}", f"{b.spans}", f"{b.mean_score:.3f}", f"{b.share:.3f}",
             f"{b.from_share:.3f}\u2013{b.to_share:.3f}")
            for b in summary.bins
        ]  # fmt: skip
        ece = "" if summary.ece is None else f" (ECE {summary.ece:.3f})"
        yield f"Calibration of {name}{ece}", [("Scores", "Spans", "Mean score", "Share right", "95%"), *bins]


def values(content: Content) -> dict[str, Any]:
    """Everything, with scores in [0, 1]."""
    board = content.board
    return {
        "format": "mednerapp report 1",
        "mednerapp": __version__,
        "dataset": board.dataset,
        "hash": board.content_hash,
        "test_notes": board.notes,
        "left_out": board.left_out,
        "changed_gold": board.changed,
        "sentences": content.sentences,
        "models": [_model_values(model) for model in board.models],
        "model": content.model.name if content.model else None,
        "detail": _detail_values(content.summary) if content.summary else None,
        "curves": [asdict(curve) for curve in board.curves],
        "drift": asdict(board.drift) if board.drift else None,
        "stale": [{"model": s.name, "scored_on": s.dataset} for s in board.stale],
    }


def _model_values(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "encoder": model.entry.encoder,
        "seed": model.entry.seed,
        "in_use": model.in_use,
        "micro": _line_values(model.micro),
        "macro": _line_values(model.macro),
        "ece": model.ece,
        "behind_the_best": asdict(model.versus) if model.versus else None,
        "cost": asdict(model.cost),
    }


def _detail_values(summary: ModelSummary) -> dict[str, Any]:
    return {
        "schemas": [_line_values(line) for line in summary.schemas],
        "groups": {d.value: [_line_values(line) for line in lines] for d, lines in summary.groups.items()},
        "confusion": [list(cell) for cell in summary.confusion],
        "kinds": dict(summary.kinds),
        "calibration": [asdict(b) for b in summary.bins],
        "ece": summary.ece,
    }


def _line_values(line: Line) -> dict[str, Any]:
    return {**asdict(line), "invented": line.predicted - line.found, "missed": line.gold - line.found}


def markdown(content: Content) -> str:
    board = content.board
    parts = [f"# Models on {_plain(board.dataset)}", _written(content), *[_plain(s) for s in content.sentences]]
    parts += ["## Models", INTRODUCTION, _table(MODEL_HEADER, model_rows(board))]
    for title, rows in tables(content):
        parts += [f"## {_plain(title)}", _table(rows[0], rows[1:])]
    return "\n\n".join([*parts, ELSEWHERE]) + "\n"


def table_csv(content: Content) -> str:
    """The table of models; what might be read as a formula by a spreadsheet is marked as text."""
    file = io.StringIO()
    writer = csv.writer(file)
    for row in (MODEL_HEADER, *model_rows(content.board)):
        writer.writerow(f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in row)
    return file.getvalue()


def figure(content: Content) -> str:
    """F1 of the models with their intervals, as SVG."""
    return score_figures.scores(
        [score_figures.Bar(m.name, m.micro.f1.value, m.micro.f1.low, m.micro.f1.high) for m in content.board.models]
    )


def html(content: Content) -> str:
    """One file without a script and without a connection, for a browser or a printer."""
    board = content.board
    parts = [f"<h1>Models on {escape(board.dataset)}</h1>", f"<p class=quiet>{escape(_written(content))}</p>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in content.sentences]
    parts += ["<h2>Models</h2>", f"<p>{escape(INTRODUCTION)}</p>", figure(content)]
    parts += [_html_table([MODEL_HEADER, *model_rows(board)])]
    for curve in board.curves:
        if curve.line:
            points = [(p.notes, p.f1.value or 0.0, p.f1.low, p.f1.high) for p in curve.points]
            line = [(a.notes, a.value, a.low, a.high) for a in curve.line]
            parts += [f"<h2>Learning curve of {escape(curve.name)}</h2>", score_figures.learning_curve(points, line)]
    for title, rows in tables(content):
        parts += [f"<h2>{escape(title)}</h2>", _html_table(rows)]
    body = "\n".join([*parts, f"<p class=quiet>{escape(ELSEWHERE)}</p>"])
    return _PAGE.format(title=escape(f"Models on {board.dataset}"), body=body)


@dataclass(frozen=True, slots=True)
class Document:
    """How a report is written under an ending."""

    media_type: str
    write: Callable[[Content], str]


DOCUMENTS: dict[str, Document] = {
    "md": Document("text/markdown", markdown),
    "html": Document("text/html", html),
    "csv": Document("text/csv", table_csv),
    "svg": Document("image/svg+xml", figure),
    "json": Document("application/json", lambda content: json.dumps(values(content), indent=2) + "\n"),
}


def _written(content: Content) -> str:
    board = content.board
    return (
        f"{board.notes} test notes; dataset hash {board.content_hash[:16]}; {board.total} models; written "
        f"{now():%Y-%m-%d %H:%M} UTC by MedNER {__version__}"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(_plain, row)) + " |" for row in rows)])


def _html_table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; color: #14232b; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; font-size: 13px; }}
th, td {{ border-bottom: 1px solid #d5dee2; padding: .3rem .6rem; text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
.quiet {{ color: #51656f; font-size: 13px; }}
</style></head><body>
{body}
</body></html>
"""
