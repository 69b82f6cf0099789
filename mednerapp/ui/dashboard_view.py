"""The dashboard's first screen: which model is best and whether that is certain, and the table behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.errors import MedNerError
from mednerapp.scoring import comparing
from mednerapp.scoring.summaries import Line, ModelSummary
from mednerapp.services import board_documents, board_words, dashboards, digging, evaluating, workers
from mednerapp.services.dashboards import Board, Model
from mednerapp.services.digging import Behind
from mednerapp.ui import behind_view, board_charts, guard, menu
from mednerapp.ui.process import application
from mednerapp.ui.state import state
from mednerapp.ui.words import count, plain

LOOK_EVERY = 3.0  # seconds, while scores are missing
FEW_NOTES = 20  # below it the intervals are wide and somewhat too narrow even so
REPORTS = {"html": "Report (HTML)", "md": "Report (Markdown)", "csv": "Table (CSV)", "svg": "Figure (SVG)"}


def nothing_frozen(user: User) -> None:
    st.info("No model has been scored yet. Scores need a frozen dataset, and a dataset needs submitted notes.")
    if user.may(Permission.TRAIN):
        menu.next_step("train", "Freeze a dataset")
    else:
        menu.next_step("annotate", "Annotate notes")


def missing(user: User, board: Board) -> None:
    """Models without a score on this gold: says so, looks again by itself, and lets a lead ask for them."""
    if board.stale:
        old = [plain(one.name) for one in board.stale if one.dataset]
        new = [plain(one.name) for one in board.stale if not one.dataset]
        waiting = evaluating.waiting(application().store, user=user, dataset_id=board.dataset_id)
        said = [f"Stale, scored on older gold: {', '.join(old)}."] if old else []
        said += [f"Not scored on this dataset: {', '.join(new)}."] if new else []
        with st.container(horizontal=True, vertical_alignment="center"):
            if waiting:
                st.info(f"Being scored on the test notes: {', '.join(old + new)}.")
            else:
                st.info(" ".join(said))
                if user.may(Permission.TRAIN) and st.button("Score now"):
                    dashboards.score_missing(application().store, user=user, dataset_id=board.dataset_id)
                    st.rerun()
        if waiting:
            _watch(board.dataset_id, len(board.stale))
    if board.changed and user.may(Permission.TRAIN):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(f"The gold of {count(board.changed, 'test note')} was changed since this dataset was frozen.")
            if st.button("Freeze it and score again"):
                try:
                    dashboards.score_on_new_gold(application().store, user=user, project_id=board.project_id)
                except MedNerError as error:
                    st.error(str(error))
                else:
                    st.rerun()


@st.fragment(run_every=LOOK_EVERY)
def _watch(dataset_id: int, before: int) -> None:
    user = guard.still_here()
    store = application().store
    left = len(dashboards.board(store, user=user, dataset_id=dataset_id).stale)
    if left != before or not evaluating.waiting(store, user=user, dataset_id=dataset_id):
        st.rerun(scope="app")
    if not workers.alive(store):
        st.warning("No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself).")


def nothing_in_common(board: Board) -> None:
    st.info(
        f"The models cannot be compared on {plain(board.dataset)}: at least one of them (or the model under it) "
        f"saw each of its {count(board.left_out, 'test note')} in training. Submit other notes and freeze them."
    )


def downloads(board: Board, model: Model) -> None:
    with st.popover("Download"):
        for ending, label in REPORTS.items():
            st.link_button(
                label, f"/api/datasets/{board.dataset_id}/report.{ending}?model={model.evaluation_id}", width="stretch"
            )
        st.caption("Numbers and names, no note text. The camera above a figure saves it as PNG.")


def headline(user: User, board: Board, summary: ModelSummary) -> None:
    """The verdict, its numbers (each opens what is behind it), and the other answers in a sentence each."""
    best = board.best
    if best is None:
        st.info(f"The {count(board.notes, 'test note')} that count hold no gold span and no model found one there.")
        return
    first, *rest = board_words.verdict(board)
    st.markdown(f"#### {plain(first)}")
    st.markdown(" ".join(plain(sentence) for sentence in rest))
    _numbers(best)
    left, middle, right = st.columns(3, gap="medium")
    for column, title, said in (
        (left, "Where it fails", board_words.weakest(summary)),
        (middle, "Is more annotation worth it?", board_words.more_notes(board.curves)),
        (right, "Is it drifting?", board_words.drifting(board.drift)),
    ):
        column.markdown(f"**{title}**  \n{plain(said)}")
    if board.notes < FEW_NOTES:
        st.caption(f"{count(board.notes, 'test note')} are few. Submit and freeze more notes for narrower intervals.")
    if board.left_out:
        st.caption(
            f"{count(board.left_out, 'test note')} of {board.notes + board.left_out} left out for everybody, because "
            "at least one of these models (or the model under it) saw them in training."
        )
    behind_view.spans(user, state().behind, key="headline")


def _numbers(best: Model) -> None:
    line = best.micro
    with st.container(horizontal=True):
        for label, kinds in (
            (f"Found {board_words.counted(line.found)}", digging.FOUND),
            (f"Missed {board_words.counted(line.gold - line.found)}", digging.MISSED),
            (f"Invented {board_words.counted(line.predicted - line.found)}", digging.INVENTED),
        ):
            asked = Behind(best.evaluation_id, f"{best.name}, {label.split()[0].lower()}", kinds)
            shown = state().behind == asked
            if st.button(label, type="primary" if shown else "secondary", help="Shows the spans behind the number."):
                state().behind = None if shown else asked
                st.rerun()


def models(user: User, board: Board) -> Model:
    """The figure and the table of the models; the model that was clicked last, at first the best."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Models", anchor=False)
        picked = behind_view.clicked(board_charts.models(board.models), key="models")
        chosen = next((m for m in board.models if picked and m.evaluation_id == picked[0]), board.models[0])
        if board.total > len(board.models):
            st.caption(f"The best {dashboards.SHOWN} of {board.total} models, and the one in use.")
    with right:
        st.subheader(f"Errors of {plain(chosen.name)}", anchor=False)
        _kinds(user, board, chosen)
    table(user, board)
    _promote(user, board)
    return chosen


def _kinds(user: User, board: Board, model: Model) -> None:
    summary = dashboards.summary(application().store, user=user, evaluation_id=model.evaluation_id)
    if not summary.kinds:
        st.info("It was scored by an older version, which did not store errors. Score it again to see them.")
        if user.may(Permission.TRAIN) and st.button("Score again", key=f"again-{model.evaluation_id}"):
            evaluating.score_again(
                application().store, user=user, adapter_id=model.entry.adapter_id, dataset_id=board.dataset_id
            )
            st.toast("The scoring is in the queue.")
        return
    picked = behind_view.clicked(board_charts.kinds(summary.kinds), key=f"kinds-{model.evaluation_id}")
    if picked:
        asked = Behind(model.evaluation_id, f"{model.name}, {picked[0]}", (str(picked[0]),))
        behind_view.spans(user, asked, key="kinds")


def table(user: User, board: Board) -> None:
    """Every number of the models; a click on a count opens what is behind it."""
    header: Sequence[str] = board_documents.MODEL_HEADER
    rows: list[dict[str, str]] = [dict(zip(header, board_documents.model_row(m), strict=True)) for m in board.models]
    asked = _cell(rows, [m.micro for m in board.models], key="table-models")
    if asked:
        place, column, kinds = asked
        model = board.models[place]
        shown = Behind(model.evaluation_id, f"{model.name}, {column.lower()}", kinds)
        behind_view.spans(user, shown, key="table-models-spans")
    st.caption(plain(board_documents.INTRODUCTION))


KINDS_OF_COLUMN = {"Found": digging.FOUND, "Invented": digging.INVENTED, "Missed": digging.MISSED}


def _cell(
    rows: Sequence[Mapping[str, Any]], lines: Sequence[Line], *, key: str
) -> tuple[int, str, tuple[str, ...]] | None:
    """Draw a table whose cells can be clicked; (row, column, kinds of spans behind it) of the one that is."""
    event = st.dataframe(rows, hide_index=True, key=key, on_select="rerun", selection_mode="single-cell")
    cells = event["selection"]["cells"]
    if not cells or cells[0][0] >= len(lines):
        return None
    place, column = cells[0]
    return place, column, KINDS_OF_COLUMN.get(column, ())


def lines(found: Sequence[Line], *, first: str, key: str) -> tuple[int, str] | None:
    """A table of lines; (row, column) of the cell that was clicked."""
    rows = [dict(zip((first, *board_words.HEADER), board_words.line_cells(line), strict=True)) for line in found]
    asked = _cell(rows, found, key=key)
    return asked and (asked[0], asked[1])


def _promote(user: User, board: Board) -> None:
    """The way to the page that compares with the model in use, asks the project's rule and records who decided."""
    others = [model for model in board.models if not model.in_use]
    if not others or not user.may(Permission.TRAIN):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Challenger of the model in use", others, format_func=lambda m: m.name, width=420)
        if st.button("Compare and promote"):
            menu.go("promotion", query={"model": str(chosen.entry.adapter_id)})


def pair(user: User, board: Board) -> None:
    """Any two models, said in words; computed only when somebody asks, since it takes all counts of both."""
    if len(board.models) < 2 or not st.toggle("Compare any two models"):
        return
    left, middle, right = st.columns([2, 2, 1])
    first = left.selectbox("Model", board.models, format_func=lambda m: m.name, key="pair-first")
    rest = [model for model in board.models if model != first]
    second = middle.selectbox("Against", rest, format_func=lambda m: m.name, key="pair-second")
    measure = right.selectbox("In", ["f1", "precision", "recall"], format_func=lambda m: m.replace("f1", "F1"))
    found = dashboards.pair(
        application().store,
        user=user,
        dataset_id=board.dataset_id,
        first=first.evaluation_id,
        second=second.evaluation_id,
        measure=measure,
    )
    st.markdown(plain(comparing.in_words(found, first.name, second.name)))
    st.caption("Since any two can be chosen, p is corrected for all pairs (Bonferroni).")
