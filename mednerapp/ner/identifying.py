"""Identifiers by a model: an adapter over the starter, or a token classifier of other people's making."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoConfig

from mednerapp.domain.identifiers import Identifier, IdentifierType
from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import EncodedNote, FloatArray
from mednerapp.ner.compiled import Compiled
from mednerapp.ner.loading import Tagger, load_tagger, open_head, open_words, problems_of, window_of
from mednerapp.ner.manifest import FILE_NAME, Manifest, read_manifest
from mednerapp.ner.prediction import token_log_probabilities

_T = IdentifierType
THRESHOLD = 0.5  # of a model that says nothing else
_LEAST = 0.5  # a finding is at least so sure, because a detector lets go of what is less
_COARSE = 0.6
_OF_TAG = re.compile(r"^[BILUESM][-_](?=.)")
# What other models call their labels, letters and digits only; None: no identifier for us (see docs/identifiers.md).
NAMES: dict[str, IdentifierType | None] = {
    **dict.fromkeys(("name", "patient", "doctor", "staff", "hcw", "person", "per", "firstname", "lastname"), _T.NAME),
    **dict.fromkeys(("familymember", "familyname", "givenname", "middlename", "surname", "privateperson"), _T.NAME),
    **dict.fromkeys(("date", "dob", "dateofbirth", "datetime", "privatedate"), _T.DATE),
    **dict.fromkeys(("phone", "phonenumber", "contact", "telephone", "privatephone"), _T.PHONE),
    **dict.fromkeys(("fax", "faxnumber"), _T.FAX),
    **dict.fromkeys(("email", "emailaddress", "privateemail"), _T.EMAIL),
    **dict.fromkeys(("url", "web", "privateurl"), _T.URL),
    **dict.fromkeys(("ip", "ipaddr", "ipaddress"), _T.IP),
    **dict.fromkeys(("ssn", "socialsecuritynumber"), _T.SSN),
    **dict.fromkeys(("mrn", "medicalrecord", "medicalrecordnumber"), _T.MRN),
    **dict.fromkeys(("healthplan", "healthplannumber", "healthplanbeneficiarynumber"), _T.HEALTH_PLAN),
    **dict.fromkeys(("account", "accountnumber"), _T.ACCOUNT),
    **dict.fromkeys(("license", "certificatelicensenumber"), _T.LICENSE),
    **dict.fromkeys(("vehicle", "vehicleid"), _T.VEHICLE),
    **dict.fromkeys(("device", "deviceid"), _T.DEVICE),
    **dict.fromkeys(("loc", "location", "locationother", "gpe", "address", "street", "streetaddress"), _T.LOCATION),
    **dict.fromkeys(("city", "zip", "zipcode", "postcode", "geographiclocation", "privateaddress"), _T.LOCATION),
    **dict.fromkeys(("hospital", "facility", "patorg", "org", "organization", "organisation", "room"), _T.FACILITY),
    **dict.fromkeys(("ward", "department", "vendor"), _T.FACILITY),
    **dict.fromkeys(("id", "idnum", "bioid", "username", "otherid", "otherphi", "other", "uniqueidentifier"), _T.OTHER),
    "age": _T.AGE,
    **dict.fromkeys(("country", "state", "profession", "o", "time"), None),
}


@dataclass(frozen=True, slots=True)
class Finder:
    """tagger: the model; its manifest lists the tags. types: (tags,) of each tag, None for no identifier.

    threshold: a word is marked when the types together are at least so probable.
    """

    tagger: Tagger
    types: tuple[IdentifierType | None, ...]
    threshold: float

    def find(self, texts: Sequence[str]) -> list[list[Identifier]]:
        """Of each text, in its order, each on word edges, without overlap."""
        notes = self.tagger.words.encode(texts)
        scores = token_log_probabilities(self.tagger, notes)
        return [self._of(note, np.exp(score[note.first_token])) for note, score in zip(notes, scores, strict=True)]

    def _of(self, note: EncodedNote, probabilities: FloatArray) -> list[Identifier]:
        kinds = sorted({kind for kind in self.types if kind is not None})
        by_kind = np.stack(
            [probabilities[:, [at for at, k in enumerate(self.types) if k is kind]].sum(axis=1) for kind in kinds],
            axis=1,
        )
        sure = by_kind.sum(axis=1)
        chosen = np.where(sure >= self.threshold, by_kind.argmax(axis=1), -1)
        found: list[Identifier] = []
        first = 0
        for at in range(1, len(chosen) + 1):
            if at < len(chosen) and chosen[at] == chosen[first] and not note.breaks[at]:
                continue
            if chosen[first] >= 0:
                score = min(1.0, max(_LEAST, float(sure[first:at].mean())))
                kind = kinds[int(chosen[first])]
                if kind is _T.OTHER:
                    score = min(score, _COARSE)  # a rule that says which number it is knows more
                found.append(Identifier(int(note.starts[first]), int(note.ends[at - 1]), kind, score, "model"))
            first = at
        return found


def open_finder(folder: Path, *, starter: Path, device: str, threshold: float | None = None) -> Finder:
    """An adapter that was trained over the starter, or a whole checkpoint with labels of `NAMES`.

    threshold: None: that of the folder's manifest, or THRESHOLD.

    Raises:
        ModelProblem: if the folder cannot be used: damaged, pickled, another architecture, labels that are in no table.
    """
    if (folder / FILE_NAME).is_file():
        manifest = read_manifest(folder)
        tagger = load_tagger(folder, base_folder=starter, device=device)
    else:
        manifest = Manifest(tags=_tags_of(folder))
        words = open_words(folder)
        model = open_head(folder, words=words).to(device).eval()
        tagger = Tagger(model, words, (), window_of(model.config), device, manifest, Compiled(model))
    types = _types(manifest["tags"], folder)
    return Finder(tagger, types, threshold if threshold is not None else float(manifest.get("threshold", THRESHOLD)))


def _tags_of(folder: Path) -> list[str]:
    with problems_of(folder):
        config: Any = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        return [str(config.id2label[at]) for at in range(int(config.num_labels))]


def _types(tags: Sequence[str], folder: Path) -> tuple[IdentifierType | None, ...]:
    plain = [re.sub(r"[^a-z0-9]", "", _OF_TAG.sub("", tag).lower()) for tag in tags]
    unknown = sorted({tag for tag, name in zip(tags, plain, strict=True) if name not in NAMES})
    if unknown:
        raise ModelProblem(
            f"The model {folder.name!r} has labels that say nothing of identifiers to MedNER: {', '.join(unknown)}. "
            f"Rename them in id2label of its config.json; known are: {', '.join(NAMES)}."
        )
    types = tuple(NAMES[name] for name in plain)
    if not any(types):
        raise ModelProblem(f"The model {folder.name!r} has no label of an identifier: {', '.join(tags)}.")
    return types
