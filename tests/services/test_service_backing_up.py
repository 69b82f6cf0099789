"""A backup is whole, whatever goes on while it is made, and can take the data folder's place."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.makers import add_note, create, make_project, make_user
from typer.testing import CliRunner

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.cli.main import app as command_line
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, MedNerError, PermissionDenied
from mednerapp.services import accounts, annotating, backing_up, doctor
from mednerapp.settings import Settings

TEXT = "Fever since Monday. Cough since Tuesday. " * 50


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MEDNER_{name.upper()}", raising=False)
    monkeypatch.setenv("MEDNER_DATA_DIR", str(tmp_path / "data"))
    settings = Settings()
    bootstrap.prepare(settings)
    app = bootstrap.build(settings)
    yield app
    app.close()


def admin_of(opened: App) -> User:
    return next(user for user in accounts.list_users(opened.store, by=None) if user.role is Role.ADMIN)


def command(*arguments: str) -> str:
    result = CliRunner().invoke(command_line, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_backup_made_while_somebody_works_is_one_state_and_takes_the_place_of_the_data_folder(
    opened: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened.store
    user = make_user(store, Role.ANNOTATOR)
    note_id = add_note(store, make_project(store), TEXT)
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    over, acknowledged = threading.Event(), []

    def work() -> None:
        revision = annotation.revision
        for seq in range(1, 2000):
            edit = create(seq, f"s{seq}", Span(seq % 2000, seq % 2000 + 5, "Symptom"))
            saved = annotating.save_edits(
                store, user=user, annotation_id=annotation.id, client="tab", base_revision=revision, edits=[edit]
            )
            revision = saved.revision
            acknowledged.append(saved.ack)
            if over.is_set():
                return

    worker = threading.Thread(target=work)
    worker.start()
    while len(acknowledged) < 20 and worker.is_alive():
        over.wait(0.01)
    before = acknowledged[-1]
    told = json.loads(command("backup", str(tmp_path / "copy"), "--json"))
    after = acknowledged[-1]
    over.set()
    worker.join()

    assert after > before >= 20  # nobody had to wait
    assert all(check["ok"] for check in told["checks"])
    assert {path.name for path in tmp_path.iterdir()} == {"data", "copy"}
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "copy").rename(tmp_path / "data")
    again = bootstrap.build(Settings())
    current = annotating.current(again.store, user=user, annotation_id=annotation.id)
    assert before <= len(current.spans) <= after + 1
    assert {span.id for span in current.spans} == {f"s{seq}" for seq in range(1, len(current.spans) + 1)}
    assert all(check.ok for check in doctor.examine_data(again.store, settings=again.settings))
    again.close()


def test_the_audit_log_names_who_made_it(opened: App, tmp_path: Path) -> None:
    command("backup", str(tmp_path / "copy"))
    with opened.store.read() as tx:
        (who,) = [email for event, email in tx.audit.recent() if event.action == "backup begun"]
    assert who == admin_of(opened).email


def test_a_folder_that_is_no_installation_is_not_made_one(
    opened: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDNER_DATA_DIR", str(tmp_path / "dtaa"))
    result = CliRunner().invoke(command_line, ["backup", str(tmp_path / "copy")])
    assert "There is no database" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_full_disk_leaves_nothing(opened: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    result = CliRunner().invoke(command_line, ["backup", str(tmp_path / "copy")])
    assert isinstance(result.exception, MedNerError)
    assert "No space left on device" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_copy_that_is_not_whole_is_told_and_taken_away(opened: App, tmp_path: Path) -> None:
    (weights,) = opened.settings.model_dir.rglob("model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    result = CliRunner().invoke(command_line, ["backup", str(tmp_path / "copy")])
    assert isinstance(result.exception, MedNerError)
    assert "The copy is not whole" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_backup_goes_over_nothing_and_only_an_administrator_makes_one(opened: App, tmp_path: Path) -> None:
    def copy(out: Path, *, user: User | None = None, **changed: str) -> None:
        settings = opened.settings.model_copy(update=changed)
        with backing_up.copied(opened.store, user=user or admin_of(opened), settings=settings, out=out):
            pass

    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidValue, match="is there already"):
        copy(tmp_path / "there")
    with pytest.raises(InvalidValue, match="inside the data folder"):
        copy(opened.settings.model_dir / "copy")
    with pytest.raises(InvalidValue, match="Is its disk mounted"):
        copy(tmp_path / "nowhere" / "copy")
    with pytest.raises(PermissionDenied):
        copy(tmp_path / "copy", user=make_user(opened.store, Role.LEAD))
    with pytest.raises(MedNerError, match="pg_dump"):
        copy(tmp_path / "copy", database_url="postgresql+psycopg://somewhere/medner")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "there"}
