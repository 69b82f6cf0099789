"""What a button does: one verb of a service, then the page anew, or the reason why it cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mednerapp.errors import MedNerError
from mednerapp.ui.words import plain


def act(verb: Callable[[], object]) -> None:
    """Do what a button says and draw the page anew, or say why it cannot be done."""
    try:
        verb()
    except MedNerError as error:
        st.warning(plain(str(error)))
    else:
        st.rerun(scope="app")


def act_and_go_on(verb: Callable[[], object], *, said: str) -> None:
    """Do what a key says and draw the page anew; why it cannot be done is then under `said` in the session state."""
    try:
        verb()
    except MedNerError as error:
        st.session_state[said] = plain(str(error))
    st.rerun()
