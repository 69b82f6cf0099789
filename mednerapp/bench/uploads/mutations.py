"""What goes wrong with files, and what somebody may do to them on purpose."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable

from mednerapp.bench.uploads.samples import SAMPLES, zip_of

Mutation = Callable[[random.Random, str, bytes], tuple[str, bytes]]
"""(kind of file, its bytes) → (ending, bytes)."""


def _flip(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    found = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 64))):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return ending, bytes(found)


def _cut(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    return ending, data[: chance.randrange(len(data))]


def _drop(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    start = chance.randrange(len(data))
    return ending, data[:start] + data[start + chance.randrange(1, 200) :]


def _repeat(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 100)]
    return ending, data[:start] + piece * chance.choice((2, 50, 5_000)) + data[start:]


def _insert(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    place = chance.randrange(len(data))
    strange = (
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"<",
        b'"',
        b"\r",
        b"{",
        b"\\u0000",
        b"&#0;",
        b"\xed\xa0\x80",
        b"99999999999",
    )
    return ending, data[:place] + chance.choice(strange) * chance.choice((1, 3, 1000)) + data[place:]


def _numbers(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    """Lengths, counts and offsets that are wrong."""
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return _flip(chance, ending, data)
    place = chance.choice(places)
    return ending, data[:place] + chance.choice((b"0", b"-1", b"4294967296", b"9" * 20, b"1e308")) + data[place + 1 :]


def _renamed(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    return chance.choice([e for e in (*SAMPLES, "exe", "doc", "dcm", "") if e != ending]), data


def _member(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    """The parts of an archive damaged inside, with sums that fit."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            members = {name: found.read(name) for name in found.namelist()}
    except zipfile.BadZipFile:
        return _flip(chance, ending, data)
    name = chance.choice(list(members))
    if members[name]:
        _, members[name] = chance.choice((_flip, _cut, _repeat, _insert, _numbers))(chance, ending, members[name])
    return ending, zip_of(members)


def _bomb(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    """Much in little: an archive that unpacks to megabytes, with or without saying so."""
    del ending, data
    size = chance.choice((1, 20, 150, 300)) << 20
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kinds = {
        "zip": {"a.txt": b"a" * size},
        "docx": {
            "word/document.xml": b'<w:document xmlns:w="%b"><w:body>' % word.encode()
            + b"<w:p><w:r><w:t>x</w:t></w:r></w:p>" * (size // 36)
            + b"</w:body></w:document>"
        },
        "xlsx": {"xl/workbook.xml": b"<x>" * (size // 3), "[Content_Types].xml": b"<Types/>"},
    }
    kind = chance.choice(list(kinds))
    bomb = zip_of(kinds[kind])
    if chance.random() < 0.3:  # the sizes that it names are wrong
        bomb = bomb.replace(len(next(iter(kinds[kind].values()))).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    if chance.random() < 0.2:
        return "zip", zip_of({f"{i}.zip": bomb for i in range(20)})
    return kind, bomb


def _deep(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    """Nested far deeper than anybody writes."""
    del ending, data
    depth = chance.choice((500, 5_000, 200_000))
    section = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><section><text>'
    kinds = {
        "json": b'{"resourceType":"Bundle","entry":' + b"[" * depth,
        "jsonl": b'{"text":' + b"[" * depth + b"]" * depth + b"}",
        "xml": section
        + b"<list><item>" * depth
        + b"x"
        + b"</item></list>" * depth
        + b"</text></section></ClinicalDocument>",
        "html": b"<div><table><tr><td>" * depth + b"x",
        "rtf": b"{\\rtf1 " + b"{\\b " * depth + b"x" + b"}" * depth + b"}",
        "pdf": b"%PDF-1.4\n1 0 obj\n" + b"[" * depth + b"\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF",
    }
    kind = chance.choice(list(kinds))
    return kind, kinds[kind]


def _giant(chance: random.Random, ending: str, data: bytes) -> tuple[str, bytes]:
    """One field as large as an upload may be."""
    del ending, data
    size = chance.choice((200_000, 2_000_000, 4_900_000))
    kinds = {
        "csv": b"id,text\n1," + b"a" * size + b"\n",
        "tsv": b"id\ttext\n" + b"\t" * size,
        "jsonl": b'{"text":"' + b"\\u00e9" * (size // 6) + b'"}',
        "hl7": b"MSH|^~\\&|||||||ORU^R01|1\rOBX|1|TX|||" + b"\\.br\\" * (size // 5),
        "txt": b"a " * (size // 2),
        "html": b"<p>" * (size // 3),
        "xml": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'"><!ENTITY d "' + b"&b;" * 1000 + b'">]><a>&d;</a>',
        "rtf": b"{\\rtf1 " + b"\\'e9" * (size // 4) + b"}",
    }
    kind = chance.choice(list(kinds))
    return kind, kinds[kind]


MUTATIONS: tuple[tuple[float, str, Mutation], ...] = (
    (22, "flip", _flip),
    (12, "cut", _cut),
    (10, "drop", _drop),
    (10, "repeat", _repeat),
    (12, "insert", _insert),
    (8, "numbers", _numbers),
    (8, "renamed", _renamed),
    (12, "member", _member),
    (1, "bomb", _bomb),
    (3, "deep", _deep),
    (2, "giant", _giant),
)


def malformed(chance: random.Random, valid: dict[str, bytes]) -> tuple[str, str, bytes]:
    """(what was done, name, bytes) of one file. `valid`: by ending."""
    _, what, mutation = chance.choices(MUTATIONS, [weight for weight, _, _ in MUTATIONS])[0]
    ending = chance.choice(("docx", "xlsx", "zip") if mutation is _member else list(valid))
    kind, data = mutation(chance, ending, valid[ending])
    return f"{what} of {ending}", f"note.{kind}" if kind else "note", data
