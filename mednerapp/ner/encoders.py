"""The encoders that the paper compares, one row each. No torch here: pages read this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TokenizerFamily = Literal["wordpiece", "byte-bpe"]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One pre-trained encoder. `cased`: whether its vocabulary tells "US" from "us", whatever its config says."""

    name: str
    hub_id: str
    cased: bool
    tokenizer: TokenizerFamily
    licence: str
    pretrained_on: str


# BERT is the cased one: ClinicalBERT and BioBERT were continued from it and share its vocabulary, so the three differ
# only in what they have read.
_ROWS = (
    EncoderSpec(
        "BERT", "google-bert/bert-base-cased", True, "wordpiece", "Apache-2.0", "English Wikipedia and BookCorpus"
    ),
    EncoderSpec(
        "ClinicalBERT",
        "emilyalsentzer/Bio_ClinicalBERT",
        True,
        "wordpiece",
        "MIT",
        "BioBERT continued on the notes of MIMIC-III",
    ),
    EncoderSpec(
        "SciBERT",
        "allenai/scibert_scivocab_uncased",
        False,
        "wordpiece",
        "Apache-2.0 (of its repository)",
        "1.14 million papers of Semantic Scholar, own vocabulary",
    ),
    EncoderSpec(
        "BlueBERT",
        "bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12",
        False,
        "wordpiece",
        "CC0-1.0",
        "BERT continued on PubMed abstracts and the notes of MIMIC-III",
    ),
    EncoderSpec(
        "BioBERT",
        "dmis-lab/biobert-base-cased-v1.2",
        True,
        "wordpiece",
        "not stated with the weights; Apache-2.0 for its code repository",
        "BERT continued on PubMed abstracts",
    ),
    EncoderSpec(
        "RoBERTa",
        "FacebookAI/roberta-base",
        True,
        "byte-bpe",
        "MIT",
        "BookCorpus, Wikipedia, CC-News, OpenWebText and Stories",
    ),
)

ENCODERS: dict[str, EncoderSpec] = {spec.name: spec for spec in _ROWS}


def spec_of(source: str) -> EncoderSpec | None:
    """The row with this name or hub id, None for an encoder that is not in the table."""
    return next((spec for spec in _ROWS if source in (spec.name, spec.hub_id)), None)
