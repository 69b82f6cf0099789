"""The paper's experiment: encoders x seeds on one dataset, its table and its figure beside the published ones."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import experimenting
from mednerapp.ui import experiment_view as view
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.TRAIN)

enter("compare")
project = current_project()
st.title("Compare", anchor=False)
st.write(
    "An experiment trains several encoders in the same way with several seeds on one frozen dataset, and scores all of "
    "them on the same test notes, as the paper did in its Table 1 and Figure 2."
)
found = experimenting.experiments(application().store, user=user, project_id=project.id)
if not found:
    view.nothing_yet(project)
view.start(project, first=not found)
if found:
    view.shown(user, view.choose(found))
