"""Rebuilds and checks the starter model that ships, with the product's own training code.

    python -m mednerapp.training.starter --corpus CORPORA/maccrobat/train.jsonl.gz --init FOLDER
    python -m mednerapp.training.starter --corpus CORPORA/maccrobat/train.jsonl.gz --check

The corpora whose texts decide which vocabulary rows are kept are looked for beside the corpus folder.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mednerapp.domain.datasets import GoldNote, Split, dataset_hash, split_of
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.domain.notes import content_hash, normalise_text
from mednerapp.domain.spans import Span
from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import load_tagger, pick_device
from mednerapp.ner.manifest import Manifest, read_manifest, seen_notes, weights_hash
from mednerapp.ner.prediction import predict
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1
from mednerapp.settings import ASSETS
from mednerapp.training.finetune import TrainingTask, full_fine_tune
from mednerapp.training.loop import Hooks
from mednerapp.training.vocabulary import prune

LABEL_OF = {
    "Disease_disorder": "Disease",
    "Sign_symptom": "Symptom",
    "Medication": "Drug",
    "Therapeutic_procedure": "Procedure",
    "Diagnostic_procedure": "Test",
}
INIT_HASH = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY_SIZE = 18_000
VOCABULARY_TEXTS = ("bc5cdr/train", "ncbi_disease/train", "chia/all", "pmc_rct_open/all", "aci_bench/train")
HYPER = HyperParameters(epochs=6, learning_rate=3e-4, batch_size=8)
LINEAGE: dict[str, Any] = {
    "encoder": {
        "name": "all-MiniLM-L6-v2",
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "revision": "",
        "weights_hash": INIT_HASH,
    },
    "license": "Apache-2.0",
    "attribution": [
        "Initial weights: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.",
        (
            "Training data: MACCROBAT2020 (Caufield JH, figshare 2020, doi:10.6084/m9.figshare.9764942.v2), CC BY 4.0; "
            "five of its entity types, renamed."
        ),
    ],
}


def read_corpus(path: Path) -> list[GoldNote]:
    """The notes of a gzipped JSON-lines corpus with the labels of the product, each on its side of the split."""
    notes: list[GoldNote] = []
    for record in _records(path):
        text = normalise_text(record["text"])
        if text != record["text"]:
            raise ModelProblem(f"The text of {record['id']} is not normalised; its offsets cannot be trusted.")
        kept = {Span(s["start"], s["end"], LABEL_OF[s["label"]]) for s in record["spans"] if s["label"] in LABEL_OF}
        note_hash = content_hash(text)
        split = split_of(patient_key=None, content_hash=note_hash)
        notes.append(GoldNote(len(notes) + 1, note_hash, text, tuple(sorted(kept)), split))
    return notes


def build(*, corpus: Path, init: Path, out: Path, seed: int, device: str, hyper: HyperParameters = HYPER) -> Manifest:
    """Trains the starter and puts it in the place of the one in `out`. The test notes of the corpus are not used."""
    if weights_hash(init) != INIT_HASH:
        raise ModelProblem(f"The weights in {init.name!r} are not all-MiniLM-L6-v2 ({INIT_HASH[:12]}…).")
    notes = read_corpus(corpus)
    train, dev = (_of(notes, split) for split in (Split.TRAIN, Split.DEV))
    with tempfile.TemporaryDirectory() as scratch:
        pruned = Path(scratch) / "encoder"
        texts = [corpus.parent.parent / f"{name}.jsonl.gz" for name in VOCABULARY_TEXTS]
        _say(f"Counting the pieces that {len(train)} training notes and {len(texts)} corpora use.")
        prune(init, pruned, texts=_vocabulary_texts(train, texts), size=VOCABULARY_SIZE)
        new = out.with_name(f"{out.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        task = TrainingTask(
            base_folder=pruned,
            encoder_name="all-MiniLM-L6-v2",
            train=train,
            dev=dev,
            labels=MEDICAL_SCHEMA.names,
            hyper=replace(hyper, seed=seed),
            device=device,
            out_dir=new,
            name="MedNER starter",
            dataset_hash=dataset_hash([*train, *dev]),
        )
        hooks = Hooks(on_epoch=_say_epoch, on_step=None, should_stop=lambda: False)
        manifest = full_fine_tune(task, hooks, half=True, lineage=LINEAGE)
    shutil.rmtree(out, ignore_errors=True)
    new.rename(out)
    return manifest


def check(*, corpus: Path, folder: Path, device: str) -> dict[str, Counts]:
    """Strict counts per label of a full checkpoint on the test notes of the corpus, which it must not have seen."""
    seen = seen_notes(read_manifest(folder))
    notes = [note for note in _of(read_corpus(corpus), Split.TEST) if note.note_hash not in seen]
    tagger = load_tagger(folder, base_folder=None, device=device)
    totals = {label: Counts() for label in tagger.labels}
    for note, found in zip(notes, predict(tagger, [note.text for note in notes]), strict=True):
        for label, counts in count_strict(note.spans, [scored.span for scored in found]).items():
            totals[label] += counts
    _say(f"{len(notes)} test notes, {sum(len(note.spans) for note in notes)} gold spans, strict match")
    _say(f"{'':<10}{'tp':>7}{'fp':>7}{'fn':>7}{'precision':>11}{'recall':>9}{'F1':>9}")
    for label, counts in [*totals.items(), ("micro", micro(totals))]:
        score = precision_recall_f1(counts)
        _say(
            f"{label:<10}{counts.tp:>7}{counts.fp:>7}{counts.fn:>7}"
            f"{score.precision:>11.4f}{score.recall:>9.4f}{score.f1:>9.4f}"
        )
    return totals


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _vocabulary_texts(train: Sequence[GoldNote], corpora: Sequence[Path]) -> Iterator[str]:
    yield from (note.text for note in train)
    for path in corpora:
        yield from (record["text"] for record in _records(path))


def _of(notes: Sequence[GoldNote], split: Split) -> list[GoldNote]:
    return [note for note in notes if note.split is split]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _say_epoch(report: EpochReport) -> None:
    _say(
        f"epoch {report.epoch:>2}  train loss {report.train_loss:.4f}  dev loss {report.dev_loss or 0:.4f}  "
        f"dev F1 {report.dev_f1 or 0:.4f}  {report.seconds:.0f} s"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mednerapp.training.starter")
    parser.add_argument("--corpus", type=Path, required=True, help="MACCROBAT as gzipped JSON lines")
    parser.add_argument("--init", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, default=ASSETS / "starter", help="model folder to replace, or to check")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--check", action="store_true", help="only print the figures of the folder on the test notes")
    given = parser.parse_args(arguments)
    device = pick_device(given.device)
    if not given.check:
        if given.init is None:
            parser.error("--init is needed to rebuild; use --check to score the folder as it is")
        build(corpus=given.corpus, init=given.init, out=given.out, seed=given.seed, device=device)
    check(corpus=given.corpus, folder=given.out, device=device)


if __name__ == "__main__":
    main()
