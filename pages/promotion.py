"""Which model highlights the notes: compare a challenger with it, promote it, roll back."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import promoting
from mednerapp.ui import guard
from mednerapp.ui import promotion_view as view
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.TRAIN)

enter("promotion")
project = current_project()
st.title("Model in use", anchor=False)
found = promoting.board(application().store, user=user, project_id=project.id)
view.champion(user, project, found)
view.challenge(user, project, found)
view.rule(user, project)
view.history(found)
