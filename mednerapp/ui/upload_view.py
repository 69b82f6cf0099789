"""The parts of the upload page: what files hold, what has to be asked about them, what an import would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from mednerapp.services import intake
from mednerapp.services.importing import Upload
from mednerapp.services.intake import File, LookedFile, Options
from mednerapp.ui.process import application
from mednerapp.ui.words import plain, size

_LOOKED = "upload:looked"  # what was found in the files that are there, so that they are not read at every click
_NOT = "not in the table"
ROWS = 500  # of the preview


def forget() -> None:
    """What was found in files that are gone."""
    st.session_state.pop(_LOOKED, None)


def look(given: Sequence[Any], *, patient: str, batch: int) -> list[LookedFile]:
    """What is in the uploaded files, after what the person has said of them. `batch`: raised with each new uploader."""
    if not given:
        forget()
        return []
    answers = {f.name: Options() for f in given}
    found = _found(given, answers, patient)
    for place, file in enumerate(found):
        name = given[place].name
        if file.question:
            answers[name] = replace(answers[name], encoding=_ask_encoding(file, f"{batch}-{place}"))
    found = _found(given, answers, patient)
    for place, file in enumerate(found):
        if file.columns:
            name = given[place].name
            answers[name] = _ask_columns(file, answers[name], f"{batch}-{place}")
    return _found(given, answers, patient)


def _found(given: Sequence[Any], answers: dict[str, Options], patient: str) -> list[LookedFile]:
    """Each file is read once for what was said of it."""
    keys = [(f.file_id, repr(answers[f.name]), patient) for f in given]
    kept = {key: found for key, found in st.session_state.get(_LOOKED, {}).items() if key[0] in {k[0] for k in keys}}
    missing = [(key, f) for key, f in zip(keys, given, strict=True) if key not in kept]
    if missing:
        with st.spinner("Looking at the files"):
            files = [File(f.name, f.getvalue()) for _, f in missing]
            found = intake.look_at_files(files, settings=application().settings, options=answers, patient_key=patient)
        kept |= {key: looked for (key, _), looked in zip(missing, found, strict=True)}
    st.session_state[_LOOKED] = kept
    return [kept[key] for key in keys]


def _ask_encoding(file: LookedFile, key: str) -> str:
    """The same strange words in each encoding: the person sees which one is right."""
    previews = dict(file.question.previews) if file.question else {}
    st.warning(f"{plain(file.name)} is not UTF-8. In which encoding does this read as it should?")
    chosen = st.radio(
        "Encoding",
        list(previews),
        index=None,
        format_func=lambda name: f"{intake.ENCODINGS[name]}: “{plain(previews[name])}”",
        key=f"encoding-{key}",
        label_visibility="collapsed",
    )
    return chosen or ""


def _ask_columns(file: LookedFile, options: Options, key: str) -> Options:
    """Which column is what, beside the first rows."""
    columns = file.columns
    if columns is None:
        return options
    with st.expander(f"Columns of {plain(file.name)}", expanded=True):
        st.dataframe([dict(zip(columns.names, row, strict=True)) for row in columns.first], hide_index=True)
        chosen: dict[str, str] = {}
        with st.container(horizontal=True):
            for role, words in intake.ROLES.items():
                names = [_NOT, *columns.names]
                taken = columns.roles.get(role, _NOT)
                column = st.selectbox(words, names, index=names.index(taken), key=f"column-{key}-{role}", width=220)
                chosen[role] = "" if column == _NOT else column
        kinds = st.text_input(
            "Only these types of notes (optional)",
            placeholder="Discharge summary; Nursing",
            key=f"types-{key}",
            width=420,
            help="As they stand in the column of types, with semicolons between them.",
        )
    wanted = tuple(kind.strip() for kind in kinds.split(";") if kind.strip())
    if not wanted and chosen == {role: columns.roles.get(role, "") for role in intake.ROLES}:
        return options  # as it was read already
    return replace(options, columns=chosen, note_types=wanted or None)


def preview(files: Sequence[LookedFile], pasted: Upload | None, here: set[int]) -> None:
    """A row for each note, or for a file that holds none. `here`: places of uploads that are in the project already."""
    sized = [(upload, file.size if len(file.uploads) == 1 else None) for file in files for upload in file.uploads]
    if pasted:
        text = pasted.note.text if pasted.note else ""
        sized.append((pasted, len(text.encode(errors="replace"))))
    rows = [
        {
            "Name": upload.name,
            "Size": size(bytes_) if bytes_ is not None else "",
            "Patient": (upload.note.patient_key or "") if upload.note else "",
            "Type": upload.note.note_type if upload.note else "",
            "Begins with": upload.note.text.strip().splitlines()[0][:120] if upload.note else "",
            "Verdict": _verdict(upload, place in here),
        }
        for place, (upload, bytes_) in enumerate(sized[:ROWS])
    ]
    empty = [name for name in ("Patient", "Type") if not any(row[name] for row in rows)]
    st.dataframe([{k: v for k, v in row.items() if k not in empty} for row in rows], hide_index=True)
    if len(sized) > ROWS:
        st.caption(f"The first {ROWS} of {len(sized):,}.")


def _verdict(upload: Upload, here: bool) -> str:  # noqa: FBT001 - as in its caller
    if upload.note is None:
        return f"rejected: {upload.reason}"
    return "already here" if here else "can be imported"
