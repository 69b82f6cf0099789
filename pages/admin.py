"""People, projects, what everybody did, and erasing for good."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import accounts
from mednerapp.ui import admin_view as view
from mednerapp.ui import erasing_view, guard, projects_view
from mednerapp.ui.process import application
from mednerapp.ui.state import enter

user = guard.require(Permission.ADMINISTER)

enter("admin")
st.title("Administration", anchor=False)
people, all_projects, log, erase = st.tabs(["People", "Projects", "Audit log", "Erase"])
with people:
    found = accounts.list_users(application().store, by=user)
    view.table(found)
    left, right = st.columns(2, gap="large")
    with left:
        view.add(user)
    with right:
        view.change(user, found)
with all_projects:
    projects_view.listed(user)
    projects_view.add(user)
with log:
    view.audit_log(user)
with erase:
    erasing_view.part(user)
