"""Gold: how far annotators agree, what they do not agree on, what is gold and why, and what of it is probably wrong."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.ui import adjudication_view, agreement_view, gold_view, guard, suspicion_view
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.REVIEW)

PARTS = {
    "status": ("Status", gold_view.status),
    "agreement": ("Agreement", agreement_view.agreement),
    "adjudicate": ("Adjudicate", adjudication_view.adjudicate),
    "suspicious": ("Suspicious", suspicion_view.suspicious),
    "settings": ("Settings", gold_view.settings),
}

enter("gold")
project = current_project()
st.title("Gold", anchor=False)
asked = st.query_params.get("part", "status")
part = st.segmented_control(
    "Part",
    list(PARTS),
    default=asked if asked in PARTS else "status",
    format_func=lambda name: PARTS[name][0],
    label_visibility="collapsed",
    required=True,
    key=f"gold-part-{asked}",
)
if part != asked:
    st.query_params.from_dict({"part": part})
    st.rerun()
PARTS[part][1](user, project)
