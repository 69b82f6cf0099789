"""The figures. Colours: Okabe & Ito (2008); what a colour says is always written as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.models import EpochReport
from mednerapp.scoring.intervals import Estimate, Score
from mednerapp.services.experiment_reports import EncoderResult
from mednerapp.services.reporting import AdapterScore
from mednerapp.ui.words import count

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
_METRICS = (("Precision", "#56B4E9"), ("Recall", "#E69F00"), ("F1", "#0072B2"))
CONFIG = {"displayModeBar": False}  # for st.plotly_chart


def scores(found: Sequence[AdapterScore]) -> go.Figure:
    """Precision, recall and F1 of each adapter with 95% intervals; F1 is the darkest."""
    figure = go.Figure()
    names = [_short(score.adapter.name) for score in found]
    for metric, color in _METRICS:
        values = [_metric(score.micro, metric) for score in found]
        figure.add_bar(
            name=metric,
            x=names,
            y=_heights(values),
            error_y=_bars(values),
            marker_color=color,
            hovertemplate="%{x}<br>" + metric + " %{y:.1f}%<extra></extra>",
        )
    return _percent_axis(figure, bargap=0.35, barmode="group", height=360)


def labels(per_label: Mapping[str, Score], schema: LabelSchema) -> go.Figure:
    """F1 per label of one adapter with 95% intervals, in the colours that the labels have in the editor."""
    colors = {label.name: label.color for label in schema.labels}
    values = [score.f1 for score in per_label.values()]
    figure = go.Figure(
        go.Bar(
            x=list(per_label),
            y=_heights(values),
            error_y=_bars(values),
            marker_color=[colors.get(name, PALETTE[-1]) for name in per_label],
            hovertemplate="%{x}<br>F1 %{y:.1f}%<extra></extra>",
        )
    )
    return _percent_axis(figure, bargap=0.45, height=300)


Curve = tuple[str, Sequence[EpochReport]]  # name of the run, its epochs


def losses(found: Sequence[Curve], *, height: int = 320) -> go.Figure:
    """Mean token loss against epoch: train as a line, dev dashed; one colour for each run."""
    figure = go.Figure()
    for (name, epochs), color in zip(found, _colors(), strict=False):
        for split, dash, values in (
            ("train", "solid", [e.train_loss for e in epochs]),
            ("dev", "dash", [e.dev_loss for e in epochs]),
        ):
            figure.add_scatter(
                name=split if len(found) == 1 else _short(name),
                x=[e.epoch for e in epochs],
                y=values,
                mode="lines+markers",
                line={"color": color, "dash": dash},
                marker={"size": 5},
                showlegend=len(found) == 1 or split == "train",
            )
    figure.update_layout(yaxis={"title": "Loss", "rangemode": "tozero"}, xaxis=_epochs(found), **_common(height))
    return figure


def encoder_losses(found: Sequence[EncoderResult], *, height: int = 420) -> go.Figure:
    """Mean token loss against epoch: train as a line, dev dashed; a colour for each encoder, a band over its seeds."""
    figure = go.Figure()
    colors = _colors()
    for number, row in enumerate(found):
        color, points = colors[number % len(colors)], row.curve
        _loss_band(figure, row.encoder.name, color, "train", [(p.epoch, p.seeds, *p.train) for p in points])
        _loss_band(figure, row.encoder.name, color, "dev", [(p.epoch, p.seeds, *p.dev) for p in points if p.dev])
    most = max((point.epoch for row in found for point in row.curve), default=1)
    axis = {"title": "Epoch", "rangemode": "tozero", "dtick": 1 if most <= 20 else None}
    return figure.update_layout(yaxis={"title": "Loss", "rangemode": "tozero"}, xaxis=axis, **_common(height))


def _loss_band(
    figure: go.Figure, name: str, color: str, split: str, points: Sequence[tuple[int, int, float, float, float]]
) -> None:
    """points: epoch, number of seeds, mean, lowest, highest."""
    if not points:
        return
    around = [(p[0], p[3]) for p in points] + [(p[0], p[4]) for p in reversed(points)]
    figure.add_scatter(
        x=[x for x, _ in around],
        y=[y for _, y in around],
        mode="lines",
        fill="toself",
        fillcolor=_faint(color),
        line={"width": 0},
        hoverinfo="skip",
        legendgroup=name,
        showlegend=False,
    )
    figure.add_scatter(
        name=_short(name),
        x=[p[0] for p in points],
        y=[p[2] for p in points],
        customdata=[p[1] for p in points],
        mode="lines+markers" if len(points) <= 20 else "lines",
        line={"color": color, "dash": "solid" if split == "train" else "dash"},
        marker={"size": 5},
        legendgroup=name,
        showlegend=split == "train",
        hovertemplate=f"{escape(_short(name))}, {split}<br>"
        "epoch %{x}, loss %{y:.3f}, seeds: %{customdata}<extra></extra>",
    )


def _faint(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def dev_f1(found: Sequence[Curve], *, notes: int, height: int = 320) -> go.Figure:
    """Strict micro F1 on the dev notes against epoch; the title says on how many, and that it is no score."""
    figure = go.Figure()
    for (name, epochs), color in zip(found, _colors(), strict=False):
        points = [(e.epoch, 100 * e.dev_f1) for e in epochs if e.dev_f1 is not None]
        figure.add_scatter(
            name=_short(name),
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="lines+markers",
            line={"color": color},
            marker={"size": 5},
        )
    _percent_axis(figure, title="Dev F1 (%)", xaxis=_epochs(found), height=height, showlegend=len(found) > 1)
    text = f"Dev F1 on {count(notes, 'note')}, strict (chooses the epoch; not a score)"
    figure.update_layout(title={"text": text, "font": {"size": 13}, "x": 0, "y": 0.98, "yanchor": "top"})
    figure.update_layout(legend={"y": -0.25, "yanchor": "top"})  # the title has the place above
    return figure


def most_curves() -> int:
    """How many runs one figure can tell apart."""
    return len(PALETTE)


def _colors() -> tuple[str, ...]:
    """Dark blue is hard to see as a thin line on a dark page, so light blue comes first there."""
    return (PALETTE[5], *PALETTE[1:5], PALETTE[6], PALETTE[0]) if _is_dark() else PALETTE


def _metric(score: Score, name: str) -> Estimate:
    return {"Precision": score.precision, "Recall": score.recall, "F1": score.f1}[name]


def _heights(values: Sequence[Estimate]) -> list[float | None]:
    """In percent; no bar where the score is undefined."""
    return [None if v.value is None else 100 * v.value for v in values]


def _bars(values: Sequence[Estimate]) -> dict[str, Any]:
    """Plotly's asymmetric error bars, in percent; of length 0 where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if v.value is None or v.high is None else 100 * (v.high - v.value) for v in values],
        "arrayminus": [0 if v.value is None or v.low is None else 100 * (v.value - v.low) for v in values],
        "thickness": 1.3,
        "width": 4,
        "color": _ink(),
    }


def _ink() -> str:
    """The text colour of the theme that the browser shows: an interval has to stand out on its bar and above it."""
    return "#ffffff" if _is_dark() else "#14232b"


def _is_dark() -> bool:
    return st.context.theme.type == "dark"


def _epochs(found: Sequence[Curve]) -> dict[str, Any]:
    most = max((e.epoch for _, epochs in found for e in epochs), default=1)
    return {"title": "Epoch", "rangemode": "tozero", "dtick": 1 if most <= 20 else None}


def _percent_axis(figure: go.Figure, *, height: int, title: str = "%", **layout: Any) -> go.Figure:
    figure.update_layout(yaxis={"range": [0, 104], "title": title, "tickvals": [0, 20, 40, 60, 80, 100]}, **layout)
    figure.update_layout(**{k: v for k, v in _common(height).items() if k not in layout})
    return figure


def _common(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 30, "b": 10},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "hovermode": "closest",
    }


def _short(name: str) -> str:
    return name if len(name) <= 34 else name[:33] + "\u2026"
