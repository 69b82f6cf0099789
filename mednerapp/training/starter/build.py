"""The stages from a general encoder to the starter. A stage whose folder is there is not done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from mednerapp import __version__
from mednerapp.domain.datasets import GoldNote, Split, dataset_hash, split_of
from mednerapp.domain.models import AdapterKind
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span
from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import Tagger, open_classifier, open_words, quiet
from mednerapp.ner.manifest import FORMAT_VERSION, Manifest, weights_hash
from mednerapp.ner.prediction import predict
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.windows import plan_for
from mednerapp.ner.words import IntArray
from mednerapp.training.calibrating import calibration_of
from mednerapp.training.saving import save_model
from mednerapp.training.starter.corpora import (
    CORPORA,
    HELD_OUT,
    MACCROBAT_LABELS,
    CorpusNote,
    corpus_notes,
    read_records,
    records_hash,
)
from mednerapp.training.starter.distilling import all_windows, drawn_windows, tagged_by
from mednerapp.training.starter.learning import MarkedWindow, Say, SoftWindow, learn, marked_windows
from mednerapp.training.starter.network import PRODUCT, ManyHeads
from mednerapp.training.starter.pretraining import pretrain, token_stream
from mednerapp.training.starter.recipe import (
    INIT_HASH,
    INIT_NAME,
    LABELS,
    LINEAGE,
    PRETRAINING_TEXTS,
    VOCABULARY_SIZE,
    Distilling,
    Learning,
    Pretraining,
    Recipe,
)
from mednerapp.training.starter.vocabulary import prune

MACCROBAT = CORPORA["maccrobat"]
HEADS = {PRODUCT: 1 + 2 * len(LABELS), **{spec.name: 1 + 2 * len(spec.own) for spec in CORPORA.values()}}


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the stages are kept and what they are made from.

    corpora: one folder for each corpus, with gzipped JSON lines; init: the folder of all-MiniLM-L6-v2, needed only
    while the first stage is not there.
    """

    corpora: Path
    init: Path | None
    work: Path
    device: str
    recipe: Recipe
    say: Say

    def vocabulary(self) -> Path:
        """The initial encoder with the pieces that these texts use most."""

        def make(out: Path) -> None:
            if self.init is None or weights_hash(self.init) != INIT_HASH:
                raise ModelProblem(f"--init has to name the folder of {INIT_NAME} (weights {INIT_HASH[:12]}…).")
            texts = chain(self._unmarked_texts(), self._annotated_texts())
            prune(self.init, out, texts=texts, size=VOCABULARY_SIZE)

        return self._stage("vocabulary", {}, make)

    def stream(self) -> Path:
        """The pieces of all texts that the encoder may read: of the unmarked ones, and of the annotated corpora."""

        def make(out: Path) -> None:
            words = open_words(self.vocabulary())
            parts = {"unmarked": self._unmarked_texts(), "annotated": self._annotated_texts()}
            streams = {name: torch.from_numpy(token_stream(words, texts)).int() for name, texts in parts.items()}
            out.mkdir()
            save_file(streams, out / _STREAM_FILE)

        return self._stage("stream", {}, make)

    def pretrained(self) -> Path:
        """The encoder after guessing masked words."""

        def make(out: Path) -> None:
            stream = torch.cat(list(load_file(self.stream() / _STREAM_FILE).values()))
            settings = self.recipe.pretraining
            pretrain(self.vocabulary(), out, stream=stream, settings=settings, device=self.device, say=self.say)

        return self._stage("pretrained", {"pretraining": asdict(self.recipe.pretraining)}, make)

    def taught(self) -> Path:
        """The encoder after learning what the corpora mark, MACCROBAT left out, so that any of it can be a test."""

        def make(out: Path) -> None:
            folder = self.pretrained()
            words = open_words(folder)
            torch.manual_seed(self.recipe.corpora.seed)
            net = ManyHeads(folder, HEADS).to(self.device)
            plan = plan_for(longest_window(folder))
            others = [spec for spec in CORPORA.values() if spec is not MACCROBAT]
            windows = [
                w for spec in others for w in marked_windows(corpus_notes(spec, self.corpora), words, spec, plan)
            ]
            learn(net, windows, self.recipe.corpora, device=self.device, say=self.say)
            with quiet():
                net.encoder.to("cpu").save_pretrained(str(out))
            save_file({k: v.cpu() for k, v in net.heads.state_dict().items()}, out / _HEADS_FILE)
            words.save(out)

        settings = {"pretraining": asdict(self.recipe.pretraining), "corpora": asdict(self.recipe.corpora)}
        return self._stage("taught", settings, make)

    def tagger(self, notes: Sequence[CorpusNote], *, seed: int) -> Tagger:
        """A model trained on these MACCROBAT documents, ready to predict (raw scores)."""
        folder = self.taught()
        words = open_words(folder)
        plan = plan_for(longest_window(folder))
        marked = marked_windows(notes, words, MACCROBAT, plan)
        distilling = self.recipe.distilling
        if distilling is None:
            net = self._trained(folder, marked, self.recipe.product, seed)
        else:
            seeds = [1000 * seed + number for number in range(1, distilling.teachers + 1)]
            teachers = (self._trained(folder, marked, self.recipe.product, one) for one in seeds)
            soft = tagged_by(teachers, self._open_windows(folder, words, distilling, seed), device=self.device)
            net = self._trained(folder, [*marked, *soft], distilling.student, seed)
        net.eval()
        model = open_classifier(folder, LABELS, words=words, keep_head=False)
        model.base_model.load_state_dict(net.encoder.state_dict(), strict=False)
        model.classifier.load_state_dict(net.heads[PRODUCT].state_dict())
        model.to(self.device).eval()
        return Tagger(model, words, LABELS, plan, self.device, {})

    def _trained(
        self, folder: Path, windows: Sequence[MarkedWindow | SoftWindow], settings: Learning, seed: int
    ) -> ManyHeads:
        """A model of its own, from the taught encoder and heads."""
        torch.manual_seed(seed)
        net = ManyHeads(folder, HEADS)
        net.heads.load_state_dict(load_file(folder / _HEADS_FILE))
        learn(net.to(self.device), windows, replace(settings, seed=seed), device=self.device, say=self.say)
        return net

    def _open_windows(self, folder: Path, words: WordEncoder, settings: Distilling, seed: int) -> list[IntArray]:
        """What teachers tag: some of the unmarked texts, and all of the corpora other than MACCROBAT."""
        streams = load_file(self.stream() / _STREAM_FILE)
        length = longest_window(folder)
        some = drawn_windows(streams["unmarked"], words, count=settings.windows, length=length, seed=seed)
        return [*some, *all_windows(streams["annotated"], words, length=length)]

    def _unmarked_texts(self) -> Iterator[str]:
        for name in PRETRAINING_TEXTS:
            yield from (record["text"] for record in read_records(self.corpora / f"{name}.jsonl.gz"))

    def _annotated_texts(self) -> Iterator[str]:
        """Of the corpora other than MACCROBAT, so that any of it can be a test."""
        for spec in CORPORA.values():
            if spec is not MACCROBAT:
                yield from (note.text for note in corpus_notes(spec, self.corpora))

    def _stage(self, name: str, settings: dict[str, Any], make: Callable[[Path], None]) -> Path:
        """The folder of a stage; appears complete or not at all.

        Raises:
            ModelProblem: if one is there that was made with other settings or texts.
        """
        made_with = {
            "init": INIT_HASH,
            "vocabulary": VOCABULARY_SIZE,
            "texts": {name: records_hash(self.corpora / f"{name}.jsonl.gz") for name in sorted(_FILES)},
            **settings,
        }
        folder = self.work / name
        if folder.is_dir():
            if json.loads((folder / _MADE_WITH).read_text(encoding="utf-8")) != made_with:
                raise ModelProblem(
                    f"The stage {name!r} in {self.work.name!r} was made with other settings or texts. Take another "
                    "folder for --work, or remove that stage."
                )
            return folder
        self.work.mkdir(parents=True, exist_ok=True)
        draft = self.work / f".{name}.partial"
        shutil.rmtree(draft, ignore_errors=True)
        make(draft)
        (draft / _MADE_WITH).write_text(json.dumps(made_with, indent=2) + "\n", encoding="utf-8")
        draft.rename(folder)
        self.say(f"stage {name} done")
        return folder


_MADE_WITH = "made_with.json"
_FILES = {
    *PRETRAINING_TEXTS,
    *HELD_OUT,
    *(name for spec in CORPORA.values() if spec is not MACCROBAT for name in spec.files),
}
_HEADS_FILE = "heads.safetensors"
_STREAM_FILE = "pieces.safetensors"


def gold_of(note: CorpusNote) -> list[Span]:
    """The spans of a MACCROBAT document under the product's labels."""
    return sorted({Span(s.start, s.end, MACCROBAT_LABELS[s.label]) for s in note.spans if s.label in MACCROBAT_LABELS})


def longest_window(folder: Path) -> int:
    """As long as those of the pre-training: later positions were never learnt together with the rest."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return min(Pretraining().length, int(config["max_position_embeddings"]))


def splits(corpora: Path) -> dict[Split, list[CorpusNote]]:
    """MACCROBAT's documents by the product's own rule: the content hash of each."""
    found: dict[Split, list[CorpusNote]] = {split: [] for split in Split}
    for note in corpus_notes(MACCROBAT, corpora):
        found[split_of(patient_key=None, content_hash=content_hash(note.text))].append(note)
    return found


def build(shop: Workshop, *, out: Path, seed: int) -> Manifest:
    """Makes the starter and puts it in the place of the one in `out`.

    It is trained on the train documents of MACCROBAT and on the other corpora, and calibrated on the dev documents;
    the test documents and the dev sets of BC5CDR and NCBI Disease are used for nothing.
    """
    notes = splits(shop.corpora)
    train, dev = notes[Split.TRAIN], notes[Split.DEV]
    shop.say(f"stage starter: {len(train)} documents")
    tagger = shop.tagger(train, seed=seed)
    gold = [_as_gold(number, note, Split.DEV) for number, note in enumerate(dev, 1)]
    found = predict(tagger, [note.text for note in gold])
    manifest = _manifest(shop, tagger, train, dev, seed) | {"calibration": calibration_of(gold, found, LABELS)}

    def write_weights(folder: Path) -> None:
        with quiet():
            tagger.model.to("cpu").half().save_pretrained(str(folder))
        tagger.words.save(folder)

    new = out.with_name(f"{out.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    manifest = save_model(new, write_weights, manifest)
    shutil.rmtree(out, ignore_errors=True)
    new.rename(out)
    return manifest


def _as_gold(number: int, note: CorpusNote, split: Split) -> GoldNote:
    return GoldNote(number, content_hash(note.text), note.text, tuple(gold_of(note)), split)


def _manifest(
    shop: Workshop, tagger: Tagger, train: Sequence[CorpusNote], dev: Sequence[CorpusNote], seed: int
) -> Manifest:
    """Everything but calibration and weights hash. Every marked text it has seen is named by its content hash."""
    others = [note for spec in CORPORA.values() if spec is not MACCROBAT for note in corpus_notes(spec, shop.corpora)]
    gold = [_as_gold(n, note, Split.TRAIN) for n, note in enumerate(train, 1)]
    gold += [_as_gold(n, note, Split.DEV) for n, note in enumerate(dev, len(gold) + 1)]
    return {
        "format_version": FORMAT_VERSION,
        "name": "MedNER starter",
        "kind": AdapterKind.STARTER.value,
        "labels": list(LABELS),
        "tags": list(bio_tags(LABELS)),
        "trained_on": sorted({content_hash(note.text) for note in [*train, *others]}),
        "selected_on": sorted(content_hash(note.text) for note in dev),
        "dataset_hash": dataset_hash(gold),
        "hyper": asdict(shop.recipe),
        "window": asdict(tagger.window),
        "seed": seed,
        "code_version": __version__,
        "head": "new",
        "metrics": {},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **LINEAGE,
    }
