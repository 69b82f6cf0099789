"""Champion and challenger on one page: the comparison, the decision, who decided what before."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.models import Adapter, Promotion, PromotionKind
from mednerapp.domain.projects import Project
from mednerapp.errors import MedNerError
from mednerapp.services import evaluating, promoting
from mednerapp.services.promoting import Board, Duel
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, estimate, local_time, plain

NONE = "\u2013"


def champion(user: User, project: Project, found: Board) -> None:
    if found.champion is None:
        st.info("**No model is in use.** Notes come without highlights. Choose one below.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        since = f", since {local_time(found.history[0].at):%Y-%m-%d %H:%M}" if found.history else ""
        st.markdown(f"#### {plain(found.champion.name)} highlights the notes{since}")
        if found.previous and st.button(
            f"Roll back to {plain(found.previous.name)}", help="At once; no rule is asked. It is recorded."
        ):
            _do(user, project, found.champion, None, back=True)


def challenge(user: User, project: Project, found: Board) -> None:
    if not found.challengers:
        st.info("**There is no challenger yet.** Train a model, and it can be compared with the one in use here.")
        menu.next_step("train", "Train a model")
        return
    left, right = st.columns(2, gap="large")
    asked = st.query_params.get("model", "")
    index = next((i for i, one in enumerate(found.challengers) if str(one.id) == asked), 0)
    chosen = left.selectbox("Challenger", found.challengers, index=index, format_func=lambda a: a.name)
    dataset = None
    if found.datasets:
        dataset = right.selectbox("On the test notes of", found.datasets, format_func=lambda d: d.name)
    duel = promoting.duel(
        application().store,
        user=user,
        project_id=project.id,
        challenger_id=chosen.id,
        dataset_id=dataset.id if dataset else None,
    )
    if duel:
        _comparison(duel)
    else:
        _not_compared(user, found)
    against = promoting.obstacles(project, duel) if found.champion else []
    for sentence in against:
        st.warning(plain(sentence))
    if st.button(f"Promote {plain(chosen.name)}", type="primary", disabled=bool(against)):
        _do(user, project, found.champion, chosen, dataset_id=duel.dataset.id if duel else None)
    st.caption(
        "Suggestions that nobody has touched are replaced by those of the promoted model when their note is opened. "
        "What a person accepted, changed or rejected stays."
    )


def _not_compared(user: User, found: Board) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info("These two have not been scored on a common test note: there is nothing to compare.")
        if found.datasets and st.button("Score all on the newest dataset"):
            evaluating.request(application().store, user=user, dataset_id=found.datasets[0].id)
            st.toast("The scoring is in the queue.")


def _comparison(duel: Duel) -> None:
    difference = duel.difference
    value = difference.estimate
    rows = [
        {
            "Model": adapter.name,
            "F1 (95%)": estimate(s.f1),
            "Precision": estimate(s.precision),
            "Recall": estimate(s.recall),
        }
        for adapter, s in zip((duel.champion, duel.challenger), duel.scores, strict=True)
    ]
    st.dataframe(rows, hide_index=True)
    notes = count(duel.notes, "test note")
    if value.value is None or difference.p is None:
        st.markdown(f"On these {notes} there is nothing to tell the two apart.")
    else:
        between = (
            "" if value.low is None or value.high is None else f" ({100 * value.low:+.1f} to {100 * value.high:+.1f})"
        )
        sure = "certain at the 5% level" if difference.certain else "not distinguishable"
        more = difference.notes_for(0.02)
        hint = ""
        if not difference.certain and more is not None and more > duel.notes:
            hint = (
                f" About {more - duel.notes:,} more test notes would show a 2-point difference four times out of five."
            )
        st.markdown(
            f"**{100 * value.value:+.1f} points of F1{between}** on the same {notes}: {sure}, p = {difference.p:.3f} "
            f"(paired randomisation test).{hint}"
        )
    st.dataframe(
        [
            {
                "Label": one.label,
                "In use": NONE if one.champion is None else f"{100 * one.champion:.1f}%",
                "Challenger": NONE if one.challenger is None else f"{100 * one.challenger:.1f}%",
                "Change (points)": NONE if one.change is None else f"{100 * one.change:+.1f}",
            }
            for one in duel.labels
        ],
        hide_index=True,
    )


def rule(user: User, project: Project) -> None:
    on = project.promotion_level is not None
    with st.expander("Rule: " + ("on" if on else "none"), expanded=False), st.form("promotion-rule", border=False):
        wanted = st.checkbox("Only promote what passes this rule", value=on)
        level = st.number_input(
            "Better at the level of (p at most)", 0.001, 0.5, project.promotion_level or 0.05, 0.01, format="%.3f"
        )
        drop = st.number_input(
            "No label falls by more than (points of F1)", 0.0, 100.0, 100 * (project.promotion_drop or 0.02), 0.5
        )
        if st.form_submit_button("Save"):
            promoting.change_rule(
                application().store,
                user=user,
                project_id=project.id,
                level=level if wanted else None,
                drop=drop / 100 if wanted else None,
            )
            st.rerun()


def history(found: Board) -> None:
    if not found.history:
        return
    st.subheader("Who decided what", anchor=False)
    st.dataframe([_row(found, one) for one in found.history], hide_index=True)


def _row(found: Board, one: Promotion) -> dict[str, object]:
    evidence = one.evidence or {}
    difference = evidence.get("difference", {}).get("value")
    p = evidence.get("p")
    return {
        "When": local_time(one.at),
        "Who": one.by or "MedNER",
        "What": "promoted" if one.kind is PromotionKind.PROMOTE else "rolled back to",
        "Model": found.names.get(one.adapter_id, str(one.adapter_id)),
        "Instead of": found.names.get(one.previous_id or 0, NONE),
        "F1 (points)": NONE if difference is None else f"{100 * difference:+.1f}",
        "p": NONE if p is None else f"{p:.3f}",
        "Test notes": f"{evidence['notes']:,}" if "notes" in evidence else NONE,
        "Dataset": evidence.get("dataset", NONE),
    }


def _do(
    user: User,
    project: Project,
    now: Adapter | None,
    then: Adapter | None,
    *,
    dataset_id: int | None = None,
    back: bool = False,
) -> None:
    store = application().store
    try:
        if back and now:
            promoting.roll_back(store, user=user, project_id=project.id, champion_id=now.id)
        elif then:
            promoting.promote(
                store,
                user=user,
                project_id=project.id,
                adapter_id=then.id,
                dataset_id=dataset_id,
                champion_id=now.id if now else None,
            )
    except MedNerError as error:
        st.warning(plain(str(error)))
        return
    st.rerun()
