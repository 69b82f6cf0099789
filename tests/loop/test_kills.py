"""Whatever is killed, at whatever moment: what was acknowledged is there, and the product comes back."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from loop.installation import Installation, installed, wait_until
from support import warm

from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import replay
from mednerapp.domain.jobs import overlapping
from mednerapp.domain.models import HyperParameters, RunState
from mednerapp.jobs.recovery import MOST_DEATHS
from mednerapp.services import annotating, fine_tuning, queueing, reporting

KILLS = int(os.environ.get("MEDNER_KILLS", "5"))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One whose processes are back soon after a kill; `test_whole_loop.py` has one that starts as it does elsewhere."""
    warm.prepare("web")
    with installed(tmp_path_factory.mktemp("loop") / "data", start=warm.Popen) as running:
        yield running


@dataclass
class Editor:
    """Somebody who edits faster than anyone and sends each edit again until it is acknowledged, as the editor does."""

    installation: Installation
    annotation_id: int
    revision: int
    length: int
    sent: int = 0
    acknowledged: int = 0
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self.stop.is_set():
                self.sent += 1
                self._deliver(client, self.sent)
                time.sleep(0.05)

    def _deliver(self, client: httpx.Client, seq: int) -> None:
        start = seq % (self.length - 1)
        after = {"start": start, "end": start + 1, "label": "Drug", "state": "confirmed"}
        edit = {"seq": seq, "action": "create", "span_id": f"e{seq}", "before": None, "after": after}
        while self.acknowledged < seq:
            try:
                origin = self.installation.url
                if not client.cookies:
                    client.post(f"{origin}/sign-in/demo", data={"role": "annotator"}, headers={"origin": origin})
                answer = client.post(
                    f"{origin}/api/annotations/{self.annotation_id}/edits",
                    json={"client": "unkillable", "base_revision": self.revision, "edits": [edit]},
                    headers={"origin": origin},
                )
            except (httpx.TransportError, KeyError):
                time.sleep(0.05)
                continue
            if answer.status_code != httpx.codes.OK:
                self.refused.append(f"{answer.status_code} {answer.text[:200]}")
                self.stop.set()
                return
            self.acknowledged, self.revision = answer.json()["ack"], answer.json()["revision"]


def test_kills_lose_no_acknowledged_edit_and_the_run_goes_on_by_itself_and_succeeds(installation: Installation) -> None:
    app, chance = installation.app, random.Random(20261122)
    annotator, lead = installation.user(Role.ANNOTATOR), installation.user(Role.LEAD)
    with app.store.read() as tx:
        project = tx.projects.all()[0]
    note_id = queueing.next_note(app.store, user=annotator, project_id=project.id, settings=app.settings)
    assert note_id is not None
    opened = annotating.open_note(app.store, user=annotator, note_id=note_id)
    editor = Editor(installation, opened.annotation.id, opened.annotation.revision, opened.note.length)
    thread = threading.Thread(target=editor.run)
    thread.start()
    dataset = reporting.datasets(app.store, user=lead, project_id=project.id)[0]
    with app.store.read() as tx:
        encoder = tx.models.encoders()[0]
    run = fine_tuning.start(
        app.store,
        user=lead,
        project_id=project.id,
        dataset_id=dataset.id,
        encoder_id=encoder.id,
        hyper=HyperParameters(epochs=max(1, KILLS // 5)),
    )

    def state() -> RunState:
        with app.store.read() as tx:
            return tx.runs.get(run.id).state

    try:
        for _ in range(KILLS):
            wait_until(installation.healthy, "the web process after a kill")
            time.sleep(chance.uniform(0, 0.8))
            installation.kill(chance.choice(["web", "worker"]))
        wait_until(lambda: state() is not RunState.QUEUED, "the start of the run")
        installation.kill("worker")
        wait_until(installation.healthy, "the web process at the end")
    finally:
        editor.stop.set()
        thread.join()
    wait_until(lambda: state() in (RunState.SUCCEEDED, RunState.FAILED), "the end of the run")
    with app.store.read() as tx:
        attempts = tx.job_records.attempts([run.job_id])
    if len(attempts) < MOST_DEATHS:  # one that takes down its worker so often is given up
        assert state() is RunState.SUCCEEDED

        def scores() -> int:
            return len(reporting.compare(app.store, user=lead, dataset_id=dataset.id).scores)

        wait_until(lambda: scores() == 2, "the scores of both models")

    assert not editor.refused
    with app.store.read() as tx:
        events = tx.annotations.events(editor.annotation_id)
        current = {span.id: span for span in tx.annotations.get(editor.annotation_id).spans}
    stored = [event.client_seq for event in events if event.client == "unkillable"]
    assert stored == list(range(1, editor.acknowledged + 1)), "every acknowledged edit once, in order, and no other"
    assert editor.acknowledged == editor.sent > KILLS
    assert replay(events) == current
    assert len(attempts) > 1
    assert not overlapping(attempts)
    print(f"\n{KILLS} kills, {editor.acknowledged} edits acknowledged, {len(stored)} stored;")
    print(f"the run was taken up {len(attempts)} times")
