from __future__ import annotations

from pathlib import Path

from support.makers import add_note, make_project, make_user

from mednerapp.bench.uploads import samples
from mednerapp.domain.accounts import Role
from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.services import importing, intake
from mednerapp.services.importing import Outcome
from mednerapp.services.intake import File, Options
from mednerapp.settings import Settings
from mednerapp.store import Store


def test_files_are_looked_at_and_imported_and_each_note_says_what_became_of_it(sqlite_store: Store) -> None:
    user, project = make_user(sqlite_store, Role.CLINICIAN), make_project(sqlite_store)
    add_note(sqlite_store, project, samples.FIRST)
    files = [
        File("table.xlsx", samples.excel()),
        File("../../x.txt", b"Rash."),
        File("scan.pdf", samples.pdf(None)),
        File("latin.txt", "Fièvre".encode("cp1252")),
        File("big.txt", b"a" * (6 * 2**20)),
    ]
    looked = intake.look_at_files(files, settings=Settings(), options={}, patient_key="P-17")
    uploads = [upload for file in looked for upload in file.uploads]
    assert [(u.name, u.note.patient_key if u.note else u.reason.partition(".")[0]) for u in uploads] == [
        ("1", "P1"),
        ("2", "P2"),
        ("x", "P-17"),  # the patient that was typed is for notes that name none
        ("scan.pdf", "Page 1 is a scan: a picture without a text layer"),
        ("latin.txt", "The file is not UTF-8"),
        ("big.txt", "The file has 6"),
    ]
    assert (looked[0].columns and looked[0].columns.roles["text"], looked[3].question is not None) == ("text", True)
    assert intake.already_here(sqlite_store, user=user, project_id=project.id, uploads=[*uploads, uploads[2]]) == {0, 6}
    results = importing.import_uploads(sqlite_store, user=user, project_id=project.id, uploads=uploads)
    assert [r.outcome for r in results] == [Outcome.DUPLICATE, *[Outcome.IMPORTED] * 2, *[Outcome.REJECTED] * 3]
    with sqlite_store.read() as tx:
        note = tx.notes.get(results[1].note_id or 0)
    assert (note.foreign_id, note.source) == ("2", "table.xlsx")
    answered = intake.look_at_files(files[3:4], settings=Settings(), options={"latin.txt": Options(encoding="cp1252")})
    assert [u.note and u.note.text for u in answered[0].uploads] == ["Fièvre"]


def test_files_on_this_machine_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(samples.noteevents(300))
    (tmp_path / "b.pdf").write_bytes(b"no pdf")
    (tmp_path / "c.docx").write_bytes(samples.docx())
    (tmp_path / "d.csv").write_bytes("text\nFièvre\n".encode("cp1252"))
    found = list(
        intake.read_files([tmp_path / f"{name}" for name in ("a.csv", "b.pdf", "c.docx", "d.csv")], options=Options())
    )
    notes = [item for item in found if isinstance(item, Document)]
    assert (len(notes), notes[0].title, notes[-1].title) == (301, "Report 1", "c")
    assert [(i.place, i.reason.partition(".")[0]) for i in found if isinstance(i, Unreadable)] == [
        ("b.pdf", "The file is no PDF"),
        ("d.csv", "The file is not UTF-8"),
    ]
