"""What the workers do: progress, cancelling, starting again, whose turn it is."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.ui import guard
from mednerapp.ui import jobs_view as view
from mednerapp.ui.state import enter

user = guard.require(Permission.TRAIN)

enter("jobs")
st.title("Jobs", anchor=False)
st.write(
    "Highlighting, training and scoring happen in the background, on one or many machines. A job that loses its worker "
    "is taken up by another and goes on from what it had stored."
)
view.queue(user)
