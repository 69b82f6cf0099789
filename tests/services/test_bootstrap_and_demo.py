from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import replay
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind
from mednerapp.errors import MedNerError
from mednerapp.services import accounts, demo, doctor, projects
from mednerapp.settings import Settings, environment


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MEDNER_{name.upper()}", raising=False)
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def prepared_demo(settings: Settings) -> Iterator[App]:
    settings = settings.model_copy(update={"demo": True})
    assert bootstrap.prepare(settings).first_admin is None
    app = bootstrap.build(settings)
    yield app
    app.close()


def test_a_first_start_makes_a_private_folder_an_administrator_and_a_project(settings: Settings) -> None:
    first = bootstrap.prepare(settings).first_admin
    assert first
    assert bootstrap.prepare(settings).first_admin is None  # shown once
    assert settings.data_dir.stat().st_mode & 0o077 == 0
    app = bootstrap.build(settings)
    signed = accounts.sign_in(app.store, email=first[0], password=first[1], settings=settings)
    assert signed.user.role is Role.ADMIN
    (project,) = projects.all_projects(app.store)
    with app.store.read() as tx:
        (starter,) = tx.models.adapters(project.id)
    assert project.active_adapter_id == starter.id
    assert set(starter.labels) == set(project.schema.names)
    app.close()


def test_nothing_opens_before_the_database_is_migrated(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with pytest.raises(MedNerError, match="mednerapp migrate"):
        bootstrap.build(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "medner.example.org"])  # noqa: S104 - refused here
def test_the_demo_never_listens_where_others_can_reach_it(settings: Settings, host: str) -> None:
    with pytest.raises(MedNerError, match="loopback"):
        bootstrap.prepare(settings.model_copy(update={"demo": True, "host": host}))
    assert not settings.data_dir.exists()


def test_the_demo_project_has_gold_to_see_and_notes_to_do(prepared_demo: App) -> None:
    store = prepared_demo.store
    (project,) = projects.all_projects(store)
    with store.read() as tx:
        progress = tx.notes.progress(project.id)
        (dataset,) = tx.datasets.all(project.id)
        jobs = {job.kind for job in tx.jobs.open()}
        annotations = [tx.annotations.get(i) for i in tx.annotations.ids()]
        logs = [tx.annotations.events(i) for i in tx.annotations.ids()]
    assert progress.notes == len(demo.read_notes(prepared_demo.settings.demo_notes_dir))
    assert 0 < progress.submitted == sum(dataset.notes.values()) < progress.notes
    assert min(dataset.notes[Split.TRAIN], dataset.notes[Split.TEST]) >= 3
    assert jobs == {JobKind.PREDICT, JobKind.EVALUATE}
    assert project.guideline.startswith("#")
    for annotation, log in zip(annotations, logs, strict=True):
        assert replay(log) == {span.id: span for span in annotation.spans}


def test_the_demo_is_made_once(prepared_demo: App) -> None:
    bootstrap.prepare(prepared_demo.settings)
    with prepared_demo.store.read() as tx:
        assert len(tx.projects.all()) == 1
        assert tx.users.count() == len(Role)


def test_the_doctor_finds_an_event_log_that_somebody_changed(prepared_demo: App) -> None:
    def look() -> doctor.Check:
        return _examined(prepared_demo, "event logs are intact")

    assert look().ok
    with prepared_demo.database.writer.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM annotation_event WHERE annotation_id = 1 AND revision = "
            "(SELECT max(revision) FROM annotation_event WHERE annotation_id = 1)"
        )
    assert not look().ok
    assert "Annotation 1" in look().detail


def _examined(app: App, name: str, *, has_bf16: bool | None = False, **settings: str) -> doctor.Check:
    changed = app.settings.model_copy(update=settings)
    checks = doctor.examine(app.store, settings=changed, has_bf16=lambda: has_bf16)
    return next(check for check in checks if check.name == name)


def test_the_doctor_says_what_arithmetic_this_cpu_is_good_for(prepared_demo: App) -> None:
    def look(precision: str, *, has_bf16: bool | None) -> doctor.Check:
        return _examined(prepared_demo, "precision suits this machine", has_bf16=has_bf16, precision=precision)

    assert look("fp32", has_bf16=False).detail == "fp32"
    assert "MEDNER_PRECISION=bf16" in look("fp32", has_bf16=True).detail
    assert look("bf16", has_bf16=True).detail == "bf16"
    refused = look("bf16", has_bf16=False)
    assert not refused.ok
    assert "Set MEDNER_PRECISION to fp32, or to int8." in refused.detail
    assert look("bf16", has_bf16=None).ok


def test_settings_survive_the_way_to_a_child_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = settings.model_copy(update={"port": 1234, "demo": True, "idle_minutes": 0.5})
    for name, value in environment(given).items():
        if name.startswith("MEDNER_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert Settings() == given


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)],
)
def test_loopback_is_what_only_this_machine_reaches(settings: Settings, host: str, loopback: bool) -> None:  # noqa: FBT001
    assert settings.model_copy(update={"host": host}).is_loopback is loopback
