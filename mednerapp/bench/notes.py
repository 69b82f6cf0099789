"""Synthetic clinical notes of heavy-tailed length, the same for a seed everywhere. No patient is in them."""

from __future__ import annotations

import math
import random

MEDIAN_WORDS = 100
SPREAD = 0.9  # standard deviation of the logarithm of the length
MOST_WORDS = 2_500

_SLOTS = {
    "disease": (
        "type 2 diabetes mellitus",
        "atrial fibrillation",
        "community-acquired pneumonia",
        "chronic kidney disease stage 3",
        "hypertension",
        "COPD",
        "acute pancreatitis",
        "breast carcinoma",
        "deep vein thrombosis",
        "hypothyroidism",
        "cellulitis of the left leg",
        "iron deficiency anaemia",
    ),
    "symptom": (
        "chest pain",
        "shortness of breath",
        "fever",
        "productive cough",
        "nausea and vomiting",
        "abdominal tenderness",
        "headache",
        "ankle swelling",
        "weight loss",
        "palpitations",
        "dizziness on standing",
    ),
    "drug": (
        "metformin 500 mg twice daily",
        "apixaban 5 mg",
        "furosemide 40 mg i.v.",
        "amoxicillin-clavulanate",
        "paracetamol",
        "levothyroxine 75 mcg",
        "atorvastatin 40 mg nightly",
        "prednisolone 30 mg",
        "insulin glargine",
    ),
    "procedure": (
        "laparoscopic cholecystectomy",
        "coronary angiography",
        "total hip replacement",
        "haemodialysis",
        "wound debridement",
        "bronchoscopy",
        "appendectomy in 1998",
    ),
    "test": (
        "chest X-ray",
        "CT of the abdomen with contrast",
        "HbA1c",
        "serum creatinine",
        "troponin I",
        "ECG",
        "blood cultures",
        "echocardiogram",
        "full blood count",
    ),
    "finding": (
        "unremarkable",
        "raised at 148 umol/L",
        "within normal limits",
        "suggestive of consolidation",
        "negative x2",
        "stable compared with the previous one",
        "7.8% (62 mmol/mol)",
        "pending",
    ),
    "when": ("today", "three days ago", "overnight", "in March 2021", "since admission", "for the last 6 weeks"),
    "age": ("34", "47", "58", "63", "71", "79", "86"),
}
_SENTENCES = (
    "The patient is a {age}-year-old with {disease}, presenting with {symptom} {when}.",
    "There was no {symptom} or {symptom}.",
    "Past history includes {disease} and {disease}; previous {procedure}.",
    "{test} was {finding}.",
    "She was started on {drug} {when} and tolerated it well.",
    "He denies {symptom}, but reports {symptom} on exertion.",
    "Impression: {disease}, likely secondary to {disease}.",
    "{drug} was stopped because of {symptom}; {drug} was given instead.",
    "Repeat {test} {when}: {finding}.",
    "Underwent {procedure} without complications.",
    "BP 132/78 mmHg, HR 88/min, temp 37.9, SpO2 94% on room air.",
    "Plan: continue {drug}, arrange {test}, review by the team {when}.",
)
_ITEMS = ("- {drug}\n", "- {test}: {finding}\n", "- {disease}\n")
_HEADERS = ("History", "Medications", "Examination", "Investigations", "Assessment", "Plan")


def synthetic_notes(count: int, *, seed: int = 0) -> list[str]:
    """Notes whose numbers of words are log-normal: half below 100, one in a hundred above 800.

    The last note always needs windows: an encoder with 512 positions does not take it whole.
    """
    draw = random.Random(seed)  # noqa: S311  texts, not secrets
    lengths = [min(MOST_WORDS, round(MEDIAN_WORDS * math.exp(draw.gauss(0, SPREAD)))) for _ in range(count)]
    lengths[-1:] = [max(1_200, *lengths[-1:])] if lengths else []
    return [_note(length, draw) for length in lengths]


def synthetic_note(words: int, *, seed: int = 0) -> str:
    """One note of at least so many words, with no limit."""
    return _note(words, random.Random(seed))  # noqa: S311  a text, not a secret


def terms() -> dict[str, tuple[str, ...]]:
    """The diseases, symptoms, drugs, procedures and tests in the notes, by their label's name in lower case."""
    return {kind: _SLOTS[kind] for kind in ("disease", "symptom", "drug", "procedure", "test")}


def _note(words: int, draw: random.Random) -> str:
    """Sentences, now and then a header or a list, until there are so many words; at least one sentence."""
    parts: list[str] = []
    written = 0
    while written < max(words, 1):
        kind = draw.random()
        if kind < 0.06 and written:
            part = f"\n\n{draw.choice(_HEADERS)}:\n"
        elif kind < 0.12 and written:
            part = "\n" + "".join(_filled(draw.choice(_ITEMS), draw) for _ in range(draw.randint(2, 5)))
        else:
            part = _filled(draw.choice(_SENTENCES), draw) + draw.choice(("\n", " ", " ", " "))
        parts.append(part)
        written += len(part.split())
    return "".join(parts).strip() + "\n"


def _filled(frame: str, draw: random.Random) -> str:
    while "{" in frame:
        slot = frame[frame.index("{") + 1 : frame.index("}")]
        frame = frame.replace(f"{{{slot}}}", draw.choice(_SLOTS[slot]), 1)
    return frame
