from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mednerapp.domain.datasets import Split
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span
from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import load_tagger, open_words
from mednerapp.ner.manifest import read_manifest, seen_notes, weights_hash
from mednerapp.ner.prediction import predict
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.windows import WindowPlan
from mednerapp.settings import ASSETS
from mednerapp.training.starter import build as building
from mednerapp.training.starter.build import HEADS, MACCROBAT, Workshop, build, splits
from mednerapp.training.starter.corpora import (
    CORPORA,
    MACCROBAT_LABELS,
    CorpusNote,
    CorpusSpec,
    allowed_tags,
    corpus_notes,
    own_tags,
)
from mednerapp.training.starter.distilling import all_windows, drawn_windows, tagged_by
from mednerapp.training.starter.learning import SoftWindow, learn, loss_of, marked_windows
from mednerapp.training.starter.network import PRODUCT, ManyHeads
from mednerapp.training.starter.recipe import INIT_HASH, LABELS, Distilling, Pretraining, Recipe
from mednerapp.training.starter.scoring import as_lines, cross_validated, shipped
from tests.tiny_models import make_tiny_encoder, toy_notes

SHIPPED = ASSETS / "starter"
THEIRS = {ours: theirs for theirs, ours in MACCROBAT_LABELS.items()}
QUICK = Recipe(
    pretraining=Pretraining(steps=2, batch_size=2, length=16),
    corpora=replace(Recipe().corpora, epochs=1, share=1.0),
    product=replace(Recipe().product, epochs=1),
    distilling=Distilling(teachers=2, windows=3, student=replace(Recipe().product, epochs=1)),
)


def _write(path: Path, records: Sequence[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def _record(number: int, text: str, spans: Sequence[tuple[int, int, str]]) -> dict[str, object]:
    return {"id": str(number), "text": text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans]}


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Corpora of the shapes of the real ones, with a line or two each."""
    folder = tmp_path / "corpora"
    _write(
        folder / "maccrobat/train.jsonl.gz",
        [
            _record(n.note_id, n.text, [*((s.start, s.end, THEIRS[s.label]) for s in n.spans), (0, 3, "Age")])
            for n in toy_notes()
        ],
    )
    line = "Aspirin eased the fever of asthma."
    _write(folder / "bc5cdr/train.jsonl.gz", [_record(900, line, [(0, 7, "Chemical"), (27, 33, "Disease")])])
    _write(folder / "bc5cdr/dev.jsonl.gz", [_record(901, line + " Dev.", [(0, 7, "Chemical"), (27, 33, "Disease")])])
    _write(folder / "ncbi_disease/train.jsonl.gz", [_record(902, line, [(27, 33, "SpecificDisease")])])
    _write(folder / "ncbi_disease/dev.jsonl.gz", [_record(903, line + " Dev.", [(27, 33, "SpecificDisease")])])
    _write(folder / "chia/all.jsonl.gz", [_record(904, line, [(18, 23, "Condition"), (27, 33, "Observation")])])
    seen, held_out = _record(905, line, [(0, 7, "Drug")]), _record(901, "From an abstract held out.", [])
    _write(folder / "phee/train.jsonl.gz", [{**seen, "id": "905_1"}, {**held_out, "id": "901_2"}])
    _write(folder / "neurotrialner/train.jsonl.gz", [_record(906, line, [(0, 7, "DRUG")])])
    _write(folder / "pmc_rct_open/all.jsonl.gz", [{"id": "p", "text": line * 20}])
    _write(folder / "medquad/all.jsonl.gz", [{"id": "m", "text": line}])
    _write(folder / "aci_bench/train.jsonl.gz", [{"id": "a", "text": line}])
    return folder


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_tiny_encoder(tmp_path / "init", "bert-uncased")
    monkeypatch.setattr(building, "INIT_HASH", weights_hash(folder))
    monkeypatch.setattr(building, "VOCABULARY_SIZE", 200)
    return folder


@pytest.fixture
def shop(corpora: Path, init: Path, tmp_path: Path) -> Workshop:
    return Workshop(corpora, init, tmp_path / "work", "cpu", QUICK, lambda _: None)


def test_the_shipped_starter_finds_entities_without_a_network() -> None:
    text = (
        "A 54-year-old man with pneumonia and diabetes mellitus came with fever and chest pain.\n"
        "Computed tomography of the chest was done. He was treated with vancomycin and aspirin."
    )
    tagger = load_tagger(SHIPPED, base_folder=None, device="cpu")

    [found] = predict(tagger, [text])

    mentions = {(s.span.mention(text), s.span.label) for s in found}
    assert {("vancomycin", "Drug"), ("aspirin", "Drug"), ("fever", "Symptom"), ("pain", "Symptom")} <= mentions
    assert ("Computed tomography", "Test") in mentions
    assert tagger.labels == MEDICAL_SCHEMA.names


def test_the_shipped_starter_is_small_and_says_what_it_has_seen() -> None:
    manifest = read_manifest(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 40_000_000
    assert len(manifest["selected_on"]) == 18
    assert len(seen_notes(manifest)) > 129 + 18
    assert manifest["encoder"]["weights_hash"] == INIT_HASH
    assert set(manifest["calibration"]) == set(LABELS)


def test_a_starter_is_built_in_stages_from_everything_but_what_it_is_scored_on(shop: Workshop, tmp_path: Path) -> None:
    out = tmp_path / "assets" / "starter"
    manifest = build(shop, out=out, seed=7)

    notes = splits(shop.corpora)
    assert all(notes.values())
    held_out = {content_hash(note.text) for note in notes[Split.TEST]}
    assert {content_hash(note.text) for note in notes[Split.TRAIN]} < set(manifest["trained_on"])
    assert set(manifest["selected_on"]) == {content_hash(note.text) for note in notes[Split.DEV]}
    assert not held_out & seen_notes(manifest)
    assert load_tagger(out, base_folder=None, device="cpu").words.vocabulary_size <= 200
    assert sorted(path.name for path in shop.work.iterdir()) == ["pretrained", "stream", "taught", "vocabulary"]

    stages = {path: path.stat().st_mtime_ns for path in shop.work.iterdir()}
    assert build(shop, out=out, seed=7)["weights_hash"] == manifest["weights_hash"]
    assert {path: path.stat().st_mtime_ns for path in shop.work.iterdir()} == stages
    assert [path.name for path in out.parent.iterdir()] == ["starter"]

    report = shipped(out, corpora=shop.corpora, device="cpu")
    gold = {(r.corpus, r.label): r.score.counts.gold for r in report.results}
    assert gold["maccrobat test", "micro"] == sum(
        s.label in MACCROBAT_LABELS for n in notes[Split.TEST] for s in n.spans
    )
    assert gold["ncbi_disease dev", "Disease"] == 1
    assert gold["bc5cdr dev", "Drug"] == gold["bc5cdr dev", "Disease or Symptom"] == 1
    assert len(as_lines(report)) == len(report.results) + 2


def test_cross_validation_scores_every_document_once_with_a_model_that_has_not_seen_it(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[set[str]] = []
    make = Workshop.tagger

    def watched(self: Workshop, notes: Sequence[CorpusNote], *, seed: int):
        trained.append({note.id for note in notes})
        return make(self, notes, seed=seed)

    monkeypatch.setattr(Workshop, "tagger", watched)
    report = cross_validated(shop, seed=1, folds=3)

    everything = {note.id for note in corpus_notes(MACCROBAT, shop.corpora)}
    left_out = [everything - ids for ids in trained]
    assert set.union(*left_out) == everything
    assert sum(map(len, left_out)) == len(everything)
    micro = report.results[-1].score
    assert micro.notes == len(everything)
    trained.clear()
    assert cross_validated(shop, seed=1, folds=3) == report  # from what the folds left behind
    assert not trained
    cross_validated(shop, seed=2, folds=3)
    assert len(trained) == 3  # other settings, other models
    assert micro.counts.gold == sum(
        s.label in MACCROBAT_LABELS for n in corpus_notes(MACCROBAT, shop.corpora) for s in n.spans
    )


def test_sentences_of_abstracts_that_are_scored_on_are_not_trained_on(corpora: Path) -> None:
    assert [note.id for note in corpus_notes(CORPORA["phee"], corpora)] == ["905_1"]


def test_other_initial_weights_are_refused(shop: Workshop, tmp_path: Path) -> None:
    other = make_tiny_encoder(tmp_path / "other", "bert-cased")
    with pytest.raises(ModelProblem, match="--init has to name the folder of all-MiniLM-L6-v2"):
        replace(shop, init=other).vocabulary()


def _tags(text: str, spans: Sequence[Span], spec: CorpusSpec, init: Path) -> tuple[list[set[str]], list[str]]:
    """For each word the product's tags that are allowed, and the tag of the corpus's own labels."""
    note = CorpusNote("1", text, tuple(spans))
    [encoded] = open_words(init).encode([text])
    allowed, own = allowed_tags(note, encoded, spec, LABELS), own_tags(note, encoded, spec)
    names, theirs = bio_tags(LABELS), bio_tags(spec.own)
    rows = [{names[k] for k in np.flatnonzero(allowed[token])} for token in encoded.first_token]
    return rows, [theirs[own[token]] for token in encoded.first_token]


def test_a_corpus_leaves_open_what_it_does_not_mark(init: Path) -> None:
    text = "Aspirin eased chest pain"
    spans = [Span(0, 7, "Chemical"), Span(14, 24, "Disease")]
    (drug, between, first, second), own = _tags(text, spans, CORPORA["bc5cdr"], init)

    assert drug == {"B-Drug"}
    assert between == {"O", "B-Symptom", "I-Symptom", "B-Procedure", "I-Procedure", "B-Test", "I-Test"}
    assert first == {"B-Disease", "B-Symptom"}
    assert second == {"I-Disease", "I-Symptom"}
    assert own == ["B-Chemical", "O", "B-Disease", "I-Disease"]


def test_a_corpus_that_marks_every_label_leaves_nothing_open(init: Path) -> None:
    (first, second), _ = _tags("Fever today", [Span(0, 5, "Sign_symptom")], MACCROBAT, init)
    assert (first, second) == ({"B-Symptom"}, {"O"})


def test_words_that_a_corpus_names_otherwise_may_be_anything(init: Path) -> None:
    (first, second), _ = _tags("Fever today", [Span(0, 5, "Observation")], CORPORA["chia"], init)
    assert first == set(bio_tags(LABELS))
    assert "O" in second


def test_the_loss_asks_nothing_where_anything_is_allowed(init: Path) -> None:
    note = CorpusNote("1", "Fever today", (Span(0, 11, "Observation"),))
    spec, words = CORPORA["chia"], open_words(init)
    torch.manual_seed(0)
    net = ManyHeads(init, HEADS).eval()
    only_product = replace(Recipe().product, own_weight=0.0)

    [window] = marked_windows([note], words, spec, WindowPlan(20, 5))
    assert float(loss_of(net, [window], only_product, "cpu").detach()) == pytest.approx(0.0, abs=1e-4)

    outside = replace(window, allowed=np.eye(window.allowed.shape[1], dtype=bool)[np.zeros(len(window.ids), dtype=int)])
    chances = net.scores(PRODUCT, net([window.ids])).log_softmax(dim=-1)[:, 0]
    expected = -only_product.product_weight * float(chances.sum().detach())
    assert float(loss_of(net, [outside], only_product, "cpu").detach()) == pytest.approx(expected, rel=1e-4)


def test_teachers_say_on_average_and_the_student_is_asked_for_exactly_that(init: Path) -> None:
    words = open_words(init)
    stream = torch.arange(5, 45, dtype=torch.int32)
    windows = [*all_windows(stream, words, length=14), *drawn_windows(stream, words, count=3, length=9, seed=1)]
    assert [len(window) for window in windows] == [14, 14, 14, 6, 9, 9, 9]
    assert np.concatenate([window[1:-1] for window in windows[:4]]).tolist() == stream.tolist()
    assert all((window[0], window[-1]) == (words.cls_id, words.sep_id) for window in windows)

    teachers: list[ManyHeads] = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        teachers.append(ManyHeads(init, HEADS))
    soft = tagged_by(iter(teachers), windows, device="cpu")
    for window in soft:
        both = [net.scores(PRODUCT, net([window.ids])).softmax(dim=-1).detach().numpy() for net in teachers]
        np.testing.assert_allclose(window.chances, (both[0] + both[1]) / 2, atol=1e-3)

    only_product = replace(Recipe().product, own_weight=0.0, product_weight=1.0)
    said = torch.from_numpy(soft[0].chances.astype(np.float32))
    likely = teachers[0].scores(PRODUCT, teachers[0]([soft[0].ids])).log_softmax(dim=-1).detach()
    loss = float(loss_of(teachers[0], soft[:1], only_product, "cpu").detach())
    assert loss == pytest.approx(-float((said * likely).sum()), rel=1e-4)


def test_an_epoch_draws_its_share_of_the_windows_of_each_kind(init: Path) -> None:
    words = open_words(init)
    spec, plan = CORPORA["bc5cdr"], WindowPlan(20, 5)
    notes = [CorpusNote(str(i), "Aspirin eased the fever", (Span(0, 7, "Chemical"),)) for i in range(8)]
    chances = np.full((9, 11), 1 / 11, dtype=np.float16)
    soft = [SoftWindow(np.arange(9), chances) for _ in range(20)]
    said: list[str] = []
    settings = replace(Recipe().product, epochs=2, batch_size=4, share=0.5, soft_share=0.2)
    learn(
        ManyHeads(init, HEADS),
        [*marked_windows(notes, words, spec, plan), *soft],
        settings,
        device="cpu",
        say=said.append,
    )
    assert said[-1].startswith("  step 4/4 ")  # each epoch: 4 marked windows, 4 that teachers have tagged


@pytest.mark.parametrize("spec", CORPORA.values(), ids=lambda spec: spec.name)
def test_the_table_of_corpora_names_only_labels_of_the_product(spec: CorpusSpec) -> None:
    named = set().union(*(meaning for meaning in spec.means.values())) - {"*"}
    assert named | spec.silent_on <= set(LABELS)
