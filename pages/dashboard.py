"""Which model is best and is that certain, where it fails, would more notes help, is it drifting."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import dashboards
from mednerapp.ui import dashboard_view as view
from mednerapp.ui import failures_view, guard, learning_view
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter, state

user = guard.require(Permission.SEE_RESULTS)

if enter("dashboard"):
    state().behind = None
store, project = application().store, current_project()
datasets = dashboards.datasets(store, user=user, project_id=project.id)
st.title("Dashboard", anchor=False)
if not datasets:
    view.nothing_frozen(user)
    st.stop()
names, number = dict(datasets), datasets[0][0]
if len(datasets) > 1:
    number = st.selectbox("Dataset", list(names), format_func=names.__getitem__, width=420)
with st.spinner("Reading the scores", show_time=False):
    board = dashboards.board(store, user=user, dataset_id=number)
view.missing(user, board)
if not board.models:
    if board.left_out:
        view.nothing_in_common(board)
    learning_view.training(user, board, quiet=True)
    learning_view.published()
    st.stop()
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    part = st.segmented_control(
        "Part",
        ["Overview", "Where it fails", "More notes and drift", "Training"],
        default="Overview",
        label_visibility="collapsed",
        required=True,
    )
    view.downloads(board, board.models[0])
if part == "Overview":
    best = dashboards.summary(store, user=user, evaluation_id=board.models[0].evaluation_id)
    view.headline(user, board, best)
    view.models(user, board)
    view.pair(user, board)
elif part == "Training":
    learning_view.training(user, board)
    learning_view.published()
else:
    model = st.selectbox("Model", board.models, format_func=lambda m: m.name, width=420)
    summary = dashboards.summary(store, user=user, evaluation_id=model.evaluation_id)
    if part == "Where it fails":
        failures_view.shown(user, model, summary, project.schema, board.labels)
    else:
        learning_view.learning(user, board)
        learning_view.drifting(user, board, model, summary, project.schema)
