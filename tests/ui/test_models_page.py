"""The models page: what is installed, what a button leads to, and what it says when something is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.domain.models import AdapterKind
from mednerapp.ner.encoders import ENCODERS
from mednerapp.services import encoders

Open = Callable[[str, Role | None], AppTest]


def texts(shown: AppTest) -> str:
    kinds = (shown.markdown, shown.caption, shown.info, shown.warning, shown.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def labels(shown: AppTest) -> list[str]:
    return [button.label for button in shown.button]


@pytest.fixture(scope="module")
def installed(app: App) -> int:
    """BioBERT, needed by an adapter."""
    spec = ENCODERS["BioBERT"]
    with app.store.write() as tx:
        encoder = tx.models.add_encoder(
            name="BioBERT", source=spec.hub_id, revision=spec.revision, folder="encoders/biobert",
            weights_hash="abcd" * 16, architecture="bert", cased=True, size_bytes=430 * 2**20, licence=spec.licence,
        )  # fmt: skip
        tx.models.verified(encoder.id, problem="")
    return encoder.id


def test_an_empty_page_says_what_to_do_and_shows_the_six_rows(open_page: Open, app: App) -> None:
    shown = open_page("models", Role.ADMIN)
    said = texts(shown)
    assert "No encoder is installed yet." in said
    assert str(app.settings.model_dir.absolute() / "incoming") in said
    for name, spec in ENCODERS.items():
        assert f"**{name}**" in said
        assert spec.hub_id in said
        assert spec.licence in said
    assert "precision 89.8" in said
    assert "F1 87.6" in said
    assert labels(shown).count("Download (about 0.5 GB)") == len(ENCODERS)
    assert "Starter" not in said


def test_a_lead_sees_them_and_an_administrator_installs(open_page: Open) -> None:
    shown = open_page("models", Role.LEAD)
    assert "An administrator can install one here" in texts(shown)
    assert not [label for label in labels(shown) if "Download" in label]


def test_download_queues_a_job_that_can_be_cancelled(open_page: Open, app: App, people: dict[Role, User]) -> None:
    shown = open_page("models", Role.ADMIN)
    next(b for b in shown.button if b.key == "pull-SciBERT").click()
    shown.run()
    with app.store.read() as tx:
        (job,) = tx.jobs.open([JobKind.PULL])
    assert job.args == {"hub_id": ENCODERS["SciBERT"].hub_id, "revision": ENCODERS["SciBERT"].revision}
    assert "No worker is running" in texts(shown)
    next(b for b in shown.button if b.label == "Cancel").click()
    shown.run()
    with app.store.read() as tx:
        assert tx.jobs.get(job.id).state is JobState.CANCELLED
    assert "Downloading was cancelled." in texts(shown)


def test_a_failed_download_says_why_beside_its_row(open_page: Open, app: App, people: dict[Role, User]) -> None:
    job = encoders.request_pull(app.store, user=people[Role.ADMIN], source="RoBERTa")
    fail(app, job, "The hub could not be reached.")
    shown = open_page("models", Role.ADMIN)
    assert "Downloading did not succeed. The hub could not be reached." in texts(shown)


def fail(app: App, job: Job, message: str) -> None:
    with app.store.write() as tx:
        tx.jobs.claim(job.id, worker="w", attempt=1)
        tx.jobs.finish(job.id, worker="w", attempt=1, state=JobState.FAILED, message=message)


def test_a_failure_of_any_other_encoder_stays_until_it_is_tried_again_or_dismissed(
    open_page: Open, app: App, people: dict[Role, User]
) -> None:
    (app.settings.model_dir / "incoming" / "brought").mkdir(parents=True)
    admin, folder = people[Role.ADMIN], app.settings.model_dir
    pull = encoders.request_pull(app.store, user=admin, source="their/bert-x", revision="v1")
    fail(app, pull, "There is no such encoder on the hub.")
    fail(app, encoders.request_add(app.store, user=admin, model_dir=folder, folder="brought"), "It is a T5.")
    seen_by_lead = open_page("models", Role.LEAD)
    assert "Try again" not in labels(seen_by_lead)
    for said in (texts(seen_by_lead), texts(open_page("models", Role.ADMIN))):
        assert "**bert-x**" in said
        assert "their/bert-x" in said
        assert "Downloading did not succeed. There is no such encoder on the hub." in said
        assert "folder brought" in said
        assert "Adding did not succeed. It is a T5." in said

    shown = open_page("models", Role.ADMIN)
    for button in [b.key for b in shown.button if b.label == "Try again"]:
        next(b for b in shown.button if b.key == button).click()
        shown.run()
    with app.store.read() as tx:
        again = tx.jobs.open([JobKind.PULL, JobKind.ADD_ENCODER])
    assert sorted(job.args.get("revision", job.args.get("folder")) for job in again) == ["brought", "v1"]
    for job in again:
        fail(app, job, "Not now either.")
    shown = open_page("models", Role.ADMIN)
    for button in [b.key for b in shown.button if b.label == "Dismiss"]:
        next(b for b in shown.button if b.key == button).click()
        shown.run()
    assert "Not now either." not in texts(shown)
    assert "**bert-x**" not in texts(open_page("models", Role.ADMIN))
    (app.settings.model_dir / "incoming" / "brought").rmdir()


def test_a_hub_id_that_is_none_is_refused_beside_the_form(open_page: Open) -> None:
    shown = open_page("models", Role.ADMIN)
    next(t for t in shown.text_input if t.label == "Hub id").set_value("no-hub-id")
    next(b for b in shown.button if b.label == "Download").click()
    shown.run()
    assert "'no-hub-id' is neither a name of the table" in texts(shown)


def test_a_folder_that_was_brought_can_be_added(open_page: Open, app: App) -> None:
    (app.settings.model_dir / "incoming" / "from-usb").mkdir(parents=True)
    shown = open_page("models", Role.ADMIN)
    assert "Look again" not in labels(shown)
    next(b for b in shown.button if b.label == "Add").click()
    shown.run()
    with app.store.write() as tx:
        (job,) = tx.jobs.open([JobKind.ADD_ENCODER])
        assert job.args == {"folder": "from-usb", "name": "from-usb"}
        tx.jobs.request_cancel(job.id)


def test_an_installed_encoder_shows_size_hash_and_commit_and_can_be_trained_over(
    open_page: Open, app: App, installed: int
) -> None:
    shown = open_page("models", Role.LEAD)
    said = texts(shown)
    assert "No encoder is installed yet" not in said
    assert "430.0 MB" in said
    assert "SHA-256 abcdabcdabcd" in said
    assert ENCODERS["BioBERT"].revision[:12] in said
    assert "Remove …" not in labels(shown)
    next(b for b in shown.button if b.label == "Check").click()
    shown.run()
    with app.store.write() as tx:
        (job,) = tx.jobs.open([JobKind.VERIFY])
        assert job.args == {"encoder_id": installed}
        tx.jobs.request_cancel(job.id)
    train = open_page("train", Role.LEAD)
    offered = [box.options for box in train.selectbox if box.label == "Encoder"]
    assert not offered or "BioBERT" in offered[0]


def test_a_folder_that_goes_by_the_name_of_a_row_shows_where_it_came_from(open_page: Open, app: App) -> None:
    with app.store.write() as tx:
        encoder = tx.models.add_encoder(
            name="BlueBERT", source="folder from-usb", revision="", folder="encoders/bluebert", weights_hash="0" * 64
        )
    said = texts(open_page("models", Role.LEAD))
    with app.store.write() as tx:
        tx.models.remove_encoder(encoder.id)
    assert "folder from-usb" in said
    assert ENCODERS["BlueBERT"].hub_id not in said


def test_a_problem_is_shown_and_removing_asks_first(open_page: Open, app: App, installed: int) -> None:
    with app.store.write() as tx:
        tx.models.verified(installed, problem="The weights were changed.")
    shown = open_page("models", Role.ADMIN)
    assert "The weights were changed." in texts(shown)
    next(b for b in shown.button if b.label == "Remove …").click()
    shown.run()
    assert "is deleted from this machine" in texts(shown)
    with app.store.read() as tx:
        assert tx.models.encoder(installed).removed_at is None


def test_an_encoder_that_an_adapter_needs_has_no_way_to_be_removed(open_page: Open, app: App) -> None:
    with app.store.write() as tx:
        encoder = tx.models.add_encoder(
            name="BERT", source="x/y", revision="", folder="encoders/bert", weights_hash="0" * 64
        )
        tx.models.add_adapter(
            name="Ours",
            kind=AdapterKind.LORA,
            encoder_id=encoder.id,
            folder="a",
            weights_hash="0" * 64,
            labels=("Drug",),
        )
    shown = open_page("models", Role.ADMIN)
    assert next(b.disabled for b in shown.button if b.label == "Remove …")
