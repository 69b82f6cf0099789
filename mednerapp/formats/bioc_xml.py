"""BioC XML: collection, document, passage, annotation with locations. Offsets are code points of the document.

What is known of a span beside its type is in infons of the annotation, what is known of the note in the document's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from mednerapp.domain.exchange import Document
from mednerapp.errors import RejectedNote
from mednerapp.formats import bioc_json
from mednerapp.formats.reading import Read, guarded, opened
from mednerapp.formats.writing import Source

_HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<collection><source>MedNER</source><date></date><key>medner.key</key>\n'
)


def write(documents: Source) -> Iterator[bytes]:
    """The collection; texts hold no character that XML has not."""
    yield _HEAD
    for document in documents():
        yield tostring(_element(bioc_json.value_of(document)), encoding="unicode").encode() + b"\n"
    yield b"</collection>\n"


def _element(value: dict[str, Any]) -> Element:
    root = Element("document")
    SubElement(root, "id").text = value["id"]
    _infons(root, value["infons"])
    for passage in value["passages"]:
        node = SubElement(root, "passage")
        _infons(node, passage["infons"])
        SubElement(node, "offset").text = str(passage["offset"])
        SubElement(node, "text").text = passage["text"]
        for annotation in passage["annotations"]:
            under = SubElement(node, "annotation", id=annotation["id"])
            _infons(under, annotation["infons"])
            for place in annotation["locations"]:
                SubElement(under, "location", offset=str(place["offset"]), length=str(place["length"]))
            SubElement(under, "text").text = annotation["text"]
    return root


def _infons(node: Element, values: dict[str, str]) -> None:
    for key, value in values.items():
        SubElement(node, "infon", key=key).text = value


def read(path: Path) -> Iterator[Read]:
    """One document after the other; entities and references to other files are refused."""
    number = 0
    with opened(path) as file:
        try:
            root: Element | None = None
            for event, node in iterparse(file, events=("start", "end"), forbid_dtd=False):
                if root is None:
                    root = node
                elif event == "end" and node.tag == "document":
                    number += 1
                    yield guarded(f"document {number}", lambda n=node: _document(n))
                    root.clear()
        except (ParseError, DefusedXmlException) as error:
            raise RejectedNote(f"The file is not XML after document {number} ({type(error).__name__}).") from None


def _document(node: Element) -> Document:
    return bioc_json.document_of(
        {
            "id": node.findtext("id") or "",
            "infons": _given(node),
            "annotations": [_annotation(a) for a in node.findall("annotation")],
            "passages": [
                {
                    "offset": int(passage.findtext("offset") or 0),
                    "text": passage.findtext("text"),
                    "annotations": [_annotation(a) for a in passage.iter("annotation")],
                    "sentences": [
                        {"offset": int(s.findtext("offset") or 0), "text": s.findtext("text")}
                        for s in passage.findall("sentence")
                    ],
                }
                for passage in node.findall("passage")
            ],
        }
    )


def _annotation(node: Element) -> dict[str, Any]:
    places = [
        {"offset": int(place.attrib["offset"]), "length": int(place.attrib["length"])}
        for place in node.findall("location")
    ]
    return {"id": node.get("id", ""), "infons": _given(node), "locations": places}


def _given(node: Element) -> dict[str, str]:
    return {infon.get("key", ""): infon.text or "" for infon in node.findall("infon")}
