"""The parts of the dashboard."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Split
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.models import PUBLISHED_RESULTS
from mednerapp.domain.projects import Project
from mednerapp.scoring.intervals import Estimate
from mednerapp.services import evaluating, fine_tuning, reporting, workers
from mednerapp.services.reporting import AdapterScore, Comparison
from mednerapp.ui import charts, guard, menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, estimate, plain

LOOK_EVERY = 3.0  # seconds, while scores are missing
_COUNTS = {
    "Found": st.column_config.NumberColumn(help="True positives: gold spans that the model marked exactly."),
    "Invented": st.column_config.NumberColumn(help="False positives: spans of the model that are not gold."),
    "Missed": st.column_config.NumberColumn(help="False negatives: gold spans that the model did not mark exactly."),
}
FEW_NOTES = 20  # below it the intervals are wide and somewhat too narrow even so


def nothing_frozen(user: User) -> None:
    st.info("No model has been scored yet. Scores need a frozen dataset, and a dataset needs submitted notes.")
    if user.may(Permission.TRAIN):
        menu.next_step("train", "Freeze a dataset")
    else:
        menu.next_step("annotate", "Annotate notes")


def missing(user: User, found: Comparison) -> None:
    """Adapters without a score: says so, looks again by itself, and lets a lead ask for them."""
    if not found.missing:
        return
    names = ", ".join(plain(adapter.name) for adapter in found.missing)
    if evaluating.waiting(application().store, user=user, dataset_id=found.dataset.id):
        st.info(f"Being scored on the test notes: {names}.")
        _watch(found.dataset.id, len(found.missing))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"Not scored on this dataset: {names}.")
        if user.may(Permission.TRAIN) and st.button("Score now"):
            evaluating.request(application().store, user=user, dataset_id=found.dataset.id)
            st.rerun()


@st.fragment(run_every=LOOK_EVERY)
def _watch(dataset_id: int, before: int) -> None:
    user = guard.still_here()
    store = application().store
    left = len(reporting.compare(store, user=user, dataset_id=dataset_id).missing)
    if left != before or not evaluating.waiting(store, user=user, dataset_id=dataset_id):
        st.rerun(scope="app")
    if not workers.alive(store):
        st.warning("No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself).")


def nothing_in_common(found: Comparison) -> None:
    st.info(
        f"The models cannot be compared on {plain(found.dataset.name)}: at least one of them (or the model under it) "
        f"saw each of its {count(found.left_out, 'test note')} in training. Submit other notes and freeze them."
    )


def best(user: User, found: Comparison) -> None:
    first = found.scores[0]
    notes, spans = count(found.notes, "test note"), count(first.micro.counts.gold, "gold span")
    if first.micro.f1.value is None:
        st.info(f"The {notes} that count hold no gold span and no model found one there: there is nothing to compare.")
        return
    st.markdown(
        f"#### {plain(first.adapter.name)} has the highest F1: {estimate(first.micro.f1)}\n"
        f"On the same {notes} of {plain(found.dataset.name)} with {spans} for every model. A span counts only if its "
        "place and label are exactly those of the gold. In brackets: the 95% interval, from drawing "
        "the notes again 2,000 times."
    )
    if len(found.scores) > 1 and _overlap(first.micro.f1, found.scores[1].micro.f1):
        st.caption(
            f"Its interval overlaps that of {plain(found.scores[1].adapter.name)}: these notes do not settle which of "
            "the two is better."
        )
    if found.notes < FEW_NOTES:
        st.caption(f"{notes.capitalize()} are few. Submit and freeze more notes to make the intervals narrower.")
    if found.left_out:
        st.caption(
            f"{count(found.left_out, 'test note')} of {found.dataset.notes[Split.TEST]} left out for everybody, "
            "because at least one of these models (or the model under it) saw them in training."
        )
    if not first.active and user.may(Permission.TRAIN):
        st.caption("It does not highlight new notes yet. Promote it below.")


def _overlap(a: Estimate, b: Estimate) -> bool:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return True
    return a.low <= b.high and b.low <= a.high


def all_models(user: User, project: Project, found: Comparison) -> None:
    st.plotly_chart(charts.scores(found.scores), config=charts.CONFIG, key="scores")
    st.dataframe([_row(score) for score in found.scores], hide_index=True, column_config=_COUNTS)
    others = [score.adapter for score in found.scores if not score.active]
    if not others or not user.may(Permission.TRAIN):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Promote", others, format_func=lambda a: a.name, width=420)
        if st.button("Highlight new notes with it"):
            fine_tuning.promote(application().store, user=user, project_id=project.id, adapter_id=chosen.id)
            st.rerun()
    st.caption("Notes that nobody has opened yet are highlighted again by the promoted model. Begun work stays.")


def _row(score: AdapterScore) -> dict[str, object]:
    micro = score.micro
    return {
        "Model": score.adapter.name,
        "Encoder": score.encoder,
        "In use": "yes" if score.active else "",
        "F1 (95%)": estimate(micro.f1),
        "Precision (95%)": estimate(micro.precision),
        "Recall (95%)": estimate(micro.recall),
        "Found": micro.counts.tp,
        "Invented": micro.counts.fp,
        "Missed": micro.counts.fn,
    }


def labels(found: Comparison, schema: LabelSchema) -> None:
    st.subheader("Per label", anchor=False)
    names = {score.adapter.id: score.adapter.name for score in found.scores}
    chosen = st.selectbox("Model", list(names), format_func=names.__getitem__, width=420)
    score = next(score for score in found.scores if score.adapter.id == chosen)
    st.plotly_chart(charts.labels(score.per_label, schema), config=charts.CONFIG, key="labels")
    st.dataframe(
        [
            {
                "Label": label,
                "Gold spans": one.counts.gold,
                "Found": one.counts.tp,
                "Invented": one.counts.fp,
                "Missed": one.counts.fn,
                "F1 (95%)": estimate(one.f1),
                "Precision (95%)": estimate(one.precision),
                "Recall (95%)": estimate(one.recall),
            }
            for label, one in score.per_label.items()
        ],
        hide_index=True,
        column_config=_COUNTS,
    )


def curves(found: Comparison) -> None:
    drawn = [(f"{run.name} (run {run.id})", epochs) for run, epochs in found.curves if epochs]
    if not drawn:
        return
    st.subheader("Training", anchor=False)
    newest = f" The newest {charts.most_curves()} runs." if len(drawn) > charts.most_curves() else ""
    st.caption(f"Loss against epoch: lines for the training notes, dashes for the dev notes.{newest}")
    left, right = st.columns(2, gap="large")
    left.plotly_chart(charts.losses(drawn), config=charts.CONFIG, key="loss")
    right.plotly_chart(charts.dev_f1(drawn, notes=found.dataset.notes[Split.DEV]), config=charts.CONFIG, key="dev-f1")


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
