"""A word on whatever page a person is when a job that they started has ended."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.services import noticing
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.state import state
from mednerapp.ui.words import plain

LOOK_EVERY = 5.0  # seconds, and only while something is waited for


def watch(user: User) -> None:
    """Asked for by the browser, so that a closed tab costs nothing. Each tab tells of a job once."""
    state().awaited |= noticing.open_jobs(application().store, user=user)
    st.fragment(_tell, run_every=LOOK_EVERY if state().awaited else None)()


def _tell() -> None:
    user = guard.still_here()
    awaited = state().awaited
    if not awaited:
        return
    for notice in noticing.news(application().store, user=user, jobs=awaited):
        st.toast(plain(f"{notice.subject}."), duration="long")
        state().awaited -= {notice.job_id}
