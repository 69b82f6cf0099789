"""A small valid file of every kind that is read, with the same two sentences in it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable

FIRST, SECOND = "Fever since Monday.", "No chest pain; aspirin 75 mg."
TEXT = f"{FIRST}\n{SECOND}"


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def docx() -> bytes:
    """With a header, a table and a paragraph."""
    head = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def paragraph(text: str) -> str:
        return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"

    cells = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Aspirin", "75 mg"))
    body = paragraph(FIRST) + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>" + paragraph(SECOND)
    return zip_of(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": f"<w:document {head}><w:body>{body}</w:body></w:document>".encode(),
            "word/header1.xml": f"<w:hdr {head}>{paragraph('Ward 3')}</w:hdr>".encode(),
        }
    )


def pdf(*pages: str | None) -> bytes:
    """A page for each text; None for one that is a picture only."""
    pages = pages or (FIRST, SECOND)
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    picture = 4 + 2 * len(pages)
    for i, text in enumerate(pages):
        things = "/Font << /F1 3 0 R >>" if text is not None else f"/XObject << /I {picture} 0 R >>"
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() if text is not None else b"/I Do"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R "
            f"/Resources << {things} >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn))
    objects.append(
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
        b"\nstream\n\x00\nendstream"
    )
    out, places = b"%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
        len(objects) + 1,
        len(out),
    )


def noteevents(rows: int = 2) -> bytes:
    """In the layout of MIMIC-III's NOTEEVENTS.csv; the notes are invented."""
    head = "ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CHARTTIME,STORETIME,CATEGORY,DESCRIPTION,CGID,ISERROR,TEXT\n"
    lines = (f'{i},{i % 7},9,2130-04-14,,,Nursing,Report,,,"{FIRST}\nRow {i}. {SECOND}"\n' for i in range(1, rows + 1))
    return (head + "".join(lines)).encode()


def excel() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (("note_id", "patient_id", "text"), (1, "P1", FIRST), (2, "P2", SECOND)):
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"note_id": [1, 2], "patient_id": ["P1", "P2"], "text": [FIRST, SECOND]}), buffer)
    return buffer.getvalue()


def hl7() -> bytes:
    escaped = SECOND.replace("&", "\\T\\")
    return (
        f"MSH|^~\\&|LAB|H|APP|H|20300102||ORU^R01|77|P|2.3\rPID|1||P1^^^H||Doe^J\r"
        f"OBR|1||R5|CXR^Chest X-ray|||20300101\r"
        f"OBX|1|TX|||{FIRST}\\.br\\{escaped}\rMSH|^~\\&|DOC|H|APP|H|20300102||MDM^T02|78|P|2.3\rPID|1||P2\r"
        f"TXA|1|Letter||20300103||||||||D9\rOBX|1|FT|||{FIRST}~{escaped}\r"
    ).encode()


def fhir() -> bytes:
    data = base64.b64encode(TEXT.encode()).decode()
    attachment = {"contentType": "text/plain", "data": data}
    subject = {"reference": "Patient/P1"}
    return json.dumps(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [
                {
                    "resource": {
                        "resourceType": "DocumentReference",
                        "id": "d1",
                        "status": "current",
                        "date": "2030-01-02T10:00:00Z",
                        "subject": subject,
                        "content": [{"attachment": attachment}],
                    }
                },
                {
                    "resource": {
                        "resourceType": "DiagnosticReport",
                        "id": "r1",
                        "status": "final",
                        "code": {"text": "CT"},
                        "subject": subject,
                        "conclusion": SECOND,
                    }
                },
            ],
        }
    ).encode()


def cda() -> bytes:
    return (
        '<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><id extension="D1"/>'
        '<code displayName="Summary"/>'
        '<title>Discharge</title><effectiveTime value="20300102"/><recordTarget><patientRole><id extension="P1"/>'
        "</patientRole></recordTarget><component><structuredBody><component><section><title>Course</title><text>"
        f"<paragraph>{FIRST}</paragraph><table><tbody><tr><td>Aspirin</td><td>75 mg</td></tr></tbody></table></text>"
        "</section></component></structuredBody></component></ClinicalDocument>"
    ).encode()


def rtf() -> bytes:
    return rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\f0 " + TEXT.replace("\n", r"\par ").encode() + b"}"


def html() -> bytes:
    return (
        f"<html><head><title>x</title><style>p{{}}</style></head><body><h1>Note</h1><p>{FIRST}<br>{SECOND}</p>"
        "<table><tr><td>Aspirin</td><td>75 mg</td></tr></table><script>alert(1)</script></body></html>"
    ).encode()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "txt": TEXT.encode,
    "md": f"# Note\n\n{TEXT}".encode,
    "html": html,
    "rtf": rtf,
    "pdf": pdf,
    "docx": docx,
    "csv": noteevents,
    "tsv": f"id\ttext\n1\t{FIRST}\n2\t{SECOND}\n".encode,
    "xlsx": excel,
    "parquet": parquet,
    "jsonl": lambda: "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate((FIRST, SECOND))).encode(),
    "hl7": hl7,
    "json": fhir,
    "xml": cda,
    "zip": lambda: zip_of({"a.txt": FIRST.encode(), "folder/b.docx": docx(), "c.csv": noteevents()}),
}
