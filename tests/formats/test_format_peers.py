"""The tools that a format is for read what we write: with their own readers, where these are installed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.domain.spans import Span
from mednerapp.formats.table import FORMATS

TEXT = "Fièvre 😀 since Monday.\nNo chest pain; 🩺 aspirin 75 mg."


def at(words: str, label: str) -> Span:
    return Span(TEXT.index(words), TEXT.index(words) + len(words), label)


ASPIRIN = at("aspirin", "Drug")
DOCUMENTS = [
    Document(
        TEXT,
        (
            ExchangeSpan(Span(0, 6, "Symptom"), id="a", concepts=("MESH:D005334",)),
            ExchangeSpan(
                at("chest pain", "Symptom"),
                id="b",
                assertion=Assertion.ABSENT,
                assertion_by=Origin.PERSON,
                comment="sure?",
            ),
            ExchangeSpan(at("aspirin", "Drug"), id="c", score=0.5, origin=Origin.MODEL),
            ExchangeSpan(
                at("aspirin 75 mg", "Drug"), id="d", state=SpanState.SUGGESTED, origin=Origin.MODEL, model="BioBERT"
            ),
            ExchangeSpan(Span(0, ASPIRIN.end, "Test", ((0, 6), (ASPIRIN.start, ASPIRIN.end))), id="e"),
        ),
        id="n1",
        title="Clinic",
        patient_key="P1",
    ),
    Document("Nothing here.", id="n2"),
]
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(key: str) -> Path:
        row = FORMATS[key]
        path = tmp_path / f"{key}.{row.ending}"
        path.write_bytes(b"".join(row.export(lambda: DOCUMENTS)))
        return path

    return made


def peer(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: its reader cannot check ours")


def test_spacy_loads_the_docbin(write: Write) -> None:
    spacy = peer("spacy")
    with zipfile.ZipFile(write("spacy")) as archive:
        packed = spacy.tokens.DocBin(store_user_data=True).from_bytes(archive.read("notes-00001.spacy"))
    first, second = packed.get_docs(spacy.vocab.Vocab())
    assert (first.text, second.text) == (TEXT, "Nothing here.")
    assert [(e.text, e.label_) for e in first.ents] == [
        ("Fièvre", "Symptom"),
        ("chest pain", "Symptom"),
        ("aspirin", "Drug"),
    ]
    assert len(first.spans["sc"]) == 3


def test_bioc_reads_xml_and_json(write: Write) -> None:
    peer("bioc")
    from bioc import biocjson, biocxml

    for load, key in ((biocxml.load, "bioc-xml"), (biocjson.load, "bioc-json")):
        with write(key).open(encoding="utf-8") as file:
            document = load(file).documents[0]
        passage = document.passages[0]
        assert (document.id, passage.text) == ("n1", TEXT)
        found = {a.id: a for a in passage.annotations}
        assert [(p.offset, p.length) for p in found["e"].locations] == [(0, 6), (ASPIRIN.start, 7)]
        assert found["b"].infons["assertion"] == "absent"
        assert all(
            a.text == " … ".join(TEXT[p.offset : p.offset + p.length] for p in a.locations) for a in found.values()
        )


def test_bioc_reads_pubtator(write: Write) -> None:
    peer("bioc")
    from bioc import pubtator

    with write("pubtator").open(encoding="utf-8") as file:
        first, second = pubtator.load(file)
    assert (first.pmid, second.title) == ("n1", "Nothing here.")
    text = f"{first.title} {first.abstract}"
    assert text == TEXT.replace("\n", " ")
    assert [text[a.start : a.end] for a in first.annotations] == [a.text for a in first.annotations]
    assert next(a.id for a in first.annotations) == "MESH:D005334"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cassis_reads_the_cas_and_finds_each_mention(write: Write) -> None:
    cassis = peer("cassis")
    with zipfile.ZipFile(write("uima-xmi")) as archive:
        types = cassis.load_typesystem(archive.read("TypeSystem.xml").decode())
        cas = cassis.load_cas_from_xmi(archive.read("n1.xmi").decode(), typesystem=types)
    assert cas.sofa_string == TEXT
    found = {m.mentionId: m for m in cas.select("medner.Mention")}
    assert (found["c"].get_covered_text(), found["c"].value, found["c"].score) == ("aspirin", "Drug", "0.5")
    named = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
    assert len(list(cas.select(named))) == 5  # ours are a kind of theirs


def test_datasets_loads_the_rows(write: Write, tmp_path: Path) -> None:
    datasets = peer("datasets")
    with zipfile.ZipFile(write("hf-tokens")) as archive:
        archive.extractall(tmp_path / "rows")
    names = json.loads((tmp_path / "rows/names.json").read_text())
    rows = datasets.Dataset.from_list(
        [json.loads(line) for line in (tmp_path / "rows/notes.jsonl").read_text(encoding="utf-8").splitlines()]
    )
    typed = rows.cast_column("ner_tags", datasets.List(datasets.ClassLabel(names=names)))
    first = typed[0]
    tagged = [(w, names[t]) for w, t in zip(first["tokens"], first["ner_tags"], strict=True) if t]
    assert tagged == [
        ("Fièvre", "B-Symptom"), ("chest", "B-Symptom"), ("pain", "I-Symptom"), ("aspirin", "B-Drug"),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_label_studio_accepts_the_tasks_under_our_configuration(write: Write) -> None:
    peer("label_studio_sdk")
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="a part of the SDK is not installed")
    from mednerapp.formats.label_studio import configuration

    config = interface.LabelInterface(configuration(["Symptom", "Drug", "Test"]))
    tasks = json.loads(write("label-studio").read_text(encoding="utf-8"))
    for task in tasks:
        assert config.validate_task({"data": task["data"]})
        assert all(config.validate_annotation(annotation) for annotation in task["annotations"])
        assert all(config.validate_prediction(prediction) for prediction in task["predictions"])
    regions = [r["value"] for r in tasks[0]["annotations"][0]["result"] if r["type"] == "labels"]
    utf16 = TEXT.encode("utf-16-le")
    for region in regions[:3]:
        assert utf16[2 * region["start"] : 2 * region["end"]].decode("utf-16-le") == region["text"]


def test_fhir_resources_validates_the_bundle_and_nothing_negated_is_a_condition_of_the_patient(write: Write) -> None:
    peer("fhir.resources")
    from fhir.resources.R4B.bundle import Bundle

    family = ExchangeSpan(Span(0, 6, "Disease"), assertion=Assertion.FAMILY, assertion_by=Origin.PERSON)
    DOCUMENTS.append(Document("Asthma in the mother.", (family,), id="n3"))
    try:
        bundle = Bundle.model_validate_json(write("fhir").read_bytes())
    finally:
        DOCUMENTS.pop()
    kinds = [entry.resource for entry in bundle.entry]
    found = {r.id: r for r in kinds}
    assert found["note-1-span-2"].verificationStatus.coding[0].code == "refuted"
    assert found["note-3-span-1"].get_resource_type() == "FamilyMemberHistory"
    assert found["note-1-span-1"].verificationStatus.coding[0].code == "unconfirmed"  # nobody said that it is present
    assert sum(r.get_resource_type() == "DocumentReference" for r in kinds) == 3


def test_seqeval_reads_the_tags_of_conll(write: Write) -> None:
    scheme = pytest.importorskip("seqeval.scheme", reason="seqeval is not installed")
    for key, tags in (("conll-bio", scheme.IOB2), ("conll-bioes", scheme.IOBES)):
        with zipfile.ZipFile(write(key)) as archive:
            lines = archive.read("notes.conll").decode().splitlines()
        given = [[line.split("\t")[1] for line in lines if "\t" in line and not line.startswith("-DOCSTART-")]]
        entities = scheme.Entities(given, scheme=tags).entities[0]
        assert [e.tag for e in entities] == ["Symptom", "Symptom", "Drug"]
