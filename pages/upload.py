"""Bring notes in: look at them first, then import."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.domain.notes import MAX_NOTE_CHARACTERS
from mednerapp.services import importing, intake
from mednerapp.services.importing import MAX_PATIENT, Outcome
from mednerapp.ui import guard, menu, upload_view
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, enter, state
from mednerapp.ui.words import count, plain

user = guard.require(Permission.IMPORT)

VERDICT = {o: o.value for o in Outcome} | {Outcome.DUPLICATE: "already here", Outcome.HELD: "held for review"}

if enter("upload"):
    state().results = []
    upload_view.forget()
app, project = application(), current_project()
st.title("Upload notes", anchor=False)
st.write(
    f"Notes go into **{plain(project.name)}** and stay on this server. Each is highlighted by the model in use as "
    "soon as it is imported."
)
patient = st.text_input(
    "Patient (optional)",
    max_chars=MAX_PATIENT,
    autocomplete="off",
    width=420,
    help="An identifier that the notes of one patient share. Notes of one patient always fall in the same split: "
    "train, dev or test. Leave it empty when the notes below are of different patients or it is unknown.",
    key=f"patient-{state().uploader}",
)
by_file, by_hand = st.tabs(["Files", "Paste text"])
with by_file:
    files = st.file_uploader(
        "Notes (text, Word, PDF, RTF, HTML), tables (CSV, Excel, Parquet, JSON lines), HL7, FHIR, CDA, or .zip",
        type=list(intake.ENDINGS),
        accept_multiple_files=True,
        max_upload_size=app.settings.max_upload_mb,
        key=f"files-{state().uploader}",
    )
    looked = upload_view.look(files, patient=patient, batch=state().uploader)
with by_hand:
    title = st.text_input("Title", max_chars=200, key=f"title-{state().uploader}")
    text = st.text_area("Text", height=240, max_chars=MAX_NOTE_CHARACTERS, key=f"text-{state().uploader}")
    st.caption("Leave the field (Tab or a click elsewhere) to see the preview below.")

pasted = importing.look_at_text(text=text, title=title, patient_key=patient) if text.strip() else None
uploads = [upload for file in looked for upload in file.uploads] + ([pasted] if pasted else [])
good = sum(upload.note is not None for upload in uploads)

if uploads:
    st.subheader("Preview", anchor=False)
    here = intake.already_here(app.store, user=user, project_id=project.id, uploads=uploads)
    upload_view.preview(looked, pasted, here)
    if here:
        st.info(f"{count(len(here), 'note')} of these {'is' if len(here) == 1 else 'are'} here already and stay as is.")
    if good < len(uploads):
        what = "file" if all(len(file.uploads) == 1 for file in looked) else "note"
        st.warning(f"{count(len(uploads) - good, what)} cannot be imported; the table says why.")
    if st.button(f"Import {count(good, 'note')}", type="primary", disabled=not good):
        bar = st.progress(0.0, text="Importing")

        def show_progress(done: int) -> None:
            bar.progress(done / len(uploads), text=f"{done} of {len(uploads)}")

        state().results = importing.import_uploads(
            app.store, user=user, project_id=project.id, uploads=uploads, on_progress=show_progress
        )
        state().uploader += 1
        st.rerun()

if state().results:
    results = state().results
    tally = {outcome: sum(r.outcome is outcome for r in results) for outcome in Outcome}
    st.subheader("Last import", anchor=False)
    said = ", ".join(f"{number} {VERDICT[outcome]}" for outcome, number in tally.items() if number)
    show = st.success if tally[Outcome.IMPORTED] + tally[Outcome.RESTORED] else st.warning
    show(f"{count(len(results), 'note')}: {said}.")
    st.dataframe([{"Name": r.name, "Result": VERDICT[r.outcome], "Why": r.reason} for r in results], hide_index=True)
    first = next((r.note_id for r in results if r.note_id and r.outcome is not Outcome.REJECTED), None)
    if first:
        menu.next_step("annotate", "Check the highlights", query={"note": str(first)})
