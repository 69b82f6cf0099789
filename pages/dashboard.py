"""Which model scored highest, how sure that is, and what it rests on."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import reporting
from mednerapp.ui import comparing_view as view
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter

user = guard.require(Permission.SEE_RESULTS)

enter("dashboard")
store, project = application().store, current_project()
st.title("Dashboard", anchor=False)
datasets = reporting.datasets(store, user=user, project_id=project.id)
if not datasets:
    view.nothing_frozen(user)
    st.stop()
dataset = datasets[0]
if len(datasets) > 1:
    dataset = st.selectbox("Dataset", datasets, format_func=lambda d: d.name, width=420)
found = reporting.compare(store, user=user, dataset_id=dataset.id)
view.missing(user, found)
if found.scores:
    view.best(user, found)
    view.all_models(user, project, found)
    view.labels(found, project.schema)
elif found.left_out:
    view.nothing_in_common(found)
view.curves(found)
view.published()
