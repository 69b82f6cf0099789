"""Whatever the text, an adapter over an installed encoder finds spans on word edges and inside the text."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mednerapp.domain.models import HyperParameters
from mednerapp.ner import installing
from mednerapp.ner.encoders import ENCODERS
from mednerapp.ner.loading import Tagger, load_tagger
from mednerapp.ner.prediction import predict
from mednerapp.ner.words import split_words
from mednerapp.training.finetune import TrainingTask, lora_fine_tune
from mednerapp.training.loop import Hooks
from tests.tiny_models import make_published_folder, toy_notes

ROWS = ("ClinicalBERT", "SciBERT", "RoBERTa")  # cased and uncased WordPiece, byte-level BPE
LABELS = ("Drug", "Symptom")
PARTS = [
    "fever", "aspirin", "Ménière", "e\u0301", "β-blocker", "🙂", "👩🏽\u200d⚕\ufe0f", "\u200b", "\u200d", "\u00a0",
    "\u202f", "\ufeff", "\u00ad", "\r\n", "\n\n", "\t", " ", ". ", "38.5°C", "patient's", "İ", "ß", "漢字", "\u0301",
    "[SEP]", "</s>", "x" * 600,
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=6), max_size=30).map("".join)
LONG = "No fever\u00a0today.\r\nGave aspirin 🙂 " * 600  # 3,000 words and more
TOKEN = f"Fever {'aspirin' * 86} cough"  # one token of 602 characters


@pytest.fixture(scope="module")
def taggers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tagger]:
    folder = tmp_path_factory.mktemp("taggers")
    return {name: tagger_over(name, folder / name) for name in ROWS}


def tagger_over(name: str, folder: Path) -> Tagger:
    """Trained for a moment, then with a head that likes to tag, so that there is something to look at."""
    encoder, out = folder / "encoder", folder / "adapter"
    published = make_published_folder(folder / "published", ENCODERS[name], weights="safetensors")
    installing.add(published, name=name, target=encoder)
    task = TrainingTask(
        base_folder=encoder, encoder_name=name, train=toy_notes(LABELS, repeat=1), dev=(), labels=LABELS, device="cpu",
        out_dir=out, hyper=HyperParameters(epochs=1), name="Toy", dataset_hash="0" * 64,
    )  # fmt: skip
    lora_fine_tune(task, Hooks(lambda _: None, None, lambda: False))
    tagger = load_tagger(out, base_folder=encoder, device="cpu")
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for key, weight in tagger.model.named_parameters():
            if "classifier" in key:
                weight.copy_(torch.randn(weight.shape, generator=generator))
    return tagger


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=25)
@given(text=TEXTS)
@example(text=LONG)
@example(text=TOKEN)
@example(text="fever\r\n\u200baspirin\u200b\r\n\u00a0🙂\u00a0")
def test_every_span_is_on_word_edges_and_inside_the_text(taggers: dict[str, Tagger], name: str, text: str) -> None:
    [found] = predict(taggers[name], [text])
    words = split_words(text)
    starts, ends = set(words[:, 0].tolist()), set(words[:, 1].tolist())
    for scored in found:
        span = scored.span
        assert 0 <= span.start < span.end <= len(text)
        assert span.start in starts
        assert span.end in ends
        assert span.label in LABELS
        assert 0 <= scored.score <= 1
    assert all(one.span.end <= other.span.start for one, other in pairwise(found))
    if text in (LONG, TOKEN):
        assert found, "else nothing was tested"
