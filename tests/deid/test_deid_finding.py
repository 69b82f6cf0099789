from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mednerapp.deid.detector import Detector
from mednerapp.deid.measuring import Marked, is_for_tuning, measure, wilson
from mednerapp.deid.planting import Sources, planted
from mednerapp.domain.identifiers import Identifier, IdentifierType

T = IdentifierType
DETECTOR = Detector()


def found(text: str) -> list[tuple[str, IdentifierType]]:
    return [(text[one.start : one.end], one.type) for one in DETECTOR.find(text)]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("Seen by Dr. Xanthippe Łukasiewicz-Dale today", "Xanthippe Łukasiewicz-Dale", T.NAME),
        ("Patient: OYELARAN, Tobias", "OYELARAN, Tobias", T.NAME),
        ("Mary Johnson is a 62-year-old woman", "Mary Johnson", T.NAME),
        ("Zorvath reports that the pain is worse", "Zorvath", T.NAME),
        ("Read by: ZORVATH, QUILLA", "ZORVATH, QUILLA", T.NAME),
        ("Quilla R. Zorvath returned for review", "Quilla R. Zorvath", T.NAME),
        ("We paged Zorvath regarding potassium", "Zorvath", T.NAME),
        ("Procedure performed by Zorvath, Quilla.", "Zorvath, Quilla", T.NAME),
        ("[doctor] hi teresa, how are you?", "teresa", T.NAME),
        ("Next review Tuesday, March 3rd, 2022.", "Tuesday, March 3rd, 2022", T.DATE),
        ("Bloods 22/04/2022 reviewed", "22/04/2022", T.DATE),
        ("Seen 22.04.86 in clinic", "22.04.86", T.DATE),
        ("Admitted Oct. 16, 2021 with fever", "Oct. 16, 2021", T.DATE),
        ("Collected 15Jun1996", "15Jun1996", T.DATE),
        ("Stay 03/04/2021-05/04/2021", "03/04/2021-05/04/2021", T.DATE),
        ("Recheck on 23/09.", "23/09", T.DATE),
        ("In room 12 May 06, 2006", "12 May 06, 2006", T.DATE),
        ("Labs pre-11/22/1935.", "11/22/1935", T.DATE),
        ("A 93-year-old lady", "93", T.AGE),
        ("MRN: 00-0000-27", "00-0000-27", T.MRN),
        ("Member ID AX-987654", "AX-987654", T.HEALTH_PLAN),
        ("SSN 123-45-6789", "123-45-6789", T.SSN),
        ("Tel (413) 867-5309", "(413) 867-5309", T.PHONE),
        ("Fax: 413-867-5309", "413-867-5309", T.FAX),
        ("write to m.j@mail.com please", "m.j@mail.com", T.EMAIL),
        ("from 10.20.30.40 tonight", "10.20.30.40", T.IP),
        ("Lives at 12 Alder Street, Springfield, IL 62704", "12 Alder Street, Springfield, IL 62704", T.LOCATION),
        ("Transferred from St. Vincent's Hospital", "St. Vincent's Hospital", T.FACILITY),
        ("VIN 1HGCM82633A004352", "1HGCM82633A004352", T.VEHICLE),
        ("Drives a grey van (KLM 2039).", "KLM 2039", T.VEHICLE),
        ("Pacemaker S/N 212-69612", "212-69612", T.DEVICE),
    ],
)
def test_identifiers_are_found_whole_and_by_type(text: str, value: str, kind: IdentifierType) -> None:
    assert (value, kind) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "History of Parkinson's disease, Crohn's disease and a positive Babinski sign.",
        "BP 120/80, pain 7/10, strength 4/5, EF 55%, murmur 2/6, HbA1c 10.",
        "A 72-year-old woman diagnosed in 2021, platelets 250000, metformin 1000 mg twice daily.",
        "Framingham Risk Score of 20%, NYHA III, Glasgow Coma Scale 15, NCT01234567.",
        "Metoprolol was started. Sarcoidosis presents with cough. After the car accident WBC 12.3, version 1.2.10.",
        "May take ibuprofen. Seen in the outpatient clinic. Back pain. L4-L5 disc, T12 fracture.",
    ],
)
def test_clinical_words_and_numbers_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_name_found_once_is_found_again_but_not_in_an_eponym() -> None:
    text = "Dr. Quennell saw him. Later QUENNELL agreed. Quennell disease is something else."
    assert found(text) == [("Quennell", T.NAME), ("QUENNELL", T.NAME)]


def test_what_the_upload_knew_is_found_wherever_it_stands() -> None:
    text = "zyx was here; id 77; Zyx Abc again"
    known = {T.NAME: ["Abc, Zyx"], T.MRN: ["77"]}
    values = [text[one.start : one.end] for one in DETECTOR.find(text, known_values=known)]
    assert values == ["zyx", "Zyx", "Abc"]  # two digits alone would be found everywhere


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_findings_are_in_order_without_overlap_and_inside_the_text(text: str) -> None:
    last = 0
    for one in DETECTOR.find(text):
        assert last <= one.start < one.end <= len(text)
        last = one.end


def test_an_identifier_counts_as_found_only_when_nothing_of_it_can_be_read() -> None:
    half = Detector((lambda _: [Identifier(0, 4, T.NAME)],), spreads=False)
    texts = [Marked("Mary Johnson", ((0, 12, "NAME"),)), Marked("Mary", ((0, 4, "NAME"),)), Marked("Fever", ())]
    measured = measure(texts, half)
    assert (measured.found["NAME"], measured.gold["NAME"], measured.clean, measured.touched) == (1, 2, 1, 1)
    assert (measured.right, measured.findings) == (2, 3)


def test_the_interval_of_a_share_is_wilsons() -> None:
    share = wilson(9, 10)
    assert (share.value, round(share.low or 0, 4), round(share.high or 0, 4)) == (0.9, 0.5958, 0.9821)
    assert wilson(0, 0).value is None


def test_planted_identifiers_stand_where_they_are_said_to() -> None:
    people = (("Zebulon", "Quarx"), ("Ygritte", "Vond"))
    given_ = Sources(
        ("Fever. Cough.\nRash.",), people, ("0490 75",), ("a@b.org",), ("http://x.fr/",), ("Zonhoven",), True
    )
    notes = list(planted(given_, each=20))
    assert {kind for note in notes for *_, kind in note.gold} == {kind.value for kind in T}
    for note in notes:
        for start, end, _ in note.gold:
            assert note.text[start:end].strip() == note.text[start:end] != ""
    assert is_for_tuning("a") in (True, False)


def test_presidio_runs_without_model_network_and_torch() -> None:
    code = (
        "import sys, json; from mednerapp.deid.detector import usual; before = 'presidio_analyzer' in sys.modules;"
        "t = 'card 4111 1111 1111 1111, mail a@b.org';"
        "found = [t[o.start:o.end] for o in usual().find(t)];"
        "print(json.dumps([before, found, bool(sys.modules.get('torch'))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[false, ["4111 1111 1111 1111", "a@b.org"], false]'
