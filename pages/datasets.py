"""What is in each frozen dataset, and whether anything is wrong with it."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import reporting
from mednerapp.ui import datasets_view as view
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.TRAIN)

enter("datasets")
project = current_project()
st.title("Datasets", anchor=False)
found = reporting.datasets(application().store, user=user, project_id=project.id)
if found:
    view.sheet(user, st.selectbox("Dataset", found, format_func=lambda d: d.name, width=420))
else:
    view.nothing_yet()
view.bring_in(user, project)
