"""What a lead decides about the queue, and what suggestions do to people."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import GroupOfNotes, QueueOrder
from mednerapp.services import queueing
from mednerapp.ui.process import application
from mednerapp.ui.words import count, percent

NONE = "\u2013"
LEAST_CERTAIN = (
    "Active learning by mean least confidence: the mean of 1 \u2212 score over a note's suggestions. A note without "
    "suggestions counts as certain, one that is not highlighted yet comes after all others."
)
ORDERS = {
    QueueOrder.IMPORT: ("In order of import", "The oldest first."),
    QueueOrder.UNCERTAIN: (
        "Least certain first",
        LEAST_CERTAIN,
    ),
    QueueOrder.RANDOM: (
        "Random",
        "A fixed shuffle of the project: a fair sample of the notes, and the same when it is drawn again.",
    ),
}


def settings(user: User, project: Project) -> None:
    with st.form("queue", border=True):
        order = st.radio(
            "Next note",
            list(ORDERS),
            index=list(ORDERS).index(project.queue_order),
            format_func=lambda o: ORDERS[o][0],
            captions=[caption for _, caption in ORDERS.values()],
            help="What somebody began comes before, what somebody skipped comes after.",
        )
        blind = st.slider(
            "Blind notes (%)",
            0,
            100,
            project.blind_percent,
            5,
            help="So many of 100 notes come without suggestions, the same ones for everybody, whatever the order. They "
            "show what people find by themselves. Notes that were begun stay as they began.",
        )
        if st.form_submit_button("Save", type="primary"):
            queueing.change(application().store, user=user, project_id=project.id, order=order, blind_percent=blind)
            st.success("Saved. It counts from the next note on.")


def effect(user: User, project: Project) -> None:
    """Blind notes beside pre-annotated ones."""
    st.subheader("What suggestions do", anchor=False)
    groups = queueing.effect_of_suggestions(application().store, user=user, project_id=project.id)
    if not any(group.notes for group in groups):
        st.info("Nothing to compare yet: submit some notes with suggestions and, with a share of blind notes, without.")
        return
    st.dataframe([_row(group) for group in groups], hide_index=True)
    few = min(group.notes for group in groups)
    st.caption(
        "Of the notes that people submitted here, at most the newest 1,000 of each kind. Minutes: median from the "
        "first change to the last."
        + (f" With {count(few, 'note')} on one side this is no more than a hint." * (few < 30))
    )


def _row(group: GroupOfNotes) -> dict[str, str]:
    suggested = group.accepted + group.changed + group.rejected
    shares = {"Accepted": group.accepted, "Changed": group.changed, "Rejected": group.rejected}
    return {
        "Notes": "Blind" if group.blind else "With suggestions",
        "Submitted": f"{group.notes:,}",
        "Spans per 1,000 words": NONE if group.density is None else f"{group.density:.1f}",
        "Minutes per note": NONE if group.minutes is None else f"{group.minutes:.1f}",
        **{
            name: NONE if group.blind or not suggested else f"{percent(number / suggested)} ({number:,})"
            for name, number in shares.items()
        },
    }
