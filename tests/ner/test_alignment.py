from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mednerapp.domain.spans import Span
from mednerapp.ner.alignment import EncodedNote, WordEncoder, decode, spans_from_tags, token_tags, word_tags
from mednerapp.ner.tags import bio_tags
from mednerapp.ner.words import split_words
from tests.tiny_models import FAMILIES

LABELS = ("Disease", "Symptom", "Drug")

# What notes hold and tokenizers trip over, beside any character there is.
_AWKWARD = [
    "Ménière",
    "e\u0301",
    "β-blocker",
    "🙂",
    "👩🏽\u200d⚕\ufe0f",
    "\u200b",
    "\u00a0",
    "\u2009",
    "\ufeff",
    "\u00ad",
    "\r\n",
]
_AWKWARD += ["\n\n", "\t", "38.5°C", "5mg/day", "(IgM),", "↑WBC", "patient's", "x" * 600, "漢字", "\u0301", "İ", "ß"]
_AWKWARD += ["_", "##ing", "[SEP]", "</s>", "fever", "aspirin", " ", ". "]
texts = st.lists(st.sampled_from(_AWKWARD) | st.text(max_size=8), max_size=25).map("".join)


def _word_at_each(note: EncodedNote) -> set[tuple[int, int]]:
    return {(int(s), int(e)) for s, e in zip(note.starts, note.ends, strict=True)}


@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=150)
@given(text=texts, data=st.data())
def test_any_tags_give_spans_on_word_edges_inside_the_text(
    word_encoders: dict[str, WordEncoder], family: str, text: str, data: st.DataObject
) -> None:
    [note] = word_encoders[family].encode([text])
    words = {tuple(pair) for pair in split_words(text).tolist()}
    assert _word_at_each(note) <= words
    rows = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scores = rows.uniform(-9, 0, (len(note.ids), 7)).astype(np.float32)

    found = decode(note, scores, LABELS)

    starts, ends = {s for s, _ in words}, {e for _, e in words}
    for scored in found:
        span = scored.span
        assert span.start in starts
        assert span.end in ends
        assert span.end <= len(text)
        assert span.mention(text).strip() == span.mention(text) != ""
        assert 0 <= scored.score <= 1
    assert all(a.span.end <= b.span.start for a, b in pairwise(found))


@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=150)
@given(text=texts, data=st.data())
def test_gold_spans_on_word_edges_survive_the_way_to_tags_and_back(
    word_encoders: dict[str, WordEncoder], family: str, text: str, data: st.DataObject
) -> None:
    [note] = word_encoders[family].encode([text])
    gold: list[Span] = []
    at = 0
    while at < len(note.starts):
        first = data.draw(st.integers(at, len(note.starts) - 1))
        last = data.draw(st.integers(first, min(first + 4, len(note.starts) - 1)))
        if note.bullets[first]:
            at = first + 1
            continue
        while note.breaks[first + 1 : last + 1].any() or note.bullets[last]:
            last -= 1
        gold.append(Span(int(note.starts[first]), int(note.ends[last]), data.draw(st.sampled_from(LABELS))))
        at = last + 1 + data.draw(st.integers(0, 5))

    of_words = word_tags(note, gold, LABELS)
    of_tokens = token_tags(note, of_words)

    certain = np.log(np.eye(7, dtype=np.float32)[of_tokens] + 1e-9)
    assert [scored.span for scored in decode(note, certain, LABELS)] == gold
    assert [s.span for s in spans_from_tags(note, of_words, np.ones(len(of_words), np.float32), LABELS)] == gold


@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=50)
@given(notes=st.lists(texts, max_size=4))
def test_the_ids_alone_are_those_of_the_encoded_notes(
    word_encoders: dict[str, WordEncoder], family: str, notes: list[str]
) -> None:
    words = word_encoders[family]
    assert [ids.tolist() for ids in words.ids_of(notes)] == [note.ids.tolist() for note in words.encode(notes)]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_word_of_a_note_has_its_own_tokens(word_encoders: dict[str, WordEncoder], family: str) -> None:
    text = "Ménière 🙂 38.5°C,\u200bfever\u00a0↑WBC"
    [note] = word_encoders[family].encode([text])

    assert [text[s:e] for s, e in zip(note.starts, note.ends, strict=True)] == (
        ["Ménière", "🙂", "38", ".", "5", "°", "C", ",", "fever", "↑", "WBC"]
    )
    assert note.word_of_token[note.first_token].tolist() == list(range(len(note.starts)))
    assert set(note.word_of_token.tolist()) == set(range(len(note.starts)))


def test_roberta_reads_a_note_the_same_way_whatever_prefix_space_its_tokenizer_was_saved_with(tmp_path) -> None:
    from transformers import RobertaTokenizer

    from tests.tiny_models import make_tiny_encoder

    folder = make_tiny_encoder(tmp_path / "roberta", "roberta")
    text = "Fever, chest pain (38.5 °C)."
    notes = [
        WordEncoder(RobertaTokenizer.from_pretrained(folder, add_prefix_space=prefix)).encode([text])[0]
        for prefix in (False, True)
    ]

    assert notes[0].ids.tolist() == notes[1].ids.tolist()
    assert notes[0].word_of_token.tolist() == notes[1].word_of_token.tolist()


def test_a_tag_that_continues_another_label_begins_a_span_of_its_own(word_encoders: dict[str, WordEncoder]) -> None:
    [note] = word_encoders["bert-cased"].encode(["fever cough aspirin today"])
    tags = bio_tags(LABELS)
    wild = np.array([tags.index(t) for t in ("I-Symptom", "I-Drug", "I-Drug", "O")])

    found = spans_from_tags(note, wild, np.array([0.5, 0.8, 0.6, 1.0], np.float32), LABELS)

    assert [(s.span, round(s.score, 3)) for s in found] == [
        (Span(0, 5, "Symptom"), 0.5),
        (Span(6, 19, "Drug"), 0.7),
    ]


def test_a_gold_span_that_cuts_a_word_takes_the_whole_word_for_tagging(word_encoders: dict[str, WordEncoder]) -> None:
    text = "hepatosplenomegaly and fever"
    [note] = word_encoders["bert-uncased"].encode([text])

    tags = word_tags(note, [Span(0, 6, "Disease"), Span(6, 18, "Symptom"), Span(23, 28, "Symptom")], LABELS)

    assert tags.tolist() == [1, 0, 3]


def test_a_span_of_an_unknown_label_is_refused(word_encoders: dict[str, WordEncoder]) -> None:
    [note] = word_encoders["bert-uncased"].encode(["fever"])
    with pytest.raises(ValueError, match="'Dose' is not among Disease, Symptom, Drug"):
        word_tags(note, [Span(0, 5, "Dose")], LABELS)
