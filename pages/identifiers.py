"""What the project does about identifiers, and the notes that wait for a person to look at theirs."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import holding, identifiers
from mednerapp.ui import guard
from mednerapp.ui import identifiers_view as view
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.SEE_IDENTIFIERS)

if enter("identifiers"):
    view.arrive()
store, project = application().store, current_project()
st.title("Identifiers", anchor=False)
held = view.chosen(user)
if held:
    view.review(user, held)
else:
    view.explain()
    left, right = st.columns([1, 1], gap="large")
    with left:
        view.policy(user, project)
    with right:
        view.standing(user, project, identifiers.standing(store, user=user, project_id=project.id))
    view.waiting(holding.waiting(store, user=user, project_id=project.id))
    view.stopped(user, project)
