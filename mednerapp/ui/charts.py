"""The figures. Colours: Okabe & Ito (2008); what a colour says is always written as well."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from mednerapp.domain.models import EpochReport
from mednerapp.services.experiment_reports import EncoderResult
from mednerapp.ui.words import count

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
CONFIG = {"displayModeBar": False}  # for st.plotly_chart


Curve = tuple[str, Sequence[EpochReport]]  # name of the run, its epochs


def losses(found: Sequence[Curve], *, height: int = 320) -> go.Figure:
    """Mean token loss against epoch: train as a line, dev dashed; one colour for each run."""
    figure = go.Figure()
    for (name, epochs), color in zip(found, colors(), strict=False):
        for split, dash, values in (
            ("train", "solid", [e.train_loss for e in epochs]),
            ("dev", "dash", [e.dev_loss for e in epochs]),
        ):
            figure.add_scatter(
                name=split if len(found) == 1 else shorten(name),
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
    palette = colors()
    for number, row in enumerate(found):
        color, points = palette[number % len(palette)], row.curve
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
        fillcolor=faint(color),
        line={"width": 0},
        hoverinfo="skip",
        legendgroup=name,
        showlegend=False,
    )
    figure.add_scatter(
        name=shorten(name),
        x=[p[0] for p in points],
        y=[p[2] for p in points],
        customdata=[p[1] for p in points],
        mode="lines+markers" if len(points) <= 20 else "lines",
        line={"color": color, "dash": "solid" if split == "train" else "dash"},
        marker={"size": 5},
        legendgroup=name,
        showlegend=split == "train",
        hovertemplate=f"{escape(shorten(name))}, {split}<br>"
        "epoch %{x}, loss %{y:.3f}, seeds: %{customdata}<extra></extra>",
    )


def faint(color: str) -> str:
    """A colour for the band around a line of that colour."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def dev_f1(found: Sequence[Curve], *, notes: int, height: int = 320) -> go.Figure:
    """Strict micro F1 on the dev notes against epoch; the title says on how many, and that it is no score."""
    figure = go.Figure()
    for (name, epochs), color in zip(found, colors(), strict=False):
        points = [(e.epoch, 100 * e.dev_f1) for e in epochs if e.dev_f1 is not None]
        figure.add_scatter(
            name=shorten(name),
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="lines+markers",
            line={"color": color},
            marker={"size": 5},
        )
    percent_axis(figure, title="Dev F1 (%)", xaxis=_epochs(found), height=height, showlegend=len(found) > 1)
    text = f"Dev F1 on {count(notes, 'note')}, strict (chooses the epoch; not a score)"
    figure.update_layout(title={"text": text, "font": {"size": 13}, "x": 0, "y": 0.98, "yanchor": "top"})
    figure.update_layout(legend={"y": -0.25, "yanchor": "top"})  # the title has the place above
    return figure


def most_curves() -> int:
    """How many runs one figure can tell apart."""
    return len(PALETTE)


def colors() -> tuple[str, ...]:
    """Dark blue is hard to see as a thin line on a dark page, so light blue comes first there."""
    return (PALETTE[5], *PALETTE[1:5], PALETTE[6], PALETTE[0]) if _is_dark() else PALETTE


def ink() -> str:
    """The text colour of the theme that the browser shows: an interval has to stand out on its bar and above it."""
    return "#ffffff" if _is_dark() else "#14232b"


def _is_dark() -> bool:
    return st.context.theme.type == "dark"


def _epochs(found: Sequence[Curve]) -> dict[str, Any]:
    most = max((e.epoch for _, epochs in found for e in epochs), default=1)
    return {"title": "Epoch", "rangemode": "tozero", "dtick": 1 if most <= 20 else None}


def percent_axis(figure: go.Figure, *, height: int, title: str = "%", **layout: Any) -> go.Figure:
    """A vertical axis from 0 to 100."""
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


def shorten(name: str) -> str:
    """As much of a name as there is room for in a figure."""
    return name if len(name) <= 34 else name[:33] + "\u2026"
