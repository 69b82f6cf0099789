"""The encoders that the paper compares, one row each, and what is written beside an installed one.

No torch here: pages read this table.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from mednerapp.domain.models import PUBLISHED_RESULTS, PublishedResult
from mednerapp.errors import ModelProblem

TokenizerFamily = Literal["wordpiece", "byte-bpe"]

FOLDER = "encoders"  # below the model folder: one folder for each installed encoder
INCOMING = "incoming"  # below the model folder: where somebody puts folders that are to be added
DOWNLOADS = "downloads"  # below the model folder: what is on its way
RECORD = "encoder.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One pre-trained encoder of the hub.

    `revision`: the commit that is pulled. `cased`: whether its vocabulary tells "US" from "us", whatever its config
    says. `licence`: as its hub page states it.
    """

    name: str
    hub_id: str
    revision: str
    cased: bool
    tokenizer: TokenizerFamily
    licence: str
    pretrained_on: str

    @property
    def published(self) -> PublishedResult:
        """The row of the paper's table; without figures for an encoder that it does not have."""
        found = (result for result in PUBLISHED_RESULTS if result.encoder == self.name)
        return next(found, PublishedResult(self.name, None, None))


# BERT is the cased one: ClinicalBERT and BioBERT were continued from it and share its vocabulary, so the three differ
# only in what they have read. The commits were read off the hub's own pages (BERT, BlueBERT, BioBERT, RoBERTa) or off
# the snapshots that several others pinned (ClinicalBERT, SciBERT).
_ROWS = (
    EncoderSpec(
        "BERT",
        "google-bert/bert-base-cased",
        "cd5ef92a9fb2f889e972770a36d4ed042daf221e",
        True,
        "wordpiece",
        "Apache-2.0",
        "English Wikipedia and BookCorpus",
    ),
    EncoderSpec(
        "ClinicalBERT",
        "emilyalsentzer/Bio_ClinicalBERT",
        "d5892b39a4adaed74b92212a44081509db72f87b",
        True,
        "wordpiece",
        "MIT",
        "BioBERT continued on the notes of MIMIC-III",
    ),
    EncoderSpec(
        "SciBERT",
        "allenai/scibert_scivocab_uncased",
        "24f92d32b1bfb0bcaf9ab193ff3ad01e87732fc1",
        False,
        "wordpiece",
        "not stated with the weights; Apache-2.0 for its code repository",
        "1.14 million papers of Semantic Scholar, own vocabulary",
    ),
    EncoderSpec(
        "BlueBERT",
        "bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12",
        "c656dbe1fc4d6c7771d93bcaff21b2e7984f64c8",
        False,
        "wordpiece",
        "CC0-1.0",
        "BERT continued on PubMed abstracts and the notes of MIMIC-III",
    ),
    EncoderSpec(
        "BioBERT",
        "dmis-lab/biobert-base-cased-v1.2",
        "67c9c25b46986521ca33df05d8540da1210b3256",
        True,
        "wordpiece",
        "not stated with the weights; Apache-2.0 for its code repository",
        "BERT continued on PubMed abstracts",
    ),
    EncoderSpec(
        "RoBERTa",
        "FacebookAI/roberta-base",
        "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
        True,
        "byte-bpe",
        "MIT",
        "BookCorpus, Wikipedia, CC-News, OpenWebText and Stories",
    ),
)

ENCODERS: dict[str, EncoderSpec] = {spec.name: spec for spec in _ROWS}


def spec_of(source: str) -> EncoderSpec | None:
    """The row with this name or hub id, in any case; None for an encoder that is not in the table."""
    wanted = source.casefold()
    found = (spec for spec in ENCODERS.values() if wanted in (spec.name.casefold(), spec.hub_id.casefold()))
    return next(found, None)


def slug(name: str) -> str:
    """The name as a folder is called."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:80] or "encoder"


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """What encoder.json says of the weights beside it.

    source: hub id, or "folder NAME". revision: the commit, '' where none is known. architecture: "bert" or "roberta".
    original_file, original_hash: the weights as they came, SHA-256. weights_hash: those of model.safetensors; the same
    when nothing had to be converted. repairs: what was put right, one sentence each. how: "hub", "cache" or "folder".
    """

    name: str
    source: str
    revision: str
    architecture: str
    cased: bool
    tokenizer: TokenizerFamily
    licence: str
    original_file: str
    original_hash: str
    weights_hash: str
    repairs: tuple[str, ...]
    how: str
    installed_at: str
    installed_by: str
    format_version: int = FORMAT_VERSION

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        (folder / RECORD).write_text(text, encoding="utf-8")


def read_record(folder: Path) -> EncoderRecord:
    """Raises ModelProblem when the folder is no installed encoder."""
    try:
        found: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        fields = cast("dict[str, Any]", found)
        if fields["format_version"] != FORMAT_VERSION:
            raise ModelProblem(
                f"The encoder {folder.name!r} was installed by another version of MedNER (format "
                f"{fields['format_version']!r}, this one reads {FORMAT_VERSION}). Install it again."
            )
        fields["repairs"] = tuple(fields["repairs"])
        return EncoderRecord(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelProblem(
            f"The encoder folder {folder.name!r} has no readable {RECORD} ({type(error).__name__}). Remove the encoder "
            "and install it again."
        ) from error


def folder_size(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
