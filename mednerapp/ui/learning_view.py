"""Would more notes help, do the labels drift, and how did the runs train."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.models import PUBLISHED_RESULTS
from mednerapp.scoring.summaries import Dimension, ModelSummary
from mednerapp.services import board_words, dashboards
from mednerapp.services.dashboards import Board, Model
from mednerapp.services.digging import Behind
from mednerapp.ui import behind_view, board_charts, charts
from mednerapp.ui.process import application
from mednerapp.ui.words import plain


def learning(user: User, board: Board) -> None:
    st.subheader("Is more annotation worth it?", anchor=False)
    st.markdown(plain(board_words.more_notes(board.curves)))
    if not board.curves:
        st.caption("Train a model on this dataset, or on an earlier and smaller one, to begin the curve.")
        return
    st.caption(
        "F1 on the same test notes against the number of training notes. The line is an inverse power law; the band "
        "holds 95% of what would be measured."
    )
    picked = behind_view.clicked(board_charts.learning(board.curves), key="learning")
    if picked:
        asked = Behind(int(picked[0]), f"{picked[1]}, errors")
        behind_view.spans(user, asked, key="learning-spans")


def drifting(user: User, board: Board, model: Model, summary: ModelSummary, schema: LabelSchema) -> None:
    st.subheader("Is it drifting?", anchor=False)
    st.markdown(plain(board_words.drifting(board.drift)))
    if board.drift and board.drift.shares:
        st.plotly_chart(board_charts.drift(board.drift.shares), config=board_charts.CONFIG, key="drift")
    months = summary.groups.get(Dimension.MONTH, ())
    if len(months) > 1:
        st.caption(f"F1 of {plain(model.name)} on the test notes by the month of their import.")
        figure = board_charts.groups(months, Dimension.MONTH, schema)
        picked = behind_view.clicked(figure, key="months")
        if picked:
            group = str(picked[0])
            asked = Behind(model.evaluation_id, f"{model.name}, {group}", dimension=Dimension.MONTH, group=group)
            behind_view.spans(user, asked, key="months-spans")


def training(user: User, board: Board, *, quiet: bool = False) -> None:
    """The curves of the runs. quiet: say nothing where there is none."""
    store = application().store
    found = dashboards.runs(store, user=user, dataset_id=board.dataset_id)
    if not found and quiet:
        return
    if not found:
        st.info("No run on this dataset has finished an epoch yet.")
        return
    names = {number: f"{name} (run {number})" for number, name in found}
    newest = list(names)[: charts.most_curves()]
    chosen = st.multiselect(
        "Runs", list(names), default=newest, format_func=names.__getitem__, max_selections=charts.most_curves()
    )
    loaded = dashboards.losses(store, user=user, runs=[(number, names[number]) for number in chosen])
    drawn = [(one.name, one.epochs) for one in loaded if one.epochs]
    if drawn:
        notes = dashboards.dev_notes(store, user=user, dataset_id=board.dataset_id)
        st.caption("Loss against epoch: lines for the training notes, dashes for the dev notes.")
        left, right = st.columns(2, gap="large")
        left.plotly_chart(charts.losses(drawn), config=board_charts.CONFIG, key="loss")
        right.plotly_chart(charts.dev_f1(drawn, notes=notes), config=board_charts.CONFIG, key="dev-f1")


def published() -> None:
    with st.expander("For reference: the published table (other data, not comparable)"):
        st.caption(
            "Table 1 of \u201cAccurate Medical Named Entity Recognition Through Specialized NLP Models\u201d: full "
            "fine-tuning, scored on MIMIC-III notes. Your notes and labels are others, so these numbers cannot be "
            "compared with those above. RoBERTa is named there without figures."
        )
        st.dataframe(
            [{"Encoder": r.encoder, "Precision %": r.precision, "F1 %": r.f1} for r in PUBLISHED_RESULTS],
            hide_index=True,
            width=420,
        )
