"""The parts of the administration page."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

import streamlit as st

from mednerapp.domain.accounts import PERMISSIONS, Role, User
from mednerapp.errors import MedNerError
from mednerapp.services import accounts
from mednerapp.services.accounts import MIN_PASSWORD
from mednerapp.ui.process import application
from mednerapp.ui.words import local_time, plain

EVENTS = 300


def table(found: Sequence[User]) -> None:
    st.dataframe(
        [
            {
                "Name": person.name,
                "E-mail": person.email,
                "Role": person.role.value,
                "May": ", ".join(sorted(p.value for p in PERMISSIONS[person.role])),
                "Access": "disabled" if person.disabled else "active",
            }
            for person in found
        ],
        hide_index=True,
    )


def add(user: User) -> None:
    st.subheader("Add a person", anchor=False)
    with st.form("add", enter_to_submit=False):
        name = st.text_input("Name", max_chars=200)
        email = st.text_input("E-mail", max_chars=254, autocomplete="off")
        role = st.selectbox("Role", list(Role), format_func=lambda r: r.value, index=1)
        password = st.text_input(
            "Password", type="password", autocomplete="new-password",
            help=f"At least {MIN_PASSWORD} characters. Leave it empty to have one made.",
        )  # fmt: skip
        pressed = st.form_submit_button("Add", type="primary")
    if pressed:
        given = password or _made()
        try:
            person = accounts.create_user(
                application().store, by=user, email=email, name=name, role=role, password=given
            )
        except MedNerError as error:
            st.warning(str(error))
        else:
            _tell(f"{person.email} may sign in.", None if password else given)


def change(user: User, found: Sequence[User]) -> None:
    st.subheader("Change a person", anchor=False)
    person = st.selectbox("Person", found, format_func=lambda p: f"{p.name} ({p.email})")
    with st.form(f"change-{person.id}"):
        role = st.selectbox("Role", list(Role), format_func=lambda r: r.value, index=list(Role).index(person.role))
        disabled = st.toggle("Disabled: may not sign in", value=person.disabled)
        reset = st.toggle("Make a new password")
        pressed = st.form_submit_button("Change", type="primary")
    st.caption("A change ends the person's sessions.")
    if pressed:
        password = _made() if reset else None
        try:
            accounts.change_user(
                application().store, by=user, user_id=person.id,
                role=role if role is not person.role else None,
                disabled=disabled if disabled != person.disabled else None,
                password=password,
            )  # fmt: skip
        except MedNerError as error:
            st.warning(str(error))
        else:
            _tell(f"{person.email} was changed.", password)


def _made() -> str:
    return secrets.token_urlsafe(12)


def _tell(text: str, password: str | None) -> None:
    """Kept until the next action, since a made password is shown once."""
    st.success(plain(text))
    if password:
        st.markdown("Password, shown only now:")
        st.code(password, language=None)


def audit_log(user: User) -> None:
    st.caption(f"The newest {EVENTS} events. They hold ids and counts, never text of notes.")
    st.dataframe(
        [
            {
                "When": local_time(event.at),
                "Who": email or "MedNER",
                "Did": event.action,
                "To": event.target,
                "Detail": json.dumps(event.detail, ensure_ascii=False) if event.detail else "",
            }
            for event, email in accounts.audit_log(application().store, by=user, limit=EVENTS)
        ],
        hide_index=True,
        height=560,
    )
