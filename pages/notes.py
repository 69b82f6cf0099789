"""All notes of the project, where each of them stands, and how they are handed out."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.services import binning, queueing
from mednerapp.ui import (
    export_view,
    guard,
    guideline_view,
    labels_view,
    menu,
    notes_view,
    queue_settings_view,
    remarks_view,
)
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter
from mednerapp.ui.words import plain

user = guard.require(Permission.ANNOTATE)

if enter("notes"):
    notes_view.arrive()
store, project = application().store, current_project()
notes, submitted = queueing.counts(store, user=user, project_id=project.id)
deleted = binning.contents(store, user=user, project_id=project.id) if user.may(Permission.DELETE) else []
st.title("Notes", anchor=False)
parts = ["List", "Remarks"]
parts += ["Queue", "Labels", "Guideline"] if user.may(Permission.TRAIN) else []
parts += ["Export"] if user.may(Permission.EXPORT) else []
parts += ["Bin"] if user.may(Permission.DELETE) else []
part = st.segmented_control("Part", parts, default="List", label_visibility="collapsed", required=True)
if part == "Remarks":
    remarks_view.listed(user, project)
elif part == "Queue":
    queue_settings_view.settings(user, project)
    queue_settings_view.effect(user, project)
elif part == "Labels":
    labels_view.labels(user, project, notes=notes, submitted=submitted)
elif part == "Guideline":
    guideline_view.edit(user, project)
elif part == "Export":
    export_view.export(user, project)
elif part == "Bin":
    notes_view.bin_(user, project)
elif not notes:
    st.info(f"{plain(project.name)} has no notes yet." + (" Deleted ones are in the bin." if deleted else ""))
    if user.may(Permission.IMPORT):
        menu.next_step("upload", "Upload notes")
else:
    notes_view.figures(user, project)
    notes_view.listed(user, project, notes_view.ask(user, project))
