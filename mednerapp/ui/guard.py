"""The first statement of every page: who is here, and may they be."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.services import accounts
from mednerapp.ui import redirect
from mednerapp.ui.process import application


def require(permission: Permission) -> User:
    """The person in front of the page, who acts by every run of it; otherwise the run ends here.

    The websocket outlives the cookie, so the session is looked up on every run. Fragments run without their page and
    begin with `still_here`.
    """
    user = current_user()
    if user is None:
        st.info("You are signed out.")
        redirect.to_sign_in()
        st.stop()
    if not user.may(permission):
        st.title("Not for your role")
        st.info(f"The role {user.role.value} may not {permission.value}. An administrator can change your role.")
        st.stop()
    return user


def still_here() -> User:
    """The first statement of every fragment: the person of the page, without keeping the session alive by it."""
    user = current_user(acts=False)
    if user is None:
        st.stop()
    return user


def current_user(*, acts: bool = True) -> User | None:
    """Who the session of this browser tab belongs to, None when it is over. `acts`: whether this keeps it alive."""
    app = application()
    session = st.user.to_dict().get("session")
    if not isinstance(session, str):
        return None
    return accounts.user_of_session(app.store, session=session, settings=app.settings, acts=acts)
