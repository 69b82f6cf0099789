"""The open corpora in their forms (JSON lines, brat, PubTator) come in whole: as many spans as their SOURCE.md says."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

import pytest

from mednerapp.domain.exchange import Document
from mednerapp.formats.table import FORMATS

CORPORA = Path(os.environ.get("MEDNER_CORPORA", "corpora"))
NAMES = ["bc5cdr", "chia", "maccrobat", "ncbi_disease", "phee", "neurotrialner"]
_ROW = re.compile(r"\| (\w+) \| (\d+) \| \d+ \| (\d+) \|")

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="The open corpora are not here (MEDNER_CORPORA).")


def counted(name: str) -> dict[str, tuple[int, int]]:
    """(notes, spans) by part, as the corpus says of itself."""
    source = (CORPORA / name / "SOURCE.md").read_text(encoding="utf-8")
    rows = {part: (int(notes), int(spans)) for part, notes, spans in _ROW.findall(source)}
    return {part: row for part, row in rows.items() if (CORPORA / name / f"{part}.jsonl.gz").exists()}


@pytest.mark.parametrize("name", NAMES)
def test_each_part_is_read_without_losing_a_note_or_a_span(name: str) -> None:
    assert counted(name)
    for part, (notes, spans) in counted(name).items():
        read = list(FORMATS["jsonl"].read(CORPORA / name / f"{part}.jsonl.gz"))
        documents = [d for d in read if isinstance(d, Document)]
        assert (len(read), len(documents)) == (notes, notes)
        assert sum(len(d.spans) for d in documents) == spans


@pytest.mark.parametrize(
    ("name", "part", "key"),
    [
        ("maccrobat", "train", "brat"),
        ("chia", "all", "brat"),
        ("bc5cdr", "dev", "pubtator"),
        ("ncbi_disease", "dev", "pubtator"),
    ],
)
def test_in_the_form_that_it_was_published_in_it_comes_in_with_every_span(
    tmp_path: Path, name: str, part: str, key: str
) -> None:
    """Written in that form first: the files that were published are not kept here."""
    read = FORMATS["jsonl"].read(CORPORA / name / f"{part}.jsonl.gz")
    documents = [d for d in islice(read, 100) if isinstance(d, Document)]
    row = FORMATS[key]
    path = tmp_path / f"corpus.{row.ending}"
    path.write_bytes(b"".join(row.export(lambda: documents)))
    again = [d for d in row.read(path) if isinstance(d, Document)]
    assert [d.id for d in again] == [d.id for d in documents]
    if key == "brat":
        assert [d.text for d in again] == [d.text for d in documents]
    assert [[item.span for item in d.spans] for d in again] == [
        [item.span for item in sorted(d.spans, key=lambda i: i.span)] for d in documents
    ]
