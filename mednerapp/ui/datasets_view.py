"""The data sheet of a dataset."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.projects import Project
from mednerapp.errors import MedNerError
from mednerapp.scoring.drift import Drift
from mednerapp.services import carrying, data_sheets
from mednerapp.services.data_sheets import Checked, Sheet
from mednerapp.ui import menu
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time, percent, plain

AT_ONCE = 2_000  # notes; more are only looked through when somebody asks for it
_CHECKED = "datasets:checked"  # dataset → what was found; a dataset never changes
SHOWN = 20


def nothing_yet() -> None:
    st.info("**No dataset yet.** A dataset is gold, frozen: every model learns from and is scored on the same notes.")
    menu.next_step("train", "Freeze one")


def sheet(user: User, dataset: Dataset) -> None:
    found = data_sheets.sheet(application().store, user=user, dataset_id=dataset.id)
    st.markdown(
        f"#### {plain(dataset.name)}\nFrozen {local_time(dataset.created_at):%Y-%m-%d %H:%M}: "
        f"{count(sum(found.notes.values()), 'note')}, {count(sum(found.spans.values()), 'span')}. "
        f"Hash `{dataset.content_hash}`"
    )
    if user.may(Permission.EXPORT):
        st.link_button(
            "Export",
            f"/api/datasets/{dataset.id}/export.jsonl",
            help="JSON lines. It holds patient text and patient keys: the download is recorded in the audit log. "
            "Imported again, it has the same hash.",
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        _counts(found)
    with right:
        _origins(found)
    _drift(found)
    _leakage(user, dataset)


def _counts(found: Sheet) -> None:
    table = {"Notes": found.notes, "Words": found.tokens, "Patients": found.patients, "Spans": found.spans}
    rows = [
        {"": name, **{split.value: by_split[split] for split in Split}, "all": sum(by_split.values())}
        for name, by_split in (table | found.per_label).items()
    ]
    st.dataframe(rows, hide_index=True)
    few = [label for label, by_split in found.per_label.items() if 0 < by_split[Split.TEST] < SHOWN]
    if few:
        st.caption(f"Fewer than {SHOWN} test spans, so scores say little: {', '.join(map(plain, few))}.")


def _origins(found: Sheet) -> None:
    total = max(sum(found.notes.values()), 1)
    people = [{"Annotated by": name, "Notes": number} for name, number in found.people.items()]
    st.dataframe(people, hide_index=True)
    st.caption(
        f"{percent(found.decided / total)} of the notes were adjudicated, approved or corrected; the others follow "
        "from their annotations."
    )
    for name, tally in (("Note type", found.types), ("Source", found.sources)):
        rows = [{name: what or "(none)", "Notes": number} for what, number in list(tally.items())[:SHOWN]]
        if len(tally) > 1 or "" not in tally:
            st.dataframe(rows, hide_index=True)
            if len(tally) > SHOWN:
                st.caption(f"and {len(tally) - SHOWN} more")


def _drift(found: Sheet) -> None:
    st.subheader("Do the labels have the same mix?", anchor=False)
    if not found.drift:
        st.caption("There is no span to compare.")
        return
    for split, drift in found.drift.items():
        st.markdown(_drift_words(split, drift))


def _drift_words(split: Split, drift: Drift) -> str:
    if drift.divergence is None or drift.p is None:
        return f"**Train and {split.value}**: one of them has no span."
    widest = max(drift.shares, key=lambda label: abs(drift.shares[label][1] - drift.shares[label][0]))
    a, b = drift.shares[widest]
    said = "differ by more than chance" if drift.p <= 0.05 else "do not differ by more than chance"
    return (
        f"**Train and {split.value}** {said} (Jensen\u2013Shannon {drift.divergence:.3f} bits, p = {drift.p:.3f}, "
        f"whole notes permuted). Furthest apart: {plain(widest)}, {percent(a)} against {percent(b)}."
    )


def _leakage(user: User, dataset: Dataset) -> None:
    st.subheader("Does anything stand on two sides?", anchor=False)
    kept: dict[int, Checked] = st.session_state.setdefault(_CHECKED, {})
    if dataset.id not in kept:
        notes = sum(dataset.notes.values())
        if notes > AT_ONCE and not st.button(f"Look through {notes:,} notes"):
            st.caption("It takes some milliseconds a note.")
            return
        bar = st.progress(0.0, text="Looking for texts that are nearly the same")

        def show(done: int, total: int) -> None:
            if done % 100 == 0 or done == total:
                bar.progress(done / max(total, 1), text=f"{done:,} of {total:,} notes read")

        kept[dataset.id] = data_sheets.check(application().store, user=user, dataset_id=dataset.id, on_progress=show)
        bar.empty()
    _leakage_words(kept[dataset.id])


def _leakage_words(found: Checked) -> None:
    leaks = found.leakage
    if leaks.clean:
        st.success("No patient and no text that is nearly the same stands on two sides of the split.")
    if leaks.patients:
        st.error(f"{count(len(leaks.patients), 'patient')} on more than one side.")
    if leaks.texts:
        st.error(
            f"{count(len(leaks.texts), 'pair')} of notes with nearly the same text on two sides: scores on the test "
            "notes are too good by what a model has learnt by heart. Give both the same patient key, or delete one."
        )
        st.dataframe(
            [
                {
                    "Note": found.titles[pair.first],
                    "and": found.titles[pair.second],
                    "Shared": percent(pair.similarity),
                    "Ids": f"{pair.first}, {pair.second}",
                }
                for pair in leaks.texts[:SHOWN]
            ],
            hide_index=True,
        )
    if found.unknown:
        st.caption(
            f"{count(found.unknown, 'note')} without a patient key: two of one patient would not be noticed there."
        )


def bring_in(user: User, project: Project) -> None:
    with st.expander("Import a dataset"):
        file = st.file_uploader("A dataset that MedNER exported (.jsonl)", type=["jsonl"])
        st.caption("It comes in with the same notes, spans, sides and hash. A file that was changed is refused.")
        if file and st.button("Import", type="primary"):
            try:
                lines = file.getvalue().splitlines()
                made = carrying.import_dataset(application().store, user=user, project_id=project.id, lines=lines)
            except MedNerError as error:
                st.warning(plain(str(error)))
            else:
                st.success(f"{plain(made.name)} is here, hash {made.content_hash[:12]}…")
