"""How far annotators agree."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.projects import Project
from mednerapp.scoring.resampling import Estimate
from mednerapp.services import agreeing
from mednerapp.services.agreeing import Report
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, estimate, plain

_KEPT = "agreement:report"  # (state, report): no text is in it
FEW_NOTES = 20
ALL = "All labels"
_HELP = {
    "Strict F1": "Same place, same label. No correction for chance: nobody can count the spans that both left out.",
    "Relaxed F1": "The same label and at least one character in common.",
    "Cohen's kappa": "On words, corrected for chance: 0 is no more than chance, 1 is perfect.",
}
_COLUMNS = {name: st.column_config.TextColumn(help=text) for name, text in _HELP.items()}


def agreement(user: User, project: Project) -> None:
    found = _report(user, project)
    if not found.notes:
        st.info(
            "**No note has two annotators yet.** Ask for two under Settings (a share of all notes) or under Status "
            "(single notes). The second annotator gets the note by “Next note” and sees nothing of the first one's "
            "work."
        )
        if found.waiting:
            st.caption(f"{count(found.waiting, 'note')} asked for twice; the second annotation is not there yet.")
        return
    overall = found.group[0]
    left, right = st.columns([2, 1], gap="large")
    with left:
        st.markdown(
            f"#### Krippendorff's alpha {_coefficient(overall.alpha)}\n"
            f"On the words of {count(found.notes, 'note')} that two people annotated blind to each other. In brackets: "
            "the 95% interval, from drawing the notes again. 1 is perfect, 0 is chance; Krippendorff takes 0.667 for "
            "the least from which to conclude anything, and 0.8 for reliable."
        )
        if found.notes < FEW_NOTES:
            st.caption(f"Fewer than {FEW_NOTES} notes: the intervals are wide, and somewhat too narrow even so.")
    with right:
        st.metric("Waiting for the second annotator", found.waiting)
        if found.left_out:
            st.caption(
                f"{count(found.left_out, 'note')} with several annotations left out: nobody asked for two there, so "
                "these people may have seen each other's spans."
            )
    pairs = [pair for pair in found.pairs if pair.label is None]
    st.subheader("Per pair", anchor=False)
    st.dataframe([_pair(found, pair) for pair in pairs], hide_index=True, column_config=_COLUMNS)
    st.subheader("Per label", anchor=False)
    chosen = st.selectbox(
        "Pair",
        range(len(pairs)),
        format_func=lambda i: f"{found.people[pairs[i].first]} and {found.people[pairs[i].second]}",
        width=420,
    )
    alphas = {one.label: one for one in found.group}
    mine = [p for p in found.pairs if (p.first, p.second) == (pairs[chosen].first, pairs[chosen].second) and p.label]
    st.dataframe(
        [
            {
                "Label": pair.label,
                "Strict F1": estimate(pair.strict),
                "Relaxed F1": estimate(pair.relaxed),
                "Cohen's kappa": _coefficient(pair.kappa),
                "Alpha of all": _coefficient(alphas[pair.label].alpha),
            }
            for pair in mine
        ],
        hide_index=True,
        column_config=_COLUMNS,
    )
    _disagreed(found)


def _report(user: User, project: Project) -> Report:
    store = application().store
    state = (project.id, agreeing.state(store, user=user, project_id=project.id))
    kept = st.session_state.get(_KEPT)
    if kept and kept[0] == state:
        return kept[1]
    with st.spinner("Counting agreement …"):
        found = agreeing.report(store, user=user, project_id=project.id)
    st.session_state[_KEPT] = (state, found)
    return found


def _pair(found: Report, pair: agreeing.PairAgreement) -> dict[str, object]:
    return {
        "Annotators": f"{found.people[pair.first]} and {found.people[pair.second]}",
        "Notes": pair.notes,
        "Strict F1": estimate(pair.strict),
        "Relaxed F1": estimate(pair.relaxed),
        "Cohen's kappa": _coefficient(pair.kappa),
    }


def _coefficient(value: Estimate) -> str:
    if value.value is None:
        return "\u2013"
    if value.low is None or value.high is None:
        return f"{value.value:.2f} (no interval)"
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"


def _disagreed(found: Report) -> None:
    st.subheader("Notes that disagree most", anchor=False)
    if not found.disagreed:
        st.success("Not a single difference.")
        return
    for row, one in enumerate(found.disagreed[:20]):
        left, middle, right = st.columns([4, 3, 2], vertical_alignment="center")
        left.markdown(f"{plain(one.title)}  \n:small[:gray[{plain(', '.join(one.people))}]]")
        middle.markdown(f"{count(one.figures.differences, 'difference')} · strict F1 {100 * one.figures.f1:.0f}%")
        with right:
            query = {"part": "adjudicate", "note": str(one.figures.note_id)}
            menu.link("gold", "See what was decided" if one.decided else "Adjudicate", query=query)
        if row == 19 and len(found.disagreed) > 20:
            st.caption(f"and {len(found.disagreed) - 20} more")
