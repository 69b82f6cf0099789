"""Installing encoders from a hub, from folders and as jobs; what is shown of them; taking them away again."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_hub import FakeHub, fake_hub
from support.makers import HYPER, make_dataset, make_project, make_user

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.domain.models import AdapterKind, Encoder
from mednerapp.errors import InvalidValue, ModelProblem, NotFound
from mednerapp.jobs import encoder_jobs
from mednerapp.jobs.context import JobCancelled, JobContext
from mednerapp.jobs.handlers import handlers
from mednerapp.ner import installing
from mednerapp.ner.encoders import ENCODERS, EncoderRecord, read_record
from mednerapp.services import encoders, fine_tuning, projects
from mednerapp.services.experiment_reports import published_for
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction
from tests.tiny_models import make_hub_cache, make_published_folder

BERT, BLUE, BIO = ENCODERS["BERT"], ENCODERS["BlueBERT"], ENCODERS["BioBERT"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published_folder(tmp_path_factory.mktemp("published") / "bert", BERT, weights="safetensors")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: Path) -> Iterator[FakeHub]:
    """Has the BERT of the table, with files that nobody needs beside it; this machine's own cache is empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(published, tmp_path / "hub"))
    for name in ("modeling_evil.py", "tf_model.h5", "pytorch_model.bin", "README.md"):
        (folder / name).write_bytes(b"x" * 100)
    with fake_hub(monkeypatch) as running:
        running.repositories[BERT.hub_id] = (BERT.revision, folder)
        yield running


@pytest.fixture
def admin(sqlite_store: Store) -> User:
    return make_user(sqlite_store, Role.ADMIN)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def claimed(store: Store, job: Job) -> Job:
    with store.write() as tx:
        tx.workers.register("w", device="cpu")
        found = tx.jobs.claim(job.id, worker="w", attempt=1)
    assert found
    return found


def work(store: Store, settings: Settings, job: Job) -> str:
    """As the worker does it, up to the end of the job."""
    held = claimed(store, job)
    context = JobContext(held, store, settings, "w", "cpu")
    try:
        message = handlers()[held.kind](context)
        context.flush()
    except ModelProblem as problem:
        with store.write() as tx:
            tx.jobs.finish(held.id, worker="w", attempt=1, state=JobState.FAILED, message=str(problem))
        raise
    with store.write() as tx:
        tx.jobs.finish(held.id, worker="w", attempt=1, state=JobState.SUCCEEDED, message=message)
    return message


def install(store: Store, settings: Settings, folder: Path, name: str = "BERT") -> Encoder:
    return encoders.install(
        store,
        by=None,
        name=name,
        model_dir=settings.model_dir,
        installer=lambda target: installing.add(folder, name=name, target=target),
    )


def installed(settings: Settings) -> list[str]:
    folder = settings.model_dir / "encoders"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# --- from the hub -----------------------------------------------------------------------------------------------------


def test_a_download_takes_the_pinned_commit_and_only_what_an_encoder_needs(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub
) -> None:
    job = encoders.request_pull(sqlite_store, user=admin, source="BERT")
    assert job.args == {"hub_id": BERT.hub_id, "revision": BERT.revision}
    assert "is installed" in work(sqlite_store, settings, job)

    got = {line.removeprefix("GET ") for line in hub.asked if line.startswith("GET ")}
    assert got == {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    record = read_record(settings.model_dir / "encoders" / "bert")
    assert (record.source, record.revision, record.how) == (BERT.hub_id, BERT.revision, "hub")
    assert list((settings.model_dir / "downloads").iterdir()) == []
    (view, *_) = encoders.catalogue(sqlite_store, user=admin)
    assert view.encoder
    assert (view.encoder.weights_hash, view.encoder.revision) == (record.weights_hash, BERT.revision)
    assert view.encoder.size_bytes > 10_000
    assert view.encoder.verified_at
    assert view.job is None
    with sqlite_store.read() as tx:
        assert [event.action for event, _ in tx.audit.recent()] == ["encoder installed", "pull requested"]
        assert tx.jobs.get(job.id).total > 0


def test_a_branch_is_pinned_to_the_commit_that_it_is_now(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, published: Path
) -> None:
    hub.repositories["somebody/their-bert"] = ("5" * 40, published)
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="somebody/their-bert"))
    encoder = encoders.find(sqlite_store, "THEIR-bert")
    assert (encoder.source, encoder.revision, encoder.licence) == ("somebody/their-bert", "5" * 40, "not stated")


def test_nothing_that_says_who_asks_goes_out(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ofSomebody")
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    assert "GET model.safetensors" in hub.asked
    assert hub.tokens == []


def test_an_encoder_of_somebody_else_does_not_go_by_a_name_of_the_table(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, published: Path, tmp_path: Path
) -> None:
    """It would have the row's licence and, in a comparison, the paper's figures beside it."""
    theirs = "someorg/ClinicalBERT"
    hub.repositories[theirs] = ("5" * 40, published)
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source=theirs))
    encoder = encoders.find(sqlite_store, theirs)
    assert (encoder.source, encoder.licence) == (theirs, "not stated")
    assert published_for(encoder) is None
    views = {view.name: view.encoder for view in encoders.catalogue(sqlite_store, user=admin)}
    assert (views["ClinicalBERT"], views[theirs]) == (None, encoder)

    hub.asked.clear()
    for name in ("BioBERT", "biobert", BIO.hub_id):
        with pytest.raises(ModelProblem, match=f"'BioBERT' is the name of {BIO.hub_id} here.*--name NAME"):
            installing.pull(theirs, "main", name=name, target=tmp_path / "it", downloads=tmp_path / "downloads")
    assert hub.asked == []
    snapshot = shutil.copytree(published, tmp_path / "models--someorg--ClinicalBERT" / "snapshots" / ("5" * 40))
    with pytest.raises(ModelProblem, match="is another encoder"):
        installing.add(snapshot, name="BioBERT", target=tmp_path / "it")


REFUSALS = {
    "gated": r"accepted its terms.*Files and versions.*mednerapp models add FOLDER",
    "no such repository": r"There is no 'google-bert/bert-base-cased' on the hub",
    "cut off": "could not be reached|cut off",
    "changed on its way": r"model\.safetensors of .* another SHA-256 than the hub lists",
    "a commit that is none": r"answered '\.\./\.\./\.\./elsewhere' for the commit.*HF_ENDPOINT",
    "no weights": r"no model\.safetensors and no pytorch_model\.bin on the hub",
    "unreachable": r"The hub could not be reached.*mednerapp models add FOLDER",
}


def spoil(hub: FakeHub, what: str) -> None:
    folder = hub.repositories[BERT.hub_id][1]
    if what == "gated":
        hub.gated.add(BERT.hub_id)
    elif what == "no such repository":
        del hub.repositories[BERT.hub_id]
    elif what == "cut off":
        hub.short.add("model.safetensors")
    elif what == "changed on its way":
        hub.changed.add("model.safetensors")
    elif what == "a commit that is none":
        hub.repositories[BERT.hub_id] = ("../../../elsewhere", folder)
    elif what == "no weights":
        (folder / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").unlink()
    else:
        hub.port = 1  # nobody listens there


@pytest.mark.parametrize("what", REFUSALS)
def test_a_download_that_cannot_be_says_why_and_leaves_nothing_installed(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    spoil(hub, what)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between two tries
    if what == "unreachable":
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    with pytest.raises(ModelProblem, match=REFUSALS[what]):
        work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT", revision="main"))
    assert installed(settings) == []
    (view, *_) = encoders.catalogue(sqlite_store, user=admin)
    assert view.encoder is None
    assert view.job
    assert view.job.state is JobState.FAILED


def test_a_revision_that_is_not_there_is_named(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub
) -> None:
    job = encoders.request_pull(sqlite_store, user=admin, source="BERT", revision="9" * 40)
    with pytest.raises(ModelProblem, match=f"no revision '{'9' * 40}'"):
        work(sqlite_store, settings, job)


def test_a_disk_that_is_too_small_is_seen_before_the_download(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
    with pytest.raises(ModelProblem, match="The disk has 0 MB left"):
        work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    assert hub.asked == []


def test_a_cancelled_download_stops_and_installs_nothing(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub
) -> None:
    job = claimed(sqlite_store, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    encoders.cancel(sqlite_store, user=admin, job_id=job.id)
    with pytest.raises(JobCancelled):
        encoder_jobs.pull(JobContext(job, sqlite_store, settings, "w", "cpu"))
    assert installed(settings) == []
    assert "GET model.safetensors" not in hub.asked


def test_a_download_stops_in_the_middle_of_a_file(settings: Settings, hub: FakeHub, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(_done: int, _total: int, _unit: str, message: str) -> None:
        if message == "Downloading model.safetensors":
            raise StoppedError

    target = tmp_path / "encoders" / "bert"
    with pytest.raises(StoppedError):
        installing.pull(
            BERT.hub_id, "main", name="BERT", target=target, downloads=tmp_path / "downloads", on_progress=stop
        )
    assert not target.exists()
    done = installing.pull(BERT.hub_id, "main", name="BERT", target=target, downloads=tmp_path / "downloads")
    assert done.revision == BERT.revision


def test_what_the_cache_holds_needs_no_connection(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, tmp_path: Path
) -> None:
    make_hub_cache(tmp_path / "cache", BLUE)
    hub.port = 1
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BlueBERT"))
    assert hub.asked == []
    assert (tmp_path / "cache").is_dir()
    assert read_record(settings.model_dir / "encoders" / "bluebert").how == "cache"


def test_a_cache_that_lacks_a_part_of_the_weights_is_not_enough(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, tmp_path: Path
) -> None:
    """A download by another program that broke off between two parts."""
    snapshot = make_hub_cache(tmp_path / "cache", BERT)
    (snapshot / "model.safetensors").rename(snapshot / "model-00001-of-00002.safetensors")
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    assert read_record(settings.model_dir / "encoders" / "bert").how == "hub"


def test_a_cache_with_damaged_weights_is_named(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub, tmp_path: Path
) -> None:
    weights = make_hub_cache(tmp_path / "cache", BERT) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    repository = "models--google-bert--bert-base-cased"
    with pytest.raises(ModelProblem, match=f"cut off or damaged.*remove '{repository}' from '{tmp_path}/cache'"):
        work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    shutil.rmtree(tmp_path / "cache" / repository)
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))


def test_a_download_that_nobody_continues_does_not_fill_the_disk_for_ever(
    sqlite_store: Store, settings: Settings, admin: User, hub: FakeHub
) -> None:
    downloads = settings.model_dir / "downloads"
    for name, days in (("old", 8), ("lately", 6)):
        part = downloads / name / ".cache" / "part.incomplete"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x")
        for path in (part, part.parent, downloads / name):
            os.utime(path, (time.time() - days * 86_400,) * 2)
    work(sqlite_store, settings, encoders.request_pull(sqlite_store, user=admin, source="BERT"))
    assert [path.name for path in downloads.iterdir()] == ["lately"]


def test_asking_twice_queues_one_download(sqlite_store: Store, admin: User) -> None:
    one = encoders.request_pull(sqlite_store, user=admin, source="BioBERT")
    assert encoders.request_pull(sqlite_store, user=admin, source=BIO.hub_id).id == one.id


@pytest.mark.parametrize("source", ["", "bert", "a/b/c", "/x", "x/", "../../etc/passwd", "https://evil.example/x"])
def test_what_is_neither_a_name_nor_a_hub_id_is_refused(sqlite_store: Store, admin: User, source: str) -> None:
    if source == "bert":
        assert encoders.resolve(source) == (BERT.hub_id, BERT.revision)
        return
    with pytest.raises(InvalidValue, match=r"neither a name of the table \(BERT, .*RoBERTa\) nor a hub id"):
        encoders.request_pull(sqlite_store, user=admin, source=source)


# --- from folders -----------------------------------------------------------------------------------------------------


def test_a_folder_that_was_brought_is_listed_and_added_under_the_name_of_its_row(
    sqlite_store: Store, settings: Settings, admin: User, published: Path
) -> None:
    incoming = settings.model_dir / "incoming"
    assert encoders.incoming(model_dir=settings.model_dir) == []
    shutil.copytree(published, incoming / "from-usb")
    (incoming / "notes.txt").write_text("no folder")
    assert encoders.incoming(model_dir=settings.model_dir) == ["from-usb"]
    job = encoders.request_add(sqlite_store, user=admin, model_dir=settings.model_dir, folder="from-usb", name="BERT")
    work(sqlite_store, settings, job)
    encoder = encoders.find(sqlite_store, "BERT")
    assert (encoder.source, encoder.cased, encoder.architecture) == ("folder from-usb", True, "bert")
    assert (incoming / "from-usb").is_dir()


@pytest.mark.parametrize("folder", ["..", "../encoders", "nothing", ""])
def test_only_folders_that_were_brought_can_be_added_from_the_page(
    sqlite_store: Store, settings: Settings, admin: User, folder: str
) -> None:
    (settings.model_dir / "incoming").mkdir(parents=True)
    with pytest.raises(NotFound, match="Put it into 'incoming' first"):
        encoders.request_add(sqlite_store, user=admin, model_dir=settings.model_dir, folder=folder)


def test_a_job_that_was_taken_away_meanwhile_enters_nothing(
    sqlite_store: Store, settings: Settings, admin: User, published: Path
) -> None:
    shutil.copytree(published, settings.model_dir / "incoming" / "x")
    job = encoders.request_add(sqlite_store, user=admin, model_dir=settings.model_dir, folder="x")
    stale = replace(claimed(sqlite_store, job), attempt=0)
    context = JobContext(stale, sqlite_store, settings, "w", "cpu")
    with pytest.raises(JobCancelled):
        encoder_jobs.add(context)
    assert installed(settings) == []


def test_files_without_a_row_are_replaced(sqlite_store: Store, settings: Settings, published: Path) -> None:
    """Somebody was killed after the files were in place and before they were entered."""
    orphan = settings.model_dir / "encoders" / "bert"
    orphan.mkdir(parents=True)
    (orphan / "config.json").write_text("half")
    install(sqlite_store, settings, published)
    assert read_record(orphan).name == "BERT"


class Watched:
    """A store in whose transactions somebody waits for the commit."""

    def __init__(self, store: Store, then: Callable[[], object]) -> None:
        self.read, self._store, self._then = store.read, store, then

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
        self._then()


def whole(settings: Settings, encoder: Encoder) -> bool:
    folder = settings.model_folder(encoder.folder)
    return all(check.ok for check in installing.verify(folder, expected_hash=encoder.weights_hash))


def test_of_two_installations_of_one_name_the_first_to_end_stays_whole(
    sqlite_store: Store, settings: Settings, published: Path
) -> None:
    """The worker and the command line: the second finds the name taken, and leaves what is there alone."""

    def slower(target: Path) -> EncoderRecord:
        record = installing.add(published, name="BERT", target=target)
        install(sqlite_store, settings, published)
        return record

    with pytest.raises(InvalidValue, match="'BERT' is installed already"):
        encoders.install(sqlite_store, by=None, name="BERT", model_dir=settings.model_dir, installer=slower)
    assert whole(settings, encoders.find(sqlite_store, "BERT"))
    assert installed(settings) == ["bert"]


def test_a_removal_leaves_what_was_installed_under_the_name_meanwhile(
    sqlite_store: Store, settings: Settings, published: Path
) -> None:
    old = install(sqlite_store, settings, published)
    watched = Watched(sqlite_store, lambda: install(sqlite_store, settings, published))
    encoders.remove(watched, by=None, encoder_id=old.id, model_dir=settings.model_dir)  # type: ignore[arg-type]
    new = encoders.find(sqlite_store, "BERT")
    assert new.id != old.id
    assert whole(settings, new)
    assert installed(settings) == ["bert"]


def test_a_removal_that_cannot_be_stored_removes_nothing(
    sqlite_store: Store, settings: Settings, published: Path
) -> None:
    encoder = install(sqlite_store, settings, published)

    class Full(Watched):
        @contextmanager
        def write(self) -> Iterator[Transaction]:
            with self._store.write() as tx:
                yield tx
                raise OSError("the database's disk is full")

    with pytest.raises(OSError, match="disk is full"):
        encoders.remove(Full(sqlite_store, list), by=None, encoder_id=encoder.id, model_dir=settings.model_dir)  # type: ignore[arg-type]
    assert whole(settings, encoders.find(sqlite_store, "BERT"))


def test_something_in_the_way_is_named_and_nothing_is_entered(
    sqlite_store: Store, settings: Settings, published: Path
) -> None:
    in_the_way = settings.model_dir / "encoders" / "bert"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file")
    with pytest.raises(ModelProblem, match=r"'bert' could not be put in place .*See that nothing else is there"):
        install(sqlite_store, settings, published)
    with sqlite_store.read() as tx:
        assert tx.models.encoders() == []
    assert installed(settings) == ["bert"]


def test_everything_is_on_the_disk_before_it_is_entered(
    sqlite_store: Store, settings: Settings, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that outlives a power cut must not name files that did not."""
    waited_for: set[int] = set()
    monkeypatch.setattr("os.fsync", lambda descriptor: waited_for.add(os.fstat(descriptor).st_ino))
    seen: list[set[int]] = []
    encoders.install(
        Watched(sqlite_store, lambda: seen.append(set(waited_for))),  # type: ignore[arg-type]
        by=None,
        name="BERT",
        model_dir=settings.model_dir,
        installer=lambda target: installing.add(published, name="BERT", target=target),
    )
    folder = settings.model_dir / "encoders" / "bert"
    assert {path.stat().st_ino for path in (folder.parent, folder, *folder.iterdir())} <= seen[0]


# --- what is installed ------------------------------------------------------------------------------------------------


def test_a_run_can_choose_what_was_installed_and_no_longer_what_was_removed(
    sqlite_store: Store, settings: Settings, admin: User, published: Path
) -> None:
    project = make_project(sqlite_store)
    encoder = install(sqlite_store, settings, published)
    assert [e.name for e in projects.models(sqlite_store, user=admin, project_id=project.id)[0]] == ["BERT"]
    with pytest.raises(InvalidValue, match="'BERT' is installed already"):
        install(sqlite_store, settings, published)
    encoders.remove(sqlite_store, by=admin, encoder_id=encoder.id, model_dir=settings.model_dir)
    encoders.remove(sqlite_store, by=admin, encoder_id=encoder.id, model_dir=settings.model_dir)  # nothing more happens
    assert projects.models(sqlite_store, user=admin, project_id=project.id)[0] == []
    assert installed(settings) == []
    dataset = make_dataset(sqlite_store, admin, project)
    with pytest.raises(NotFound, match="was removed"):
        fine_tuning.start(
            sqlite_store, user=admin, project_id=project.id, dataset_id=dataset.id, encoder_id=encoder.id, hyper=HYPER
        )
    assert install(sqlite_store, settings, published).name == "BERT"
    with sqlite_store.read() as tx:
        assert tx.models.encoder(encoder.id).name == f"BERT (removed, {encoder.id})"
        assert [e.action for e, _ in tx.audit.recent()].count("encoder removed") == 1


def test_an_encoder_that_an_adapter_needs_stays(
    sqlite_store: Store, settings: Settings, admin: User, published: Path
) -> None:
    encoder = install(sqlite_store, settings, published)

    def adapter(name: str, kind: AdapterKind) -> None:
        with sqlite_store.write() as tx:
            tx.models.add_adapter(
                name=name, kind=kind, encoder_id=encoder.id, folder="x", weights_hash="0" * 64, labels=("Drug",)
            )

    adapter("Whole", AdapterKind.FULL)  # has every weight itself
    assert encoders.catalogue(sqlite_store, user=admin)[0].adapters == ()
    adapter("Ours", AdapterKind.LORA)
    assert encoders.catalogue(sqlite_store, user=admin)[0].adapters == ("Ours",)
    with pytest.raises(InvalidValue, match="cannot be removed: Ours was trained over it"):
        encoders.remove(sqlite_store, by=admin, encoder_id=encoder.id, model_dir=settings.model_dir)
    assert installed(settings) == ["bert"]


def test_the_starter_is_neither_listed_nor_removed(sqlite_store: Store, settings: Settings, admin: User) -> None:
    with sqlite_store.write() as tx:
        starter = tx.models.add_encoder(name="S", source="", revision="", folder="starters/s", weights_hash="0" * 64)
    assert [view.name for view in encoders.catalogue(sqlite_store, user=admin)] == list(ENCODERS)
    with pytest.raises(InvalidValue, match="cannot be removed"):
        encoders.remove(sqlite_store, by=admin, encoder_id=starter.id, model_dir=settings.model_dir)


def test_a_check_is_a_job_whose_finding_stays_with_the_encoder(
    sqlite_store: Store, settings: Settings, admin: User, published: Path
) -> None:
    encoder = install(sqlite_store, settings, published)
    message = work(sqlite_store, settings, encoders.request_verify(sqlite_store, user=admin, encoder_id=encoder.id))
    assert message == "BERT is in order: 5 checks."
    weights = settings.model_dir / "encoders" / "bert" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    job = encoders.request_verify(sqlite_store, user=admin, encoder_id=encoder.id)
    with pytest.raises(ModelProblem, match="was changed or is damaged"):
        work(sqlite_store, settings, job)
    found = encoders.find(sqlite_store, "BERT")
    assert "was changed or is damaged" in found.problem
    assert found.verified_at


def test_a_job_about_something_else_cannot_be_cancelled_here(sqlite_store: Store, admin: User) -> None:
    with sqlite_store.write() as tx:
        job = tx.jobs.add(kind=JobKind.PREDICT, args={}, user_id=None)
    with pytest.raises(NotFound):
        encoders.cancel(sqlite_store, user=admin, job_id=job.id)


def test_the_job_record_holds_nothing_but_what_to_fetch(sqlite_store: Store, admin: User) -> None:
    job = encoders.request_pull(sqlite_store, user=admin, source="BioBERT")
    assert set(json.loads(json.dumps(job.args))) == {"hub_id", "revision"}
