"""UIMA CAS as XMI, one file for each note, and `TypeSystem.xml` beside them, zipped. Offsets are UTF-16 units.

A span is a `medner.Mention`, a kind of DKPro's `NamedEntity`; its pieces, where it has some, are "begin,end;begin,end".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import RejectedNote
from mednerapp.formats.offsets import from_utf16, to_utf16
from mednerapp.formats.reading import (
    Read,
    archive,
    build,
    given_note_fields,
    guarded,
    member,
    note_fields,
    span_fields,
    span_from,
    span_of,
)
from mednerapp.formats.writing import Source, zipped

_XMI, _CAS = "http://www.omg.org/XMI", "http:///uima/cas.ecore"
_OURS, _TCAS = "http:///medner.ecore", "http:///uima/tcas.ecore"
_NAMED = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_MENTION = {"state", "origin", "score", "model", "assertion", "assertion_by", "comment", "unsure", "concepts"}
_NOTE = ("id", "title", "source", "patient_key", "note_type", "written_on", "annotator", "submitted")
for _prefix, _uri in (("xmi", _XMI), ("cas", _CAS), ("medner", _OURS), ("tcas", _TCAS)):
    register_namespace(_prefix, _uri)


def write(documents: Source) -> Iterator[bytes]:
    """The archive; texts hold no character that XML has not, ids are safe file names."""

    def entries() -> Iterator[tuple[str, Iterable[bytes]]]:
        yield "TypeSystem.xml", (_type_system(),)
        for document in documents():
            yield f"{document.id}.xmi", (_xmi(document),)

    return zipped(entries())


def _xmi(document: Document) -> bytes:
    unit = to_utf16(document.text)
    root = Element(f"{{{_XMI}}}XMI", {f"{{{_XMI}}}version": "2.0"})
    SubElement(root, f"{{{_CAS}}}NULL", {f"{{{_XMI}}}id": "0"})
    known = {"id": document.id, **note_fields(document)}
    end = str(unit(len(document.text)))
    SubElement(root, f"{{{_TCAS}}}DocumentAnnotation", _at(2, "0", end, {"language": "x-unspecified"}))
    SubElement(root, f"{{{_OURS}}}Note", _at(3, "0", end, {_java(name): value for name, value in known.items()}))
    for number, item in enumerate(document.spans, start=4):
        features = {"value": item.span.label, "mentionId": item.id}
        features |= {_java(name): value for name, value in span_fields(item).items()}
        if item.span.fragments:
            features["pieces"] = ";".join(f"{unit(a)},{unit(b)}" for a, b in item.span.fragments)
        place = _at(number, str(unit(item.span.start)), str(unit(item.span.end)), features)
        SubElement(root, f"{{{_OURS}}}Mention", place)
    sofa = {f"{{{_XMI}}}id": "1", "sofaNum": "1", "sofaID": "_InitialView", "mimeType": "text/plain"}
    SubElement(root, f"{{{_CAS}}}Sofa", {**sofa, "sofaString": document.text})
    members = " ".join(str(number) for number in range(2, 4 + len(document.spans)))
    SubElement(root, f"{{{_CAS}}}View", {"sofa": "1", "members": members})
    return tostring(root, encoding="UTF-8", xml_declaration=True)


def _at(number: int, begin: str, end: str, features: dict[str, str]) -> dict[str, str]:
    return {f"{{{_XMI}}}id": str(number), "sofa": "1", "begin": begin, "end": end, **features}


def _java(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _type_system() -> bytes:
    root = Element("typeSystemDescription", xmlns="http://uima.apache.org/resourceSpecifier")
    types = SubElement(root, "types")
    ours = (*sorted(map(_java, _MENTION)), "mentionId", "pieces")
    for name, parent, features in (
        (_NAMED, "uima.tcas.Annotation", ("value", "identifier")),
        ("medner.Mention", _NAMED, ours),
        ("medner.Note", "uima.tcas.Annotation", tuple(map(_java, _NOTE))),
    ):
        described = SubElement(types, "typeDescription")
        SubElement(described, "name").text = name
        SubElement(described, "description")
        SubElement(described, "supertypeName").text = parent
        holder = SubElement(described, "features")
        for feature in features:
            node = SubElement(holder, "featureDescription")
            SubElement(node, "name").text = feature
            SubElement(node, "description")
            SubElement(node, "rangeTypeName").text = "uima.cas.String"
    return tostring(root, encoding="UTF-8", xml_declaration=True)


def read(path: Path) -> Iterator[Read]:
    """Of the archive or of a single `.xmi`: our mentions, and others' annotations that have a `value`."""
    if path.suffix == ".xmi":
        yield guarded(path.name, lambda: _document(path.read_bytes(), path.stem))
        return
    with archive(path) as found:
        for name in (n for n in found.namelist() if n.endswith(".xmi")):
            yield guarded(name, lambda n=name: _document(member(found, n), Path(n).stem))


def _document(data: bytes, name: str) -> Document:
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException) as error:
        raise RejectedNote(f"The file is not XML that is read here ({type(error).__name__}).") from None
    sofas = root.findall(f"{{{_CAS}}}Sofa")
    if not sofas or "sofaString" not in sofas[0].attrib:
        raise RejectedNote("The CAS has no text.")
    sofa = sofas[0]
    text, key = sofa.attrib["sofaString"], sofa.get(f"{{{_XMI}}}id")
    unit = from_utf16(text)
    fields: dict[str, Any] = {}
    spans: list[ExchangeSpan] = []
    for node in root:
        if node.get("sofa") != key or node.get("begin") is None:
            continue
        values = {_python(feature): value for feature, value in node.attrib.items()}
        if node.tag == f"{{{_OURS}}}Note":
            fields = values
        elif values.get("value"):
            given = str(values.get("pieces") or f"{values['begin']},{values['end']}").split(";")
            pieces = [(unit(int(a)), unit(int(b))) for a, b in (piece.split(",") for piece in given)]
            values.setdefault("concepts", "_".join(str(values.get("identifier") or "").split()))
            span = span_of(0, 0, values["value"], pieces)
            spans.append(span_from(span, values, id=str(values.get("mention_id", ""))))
    return build(text, spans, id=str(fields.get("id") or name), **given_note_fields(fields))


def _python(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
