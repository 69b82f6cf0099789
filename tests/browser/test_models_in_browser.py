"""The models page in a real browser, while the worker is at it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support.app_server import AppServer, prepare_demo, running

from mednerapp.domain.accounts import Role
from mednerapp.domain.jobs import JobKind, JobState

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


def test_progress_moves_by_itself_and_a_question_stays_until_it_is_answered(page: Page, server: AppServer) -> None:
    store, models = server.app.store, server.app.settings.model_dir
    folder = models / "encoders" / "bert"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    with store.write() as tx:
        bert = tx.models.add_encoder(
            name="BERT",
            source="google-bert/bert-base-cased",
            revision="",
            folder="encoders/bert",
            weights_hash="0" * 64,
        )
        tx.workers.register("w", device="cpu")
    page.goto(f"{server.url}/models")
    page.get_by_role("button", name=Role.ADMIN.value.capitalize()).click()
    page.wait_for_url(re.compile("/models"))
    page.locator(".st-key-pull-RoBERTa").get_by_role("button").click()
    expect(page.get_by_text("Waits for a worker")).to_be_visible()

    with store.write() as tx:
        (job,) = tx.jobs.open([JobKind.PULL])
        tx.jobs.claim(job.id, worker="w", attempt=1)
        told = {"done": 212, "total": 478, "unit": "MB", "message": "Downloading model.safetensors"}
        tx.jobs.progress(job.id, worker="w", attempt=1, **told)  # type: ignore[arg-type]
    expect(page.get_by_text("Downloading model.safetensors (212 of 478 MB)")).to_be_visible()

    page.get_by_role("button", name="Remove …").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("is deleted from this machine")
    with store.write() as tx:
        tx.jobs.progress(job.id, worker="w", attempt=1, **(told | {"done": 300}))  # type: ignore[arg-type]
    expect(page.get_by_text("(300 of 478 MB)")).to_be_visible()
    expect(question).to_be_visible()
    question.get_by_role("button", name="Remove", exact=True).click()
    expect(question).to_be_hidden()
    expect(page.get_by_role("button", name="Remove …")).to_have_count(0)
    assert not folder.exists()
    with store.write() as tx:
        assert tx.models.encoder(bert.id).removed_at
        tx.jobs.finish(job.id, worker="w", attempt=1, state=JobState.FAILED, message="The hub could not be reached.")
    expect(page.get_by_text("Downloading did not succeed. The hub could not be reached.")).to_be_visible()
