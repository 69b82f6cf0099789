"""A project whose models were scored on its test notes, with errors of every kind; no model is needed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import EpochReport
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.formats.jsonl import NoteWithSpans
from mednerapp.services import evaluating, fine_tuning, freezing, importing
from mednerapp.services.fine_tuning import Trained, TrainingOrder
from mednerapp.store import Store
from support.makers import HYPER, text_on

SENTENCES = (
    ("No sign of ", "pneumonia", "Disease"),
    ("She reports ", "chest pain on exertion", "Symptom"),
    ("Started on ", "metformin", "Drug"),
    ("We did a ", "coronary angiography", "Procedure"),
    ("Repeat ", "troponin", "Test"),
    ("Known ", "type 2 diabetes mellitus", "Disease"),
    ("Takes ", "aspirin", "Drug"),
    ("Mother had ", "breast cancer", "Disease"),
)
SECTIONS = ("HISTORY", "MEDICATIONS", "ASSESSMENT")


def note(number: int, split: Split) -> tuple[str, list[Span]]:
    """A note of three sections, and its gold."""
    draw = random.Random(number)
    lines: list[str] = []
    for section in SECTIONS:
        lines.append(f"{section}:")
        lines += [before + mention + "." for before, mention, _ in draw.sample(SENTENCES, 3)]
        lines.append("")
    text = text_on(split, "\n".join(lines), number=number)
    gold = [
        Span(at, at + len(mention), label)
        for before, mention, label in SENTENCES
        for at in _places(text, before, mention)
    ]
    return text, sorted(gold)


def _places(text: str, before: str, mention: str) -> list[int]:
    found, at = [], text.find(before + mention)
    while at >= 0:
        found.append(at + len(before))
        at = text.find(before + mention, at + 1)
    return found


def predicted(gold: Sequence[Span], length: int, *, quality: float, draw: random.Random) -> list[ScoredSpan]:
    """The gold with faults of every kind; a share of about `quality` of it is right."""
    names, found = MEDICAL_SCHEMA.names, []
    for span in gold:
        fault = draw.random()
        score = min(0.99, max(0.05, draw.gauss(0.85, 0.1)))
        if fault < quality:
            found.append(ScoredSpan(span, score))
        elif fault < quality + (1 - quality) * 0.3:
            found.append(ScoredSpan(replace(span, end=min(length, span.end + 2)), score - 0.2 if score > 0.3 else 0.1))
        elif fault < quality + (1 - quality) * 0.5:
            other = names[(names.index(span.label) + 1) % len(names)]
            found.append(ScoredSpan(replace(span, label=other), score - 0.3 if score > 0.4 else 0.1))
    if draw.random() < 1 - quality:
        found.append(ScoredSpan(Span(0, 7, draw.choice(names)), 0.3))
    return found


@dataclass
class Scored:
    """train: notes of the dataset that a model was trained on."""

    store: Store
    user: User
    project: Project
    datasets: list[Dataset]

    @property
    def dataset(self) -> Dataset:
        return self.datasets[-1]


def fill(
    store: Store, user: User, project: Project, *, encoder_id: int, sizes: Sequence[int] = (6, 12, 24), test: int = 14
) -> Scored:
    """Datasets of growing numbers of training notes with the same test notes, a run on each; all scored on the last."""
    datasets: list[Dataset] = []
    number = 0
    for size in sizes:
        records: list[NoteWithSpans] = []
        while number < size:
            text, gold = note(number, Split.TRAIN)
            records.append(NoteWithSpans(NewNote(text=text, title=f"Note {number}", note_type="letter"), tuple(gold)))
            number += 1
        if not datasets:
            for i in range(test):
                text, gold = note(1000 + i, Split.TEST)
                kind = "discharge summary" if i % 2 else "letter"
                records.append(NoteWithSpans(NewNote(text=text, title=f"Test {i}", note_type=kind), tuple(gold)))
            text, gold = note(2000, Split.DEV)
            records.append(NoteWithSpans(NewNote(text=text, title="Dev"), tuple(gold)))
        importing.import_gold(store, user=user, project_id=project.id, records=records)
        datasets.append(freezing.freeze(store, user=user, project_id=project.id, name=f"Gold of {size}"))
        run(store, user, project, datasets[-1], encoder_id=encoder_id, name=f"Run on {size}")
    scored = Scored(store, user, project, datasets)
    evaluating.request(store, user=user, dataset_id=scored.dataset.id)
    carry_out(store, scored.dataset, lambda name: 0.5 + 0.4 * _size(name) / (_size(name) + 10))
    return scored


def _size(name: str) -> int:
    words = name.replace("(", " ").split()
    return int(words[2]) if words[:2] == ["Run", "on"] else 1


def run(store: Store, user: User, project: Project, dataset: Dataset, *, encoder_id: int, name: str) -> None:
    """A run that has succeeded."""
    started = fine_tuning.start(
        store,
        user=user,
        project_id=project.id,
        dataset_id=dataset.id,
        encoder_id=encoder_id,
        name=name,
        hyper=HYPER,
    )
    with store.write() as tx:
        job = tx.jobs.get(started.job_id)
        assert tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)

    def trainer(_order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
        for epoch in range(1, 7):
            on_epoch(EpochReport(epoch, 1 / epoch, 1.1 / epoch, 0.5 + epoch / 20, 1.0))
        return Trained("f" * 64, MEDICAL_SCHEMA.names)

    fine_tuning.carry_out(
        store, run_id=started.id, trainer=trainer, device="cpu", model_dir=Path("/models"), fence=lambda _: None
    )
    with store.write() as tx:
        tx.jobs.finish(job.id, worker="w", attempt=job.attempt + 1, state=JobState.SUCCEEDED)


def carry_out(store: Store, dataset: Dataset, quality: Callable[[str], float]) -> None:
    """The evaluations that wait for this dataset are done, those for others cancelled; `quality` by adapter."""
    with store.read() as tx:
        jobs = tx.jobs.open([JobKind.EVALUATE])
        gold = {one.text: one.spans for one in tx.datasets.gold(dataset.id, Split.TEST)}
    for job in jobs:
        with store.write() as tx:
            assert tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
            adapter = tx.models.adapter(int(job.args["adapter_id"] or 0))
        if job.args["dataset_id"] == dataset.id:
            score(store, adapter.id, dataset, gold, quality=quality(adapter.name))
        with store.write() as tx:
            tx.jobs.finish(job.id, worker="w", attempt=job.attempt + 1, state=JobState.SUCCEEDED)


def score(
    store: Store, adapter_id: int, dataset: Dataset, gold: dict[str, tuple[Span, ...]], *, quality: float
) -> None:
    draw = random.Random(adapter_id)
    evaluating.evaluate(
        store,
        adapter_id=adapter_id,
        dataset_id=dataset.id,
        split=Split.TEST,
        predictor=lambda texts: [predicted(gold[text], len(text), quality=quality, draw=draw) for text in texts],
        seen=frozenset(),
        on_progress=lambda _done, _total: None,
        fence=lambda _: None,
    )
