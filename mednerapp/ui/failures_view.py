"""Where one model fails: by label, note type, section, length, novelty and assertion; confusion; calibration."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.labels import LabelSchema
from mednerapp.scoring.summaries import Dimension, ModelSummary
from mednerapp.services import digging
from mednerapp.services.dashboards import Model
from mednerapp.services.digging import Behind
from mednerapp.ui import behind_view, board_charts
from mednerapp.ui.dashboard_view import KINDS_OF_COLUMN, lines

_MEANS = {
    Dimension.SEEN: "Whether the mention is, but for case, that of a gold span of the training notes.",
    Dimension.ASSERTION: "What a person said of the gold span, or else the rules of the product.",
    Dimension.SECTION: "Headers that fewer than three test notes have count as everything else.",
    Dimension.WORDS: "Words of the gold span, or of the predicted one where there is none.",
}


def shown(user: User, model: Model, summary: ModelSummary, schema: LabelSchema, labels: Sequence[str]) -> None:
    number = model.evaluation_id
    there = [dimension for dimension in Dimension if summary.groups.get(dimension)]
    dimension = st.segmented_control(
        "By", there, default=there[0], format_func=lambda d: d.value.capitalize(), required=True, key="by"
    )
    found = summary.groups[dimension]
    if dimension in _MEANS:
        st.caption(_MEANS[dimension])
    key = f"{dimension.name.lower()}-{number}"
    picked = behind_view.clicked(board_charts.groups(found, dimension, schema), key=f"bars-{key}")
    if picked:
        group = str(picked[0])
        asked = Behind(number, f"{model.name}, errors in {group}", dimension=dimension, group=group)
        behind_view.spans(user, asked, key=f"spans-{key}")
    cell = lines(found, first=dimension.value.capitalize(), key=f"table-{key}")
    if cell:
        behind_view.spans(user, _of_cell(model, dimension, found[cell[0]].name, cell[1]), key=f"cell-{key}")
    if summary.schemas:
        st.subheader("Ways of matching", anchor=False)
        st.caption(
            "SemEval-2013: strict (place and label), exact (place), partial (half for an overlap), type (label)."
        )
        lines((*summary.schemas, summary.macro), first="Matching", key=f"schemas-{number}")
    _confusion(user, model, summary, labels)
    _calibration(user, model, summary)


def _of_cell(model: Model, dimension: Dimension, group: str, column: str) -> Behind:
    kinds, title = KINDS_OF_COLUMN.get(column, ()), f"{model.name}, {group}: {column.lower()}"
    if dimension is Dimension.LABEL and kinds:  # a wrong label is invented for one label and missed for another
        if kinds == digging.INVENTED:
            return Behind(model.evaluation_id, title, kinds, predicted=group)
        return Behind(model.evaluation_id, title, kinds, gold=group)
    return Behind(model.evaluation_id, title, kinds, dimension=dimension, group=group)


def _confusion(user: User, model: Model, summary: ModelSummary, labels: Sequence[str]) -> None:
    if not summary.confusion:
        return
    st.subheader("Confusion", anchor=False)
    st.caption(
        "On the diagonal also what has the right label and wrong edges. Stronger colour: larger share of the row."
    )
    number = model.evaluation_id
    picked = behind_view.clicked(board_charts.confusion(summary, labels), key=f"confusion-{number}")
    if picked:
        gold, predicted = (str(side) for side in picked[:2])
        title = f"{model.name}, gold {gold or 'nothing'}, predicted {predicted or 'nothing'}"
        kinds = (*digging.FOUND, *digging.MISSED, "invented")
        behind_view.spans(user, Behind(number, title, kinds, gold=gold, predicted=predicted), key="confusion-spans")


def _calibration(user: User, model: Model, summary: ModelSummary) -> None:
    if not summary.bins:
        return
    st.subheader("Calibration", anchor=False)
    error = "" if summary.ece is None else f"Expected calibration error: {summary.ece:.3f}. "
    st.caption(f"{error}Of the spans with a score of about 0.9, nine in ten should be right.")
    number = model.evaluation_id
    picked = behind_view.clicked(board_charts.calibration(summary.bins), key=f"calibration-{number}")
    if picked:
        low, high = float(picked[0]), float(picked[1])
        title = f"{model.name}, wrong with a score of {low:.1f} to {high:.1f}"
        scores = (low, high if high < 1 else 1.01)
        behind_view.spans(user, Behind(number, title, digging.INVENTED, scores=scores), key="calibration-spans")
