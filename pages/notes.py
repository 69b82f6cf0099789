"""All notes of the project, and where each of them stands."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.domain.notes import NoteStatus
from mednerapp.services import predicting, projects
from mednerapp.ui import guard, menu
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter
from mednerapp.ui.words import local_time, plain

user = guard.require(Permission.ANNOTATE)

LIMIT = 500
HEIGHT = 600  # pixels
STATUS = {NoteStatus.NEW: "New", NoteStatus.IN_PROGRESS: "In progress", NoteStatus.SUBMITTED: "Submitted"}

enter("notes")
store, project = application().store, current_project()
done = projects.progress(store, user=user, project_id=project.id)
st.title("Notes", anchor=False)
if not done.notes:
    st.info(f"{plain(project.name)} has no notes yet.")
    if user.may(Permission.IMPORT):
        menu.next_step("upload", "Upload notes")
    st.stop()
with st.container(horizontal=True, gap="large"):
    st.metric("Notes", done.notes, width="content")
    st.metric("Highlighted", done.predicted, width="content")
    st.metric("Submitted", done.submitted, width="content")

with st.container(horizontal=True, vertical_alignment="bottom"):
    search = st.text_input("Search in titles", placeholder="part of a title", max_chars=200)
    status = st.segmented_control("Your status", list(STATUS), format_func=STATUS.__getitem__)
    if user.may(Permission.EXPORT):
        st.link_button(
            "Export submitted notes",
            f"/api/projects/{project.id}/export.jsonl",
            help="JSON lines with text and spans. It holds patient text: the download is recorded in the audit log.",
        )
found = projects.notes(store, user=user, project_id=project.id, status=status, search=search.strip(), limit=LIMIT + 1)
if not found:
    st.info("No note fits.")
    st.stop()
not_yet = "waiting" if predicting.waiting(store, user=user, project_id=project.id) else "no"
rows = [
    {
        "Title": note.title,
        "Type": note.note_type,
        "Your status": STATUS[note.status],
        "Highlighted": "yes" if note.has_prediction else not_yet,
        "Characters": note.length,
        "Imported": local_time(note.created_at).date(),
    }
    for note in found[:LIMIT]
]
st.caption(
    "Click a row to open the note."
    + (f" These are the first {LIMIT}; search to narrow them down." if len(found) > LIMIT else "")
)
event = st.dataframe(
    rows,
    hide_index=True,
    on_select="rerun",
    selection_mode="single-cell",
    column_config={"Title": st.column_config.TextColumn(width="large")},
    height=min(38 + 35 * len(rows), HEIGHT),
    key="notes",
)
if event.selection.cells:
    chosen = found[event.selection.cells[0][0]]
    menu.go("annotate", query={"note": str(chosen.id)})
