"""Which notes are gold and why; what the others wait for; the lead's settings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.gold import GoldOrigin, GoldPolicy, Waiting
from mednerapp.domain.projects import Project
from mednerapp.services import adjudicating, gold
from mednerapp.services.gold import ListedNote
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count

POLICIES = {
    GoldPolicy.SUBMITTED: ("As soon as it is submitted", "The annotator's word is enough."),
    GoldPolicy.APPROVED: (
        "When a lead has approved it",
        "Submitted notes wait below until somebody has looked at them.",
    ),
}
ORIGINS = {
    GoldOrigin.ONE: ("One annotator", "submitted; the project's policy takes the annotator's word"),
    GoldOrigin.AGREED: ("Two annotators agree", "not a single difference"),
    GoldOrigin.ADJUDICATED: ("Adjudicated", "somebody settled the differences"),
    GoldOrigin.APPROVED: ("Approved", "one annotator, and a lead who looked at it"),
    GoldOrigin.CORRECTED: ("Corrected", "gold that a lead changed afterwards"),
}
WAITING = {
    Waiting.SECOND: ("Second annotator", "asked for twice, submitted once"),
    Waiting.ADJUDICATION: ("Adjudication", "the annotators differ"),
    Waiting.APPROVAL: ("Approval", "one annotator, and the policy wants a lead's look"),
}
SHOWN = 100


def status(user: User, project: Project) -> None:
    found = gold.overview(application().store, user=user, project_id=project.id)
    total, waiting = sum(found.origins.values()), sum(found.waiting.values())
    if not total and not waiting:
        st.info("**No gold yet.** Gold comes from notes that people submitted.")
        menu.next_step("annotate", "Annotate notes")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"#### {count(total, 'note')} of gold")
        rows = [{"Why": name, "Notes": found.origins[o], "That is": means} for o, (name, means) in ORIGINS.items()]
        st.table(pd.DataFrame(rows).set_index("Why"))  # its words wrap
        st.caption(f"Notes with one annotator become gold: {POLICIES[project.gold_policy][0].lower()}.")
    with right:
        st.markdown(f"#### {count(waiting, 'submitted note')} waiting")
        rows = [{"For": name, "Notes": found.waiting[w], "That is": means} for w, (name, means) in WAITING.items()]
        st.table(pd.DataFrame(rows).set_index("For"))
        if found.waiting[Waiting.ADJUDICATION]:
            menu.link("gold", "Adjudicate them", query={"part": "adjudicate"})
        if found.changed:
            st.caption(
                f"{count(found.changed, 'note')} submitted anew since somebody decided. The decision holds until you "
                "compare again."
            )
    _notes(user, project)


def _notes(user: User, project: Project) -> None:
    kinds: dict[str, Waiting | GoldOrigin] = {f"Waiting: {name}": kind for kind, (name, _) in WAITING.items()}
    kinds |= {f"Gold: {name}": kind for kind, (name, _) in ORIGINS.items()}
    chosen = kinds[st.selectbox("Notes", list(kinds), index=2, width=420)]
    rows = gold.listed(
        application().store,
        user=user,
        project_id=project.id,
        waiting=chosen if isinstance(chosen, Waiting) else None,
        origin=chosen if isinstance(chosen, GoldOrigin) else None,
        limit=SHOWN,
    )
    if not rows:
        st.caption("None.")
        return
    picked = st.dataframe(
        [
            {
                "Note": row.title,
                "Annotators": ", ".join(row.people),
                "Split": row.standing.split.value,
                "Submitted anew since": "yes" if row.standing.changed else "",
            }
            for row in rows
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"gold-notes-{chosen.value}",
    )
    ids = [rows[i].standing.note_id for i in picked["selection"]["rows"] if i < len(rows)]
    _act(user, project, rows, ids)


def _act(user: User, project: Project, rows: list[ListedNote], ids: list[int]) -> None:
    store = application().store
    first = rows[0].standing
    with st.container(horizontal=True, vertical_alignment="center"):
        if first.waiting is Waiting.APPROVAL and st.button(
            f"Approve {count(len(ids), 'note')}", type="primary", disabled=not ids
        ):
            adjudicating.approve(store, user=user, note_ids=ids)
            st.rerun()
        if first.origin is GoldOrigin.APPROVED and st.button("Take the approval back", disabled=not ids):
            adjudicating.withdraw(store, user=user, note_ids=ids)
            st.rerun()
        alone = first.waiting is Waiting.APPROVAL or first.origin is GoldOrigin.ONE
        if alone and st.button("Ask for a second annotator", disabled=not ids):
            gold.ask_for_two(store, user=user, project_id=project.id, note_ids=ids)
            st.rerun()
        if first.waiting is Waiting.SECOND and st.button("No second annotator after all", disabled=not ids):
            gold.ask_for_one(store, user=user, project_id=project.id, note_ids=ids)
            st.rerun()
        if len(ids) == 1:
            menu.link("annotate", "Open the note", query={"note": str(ids[0])})
        if not ids:
            st.caption("Choose rows to do something with them.")


def settings(user: User, project: Project) -> None:
    with st.form("gold-policy", border=True):
        policy = st.radio(
            "A note with one annotator becomes gold",
            list(POLICIES),
            index=list(POLICIES).index(project.gold_policy),
            format_func=lambda p: POLICIES[p][0],
            captions=[caption for _, caption in POLICIES.values()],
        )
        percent = st.slider(
            "Notes with two annotators (%)",
            0,
            100,
            project.double_percent,
            5,
            help="So many of 100 notes are given to two people who see nothing of each other's work. It counts for "
            "notes that nobody has submitted yet; single notes can be chosen under Status.",
        )
        st.caption(
            "Two annotators who agree in everything make gold by themselves; where they differ the note waits for "
            "adjudication, whatever the policy is."
        )
        if st.form_submit_button("Save", type="primary"):
            gold.change(application().store, user=user, project_id=project.id, policy=policy, double_percent=percent)
            st.success("Saved.")
