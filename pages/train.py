"""Freeze gold, start fine-tuning runs, watch them."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.ui import guard, menu
from mednerapp.ui import training_view as view
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.TRAIN)

enter("train")
project = current_project()
st.title("Train", anchor=False)
st.write(
    "A run teaches an encoder from the notes that people submitted. It needs a frozen dataset, so that every model "
    "learns from and is scored on exactly the same notes."
)
left, right = st.columns([1, 1], gap="large")
with left:
    view.freeze(user, project)
with right:
    view.start_run(user, project)
view.runs(user, project)
menu.link("jobs", "All background jobs, of every project")
