"""The dashboard's figures. Every point says in `customdata` what it stands for, so that a click can ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from mednerapp.domain.labels import LabelSchema
from mednerapp.scoring.calibration import Bin
from mednerapp.scoring.summaries import Dimension, Line, ModelSummary
from mednerapp.services.board_curves import CurveOf
from mednerapp.services.dashboards import Model
from mednerapp.ui.charts import PALETTE, colors, faint, ink, percent_axis, shorten

CONFIG = {  # the camera saves what is seen, made by the browser itself
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "medner"},
}
ROW = 30  # pixels for each model
KIND_COLORS = {"boundary": "#E69F00", "type": "#CC79A7", "both": "#D55E00", "missed": "#56B4E9", "invented": "#999999"}
NONE_GOLD, NONE_PREDICTED = "nothing (invented)", "nothing (missed)"


def models(found: Sequence[Model]) -> go.Figure:
    """F1 of each model as a dot with its 95% interval, the best at the top; the one in use is marked in words."""
    shown = [model for model in reversed(found) if model.micro.f1.value is not None]
    names = [shorten(model.name) + (" (in use)" if model.in_use else "") for model in shown]
    values = [model.micro.f1 for model in shown]
    heights = [100 * (v.value or 0.0) for v in values]
    figure = go.Figure(
        go.Scatter(
            x=heights,
            y=names,
            mode="markers",
            marker={"size": 13, "color": colors()[0]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [0 if v.high is None else 100 * v.high - h for v, h in zip(values, heights, strict=True)],
                "arrayminus": [0 if v.low is None else h - 100 * v.low for v, h in zip(values, heights, strict=True)],
                "thickness": 2,
                "width": 5,
            },
            customdata=[[model.evaluation_id] for model in shown],
            hovertemplate="%{y}<br>F1 %{x:.1f}%<extra></extra>",
        )
    )
    figure.update_layout(
        height=90 + ROW * max(2, len(shown)),
        margin={"l": 10, "r": 10, "t": 10, "b": 30},
        xaxis={"title": "F1 (%), 95% interval", "range": [0, 101]},
        yaxis={"automargin": True, "type": "category"},
    )
    return figure


def kinds(found: Mapping[str, int]) -> go.Figure:
    """How many errors of each kind."""
    names = list(found)
    figure = go.Figure(
        go.Bar(
            x=[found[name] for name in names],
            y=names,
            orientation="h",
            text=[f"{found[name]}" for name in names],
            textposition="auto",
            marker_color=[KIND_COLORS.get(name, PALETTE[-1]) for name in names],
            customdata=[[name] for name in names],
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    )
    figure.update_layout(
        height=230,
        margin={"l": 10, "r": 10, "t": 10, "b": 30},
        yaxis={"autorange": "reversed"},
        xaxis={"title": "Errors"},
    )
    return figure


def groups(lines: Sequence[Line], dimension: Dimension, schema: LabelSchema) -> go.Figure:
    """F1 of each group with its interval."""
    own = {label.name: label.color for label in schema.labels} if dimension is Dimension.LABEL else {}
    values = [line.f1 for line in lines]
    figure = go.Figure(
        go.Bar(
            x=[line.name for line in lines],
            y=[None if v.value is None else 100 * v.value for v in values],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [0 if v.value is None or v.high is None else 100 * (v.high - v.value) for v in values],
                "arrayminus": [0 if v.value is None or v.low is None else 100 * (v.value - v.low) for v in values],
                "thickness": 1.3,
                "width": 4,
                "color": ink(),
            },
            marker_color=[own.get(line.name, colors()[0]) for line in lines],
            customdata=[[line.name, line.gold] for line in lines],
            hovertemplate="%{x}<br>F1 %{y:.1f}%, %{customdata[1]} gold spans<extra></extra>",
        )
    )
    names = [line.name for line in lines]
    ticks = {"type": "category", "tickvals": names, "ticktext": [shorten(name) for name in names]}
    return percent_axis(figure, bargap=0.45, height=300, title="F1 (%)", xaxis=ticks)


def confusion(summary: ModelSummary, labels: Sequence[str]) -> go.Figure:
    """Gold against predicted, with a row for what was invented and a column for what was missed; squares say how many.

    Points rather than a heat map, since only points can be clicked.
    """
    cells = [
        (gold or NONE_GOLD, predicted or NONE_PREDICTED, n, gold, predicted) for gold, predicted, n in summary.confusion
    ]
    totals: dict[str, int] = {}
    for gold, _, n, *_ in cells:
        totals[gold] = totals.get(gold, 0) + n
    shares = [n / totals[gold] for gold, _, n, *_ in cells]
    figure = go.Figure(
        go.Scatter(
            x=[predicted for _, predicted, *_ in cells],
            y=[gold for gold, *_ in cells],
            mode="markers+text",
            text=[f"{n}" for _, _, n, *_ in cells],
            textfont={"color": ["#ffffff" if share > 0.45 else ink() for share in shares]},
            marker={
                "symbol": "square",
                "size": 42,
                "color": shares,
                "cmin": 0,
                "cmax": 1,
                "colorscale": [[0, "rgba(0,114,178,0.10)"], [1, "#0072B2"]],
            },
            customdata=[[gold or "", predicted or ""] for *_, gold, predicted in cells],
            hovertemplate="gold %{y}, predicted %{x}: %{text}<extra></extra>",
        )
    )
    columns, rows = [*labels, NONE_PREDICTED], [*labels, NONE_GOLD]
    axis: dict[str, Any] = {"type": "category", "automargin": True, "showgrid": False}
    figure.update_layout(
        height=90 + 52 * len(rows),
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        xaxis={**axis, "title": "Predicted", "side": "top", "categoryorder": "array", "categoryarray": columns},
        yaxis={**axis, "title": "Gold", "categoryorder": "array", "categoryarray": rows[::-1]},
    )
    figure.update_xaxes(range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(range=[-0.5, len(rows) - 0.5])
    return figure


def calibration(bins: Sequence[Bin]) -> go.Figure:
    """Share of right spans against their mean score, with Wilson's intervals; scores on the diagonal are honest."""
    figure = go.Figure(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "#888888"}, hoverinfo="skip")
    )
    figure.add_scatter(
        x=[b.mean_score for b in bins],
        y=[b.share for b in bins],
        mode="markers",
        marker={"size": 11, "color": colors()[0]},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [b.to_share - b.share for b in bins],
            "arrayminus": [b.share - b.from_share for b in bins],
        },
        customdata=[[b.low, b.high, b.spans] for b in bins],
        hovertemplate="score %{x:.2f}, right %{y:.2f}, %{customdata[2]} spans<extra></extra>",
    )
    return figure.update_layout(
        height=360,
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 30},
        xaxis={"title": "Mean score", "range": [-0.02, 1.02]},
        yaxis={"title": "Share right", "range": [-0.02, 1.04]},
    )


def learning(found: Sequence[CurveOf]) -> go.Figure:
    """F1 against training notes for each encoder and its settings; a fitted line goes on as a forecast with a band."""
    figure, palette = go.Figure(), colors()
    for number, curve in enumerate(found):
        color = palette[number % len(palette)]
        if curve.line:
            around = [(a.notes, a.low) for a in curve.line] + [(a.notes, a.high) for a in reversed(curve.line)]
            figure.add_scatter(
                x=[x for x, _ in around],
                y=[100 * y for _, y in around],
                fill="toself",
                fillcolor=faint(color),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            )
            for part, dash in (([a for a in curve.line if a.notes <= curve.most], "solid"),
                               ([a for a in curve.line if a.notes >= curve.most], "dash")):  # fmt: skip
                figure.add_scatter(
                    x=[a.notes for a in part],
                    y=[100 * a.value for a in part],
                    mode="lines",
                    line={"color": color, "dash": dash},
                    hovertemplate="%{x:.0f} notes: fitted %{y:.1f}%<extra></extra>",
                    showlegend=False,
                )
        values = [p.f1 for p in curve.points]
        figure.add_scatter(
            name=shorten(curve.name),
            x=[p.notes for p in curve.points],
            y=[100 * (v.value or 0) for v in values],
            mode="markers",
            marker={"size": 10, "color": color},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [0 if v.high is None else 100 * (v.high - (v.value or 0)) for v in values],
                "arrayminus": [0 if v.low is None else 100 * ((v.value or 0) - v.low) for v in values],
                "thickness": 1.3,
            },
            customdata=[[p.evaluation_id, p.name] for p in curve.points],
            hovertemplate="%{customdata[1]}<br>%{x} notes: F1 %{y:.1f}%<extra></extra>",
            showlegend=True,
        )
    axis = {"title": "Training notes", "rangemode": "tozero"}
    return percent_axis(figure, height=380, title="F1 (%)", xaxis=axis)


def drift(shares: Mapping[str, tuple[float, float]]) -> go.Figure:
    """The share of each label among the gold spans of the older and of the newer half of the notes."""
    figure, palette = go.Figure(), colors()
    for name, place, color in (("older half", 0, palette[5]), ("newer half", 1, palette[1])):
        figure.add_bar(
            name=name,
            x=list(shares),
            y=[100 * pair[place] for pair in shares.values()],
            marker_color=color,
            hovertemplate="%{x}, " + name + ": %{y:.1f}%<extra></extra>",
        )
    return figure.update_layout(
        height=300,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        yaxis={"title": "Share of gold spans (%)"},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
