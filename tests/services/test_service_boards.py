"""The board: what the dashboard, the report and the command line say of the models."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from support.boards import Scored, fill, score
from support.makers import delete, make_adapter, make_project, make_user

from db.engine import connect
from db.migrate import upgrade
from mednerapp.domain.accounts import Role
from mednerapp.domain.datasets import Split
from mednerapp.errors import NotFound, PermissionDenied
from mednerapp.scoring import comparing
from mednerapp.scoring.intervals import bootstrap
from mednerapp.scoring.matching import align
from mednerapp.scoring.semeval import count, micro
from mednerapp.scoring.strict import Counts
from mednerapp.scoring.summaries import OF_MENTIONS, Dimension
from mednerapp.services import (
    annotating,
    board_documents,
    board_words,
    boards,
    dashboards,
    digging,
    evaluating,
    promoting,
)
from mednerapp.services.dashboards import Board
from mednerapp.services.digging import Behind
from mednerapp.store import Store


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    url = f"sqlite:///{tmp_path_factory.mktemp('boards') / 'm.sqlite'}"
    upgrade(url)
    database = connect(url)
    yield make(Store(database))
    database.dispose()


def make(store: Store, **more: object) -> Scored:
    user, project = make_user(store), make_project(store)
    starter = make_adapter(store)
    return fill(store, user, project, encoder_id=starter.encoder_id, **more)  # type: ignore[arg-type]


def look(scored: Scored) -> Board:
    return dashboards.board(scored.store, user=scored.user, dataset_id=scored.dataset.id)


def test_models_are_ranked_with_the_intervals_that_the_bootstrap_over_their_notes_gives(scored: Scored) -> None:
    board = look(scored)
    assert [m.name.split(" (")[0] for m in board.models] == ["Run on 24", "Run on 12", "Run on 6", "Starter"]
    with scored.store.read() as tx:
        evaluations = {e.id: e for e in tx.evaluations.of_dataset(scored.dataset.id, Split.TEST)}
    for model in board.models:
        by_note: dict[int, Counts] = {}
        for c in evaluations[model.evaluation_id].counts:
            by_note[c.note_id] = by_note.get(c.note_id, Counts()) + Counts(c.tp, c.fp, c.fn)
        expected = bootstrap([by_note[note] for note in sorted(by_note)])
        assert (model.micro.precision, model.micro.recall, model.micro.f1) == (
            expected.precision,
            expected.recall,
            expected.f1,
        )
        assert (model.micro.found, model.micro.predicted, model.micro.gold) == (
            expected.counts.tp,
            expected.counts.predicted,
            expected.counts.gold,
        )


def test_every_model_is_compared_with_the_best_and_the_sentence_is_that_of_the_test(scored: Scored) -> None:
    board = look(scored)
    with scored.store.read() as tx:
        row = tx.boards.get(scored.dataset.id)
        assert row is not None
        notes = sorted(dashboards.common_notes(tx, row))
        counts = [boards.micro_counts(tx, m.evaluation_id, notes) for m in board.models]
    expected = comparing.corrected([comparing.compare(counts[0], other) for other in counts[1:]])
    assert [m.versus for m in board.models[1:]] == list(expected)
    first, second = board.models[:2]
    assert board_words.verdict(board)[1] == comparing.in_words(expected[0], first.name, second.name)


def test_the_groups_of_a_dimension_hold_every_span_once(scored: Scored) -> None:
    board = look(scored)
    for model in board.models:
        summary = dashboards.summary(scored.store, user=scored.user, evaluation_id=model.evaluation_id)
        for dimension, lines in summary.groups.items():
            assert sum(line.gold for line in lines) == model.micro.gold, dimension
            assert sum(line.found for line in lines) == model.micro.found, dimension
            assert sum(line.predicted for line in lines) == model.micro.predicted, dimension
        assert sum(n for gold, _, n in summary.confusion if gold) == model.micro.gold
        assert sum(b.spans for b in summary.bins) == model.micro.predicted


def test_the_ways_of_matching_are_those_of_semeval(scored: Scored) -> None:
    model = look(scored).models[-1]
    with scored.store.read() as tx:
        became = tx.outcomes.all(model.evaluation_id)
    notes = sorted({o.note_id for o in became})
    alignments = [
        align(
            [o.gold for o in became if o.note_id == n and o.gold],
            [o.predicted for o in became if o.note_id == n and o.predicted],
        )
        for n in notes
    ]
    expected = {schema.value: micro(per_label).prf for schema, per_label in count(alignments).items()}
    summary = dashboards.summary(scored.store, user=scored.user, evaluation_id=model.evaluation_id)
    for line in summary.schemas:
        wanted = expected[line.name]
        assert (line.precision.value, line.recall.value, line.f1.value) == pytest.approx(
            (wanted.precision, wanted.recall, wanted.f1)
        )


def test_behind_every_number_are_as_many_spans_as_it_says(scored: Scored) -> None:
    model = look(scored).models[-1]
    summary = dashboards.summary(scored.store, user=scored.user, evaluation_id=model.evaluation_id)

    def total(**asked: object) -> int:
        found = digging.behind(
            scored.store,
            user=scored.user,
            asked=Behind(model.evaluation_id, "", **asked),  # type: ignore[arg-type]
        )
        return found.total

    line = model.micro
    assert total(kinds=digging.FOUND) == line.found
    assert total(kinds=digging.INVENTED) == line.predicted - line.found
    assert total(kinds=digging.MISSED) == line.gold - line.found
    for kind, number in summary.kinds.items():
        assert total(kinds=(kind,)) == number
    for dimension in (*OF_MENTIONS, Dimension.NOTE_TYPE, Dimension.NOTE_LENGTH, Dimension.MONTH):
        for group in summary.groups[dimension]:
            for kinds, number in (
                (digging.FOUND, group.found),
                (digging.MISSED, group.gold - group.found),
                (digging.INVENTED, group.predicted - group.found),
            ):
                assert total(kinds=kinds, dimension=dimension, group=group.name) == number
    for group in summary.groups[Dimension.LABEL]:
        assert total(kinds=digging.MISSED, gold=group.name) == group.gold - group.found
        assert total(kinds=digging.INVENTED, predicted=group.name) == group.predicted - group.found
    every = (*digging.FOUND, *digging.MISSED, "invented")
    for gold, predicted, number in summary.confusion:
        assert total(kinds=every, gold=gold or "", predicted=predicted or "") == number
    for b in summary.bins:
        scores = (b.low, b.high if b.high < 1 else 1.01)
        assert total(kinds=(*digging.FOUND, *digging.INVENTED), scores=scores) == b.spans


def test_a_span_comes_with_its_words_and_its_place(scored: Scored) -> None:
    model = look(scored).models[0]
    asked = Behind(model.evaluation_id, "", kinds=("missed",))
    found = digging.behind(scored.store, user=scored.user, asked=asked, limit=3)
    assert len(found.found) == 3
    for one in found.found:
        with scored.store.read() as tx:
            text = tx.notes.get(one.outcome.note_id).text
        span = one.outcome.gold
        assert span is not None
        assert (one.mention, one.place) == (text[span.start : span.end], f"{span.start}-{span.end}")
        assert (one.before + one.mention + one.after).strip("…") in text
    rest = digging.behind(scored.store, user=scored.user, asked=asked, offset=3, limit=1000)
    assert 3 + len(rest.found) == found.total


def test_the_curve_runs_over_the_sizes_and_the_drift_of_one_day_is_not_known(scored: Scored) -> None:
    board = look(scored)
    (curve,) = board.curves
    assert sorted(point.notes for point in curve.points) == [6, 12, 24]
    assert curve.ahead is not None
    assert curve.ahead.notes == 48
    assert curve.ahead.low <= curve.ahead.value <= curve.ahead.high
    assert "(24 to 48)" in board_words.more_notes(board.curves)
    assert board_words.drifting(board.drift) == "Not known: the notes were imported on one day."


def test_documents_say_the_same_as_the_board(scored: Scored) -> None:
    board = look(scored)
    model = board.models[0]
    summary = dashboards.summary(scored.store, user=scored.user, evaluation_id=model.evaluation_id)
    content = board_documents.Content(board, model, summary)
    rows = list(csv.DictReader(io.StringIO(board_documents.table_csv(content))))
    assert [row["Model"] for row in rows] == [m.name for m in board.models]
    value = json.loads(board_documents.DOCUMENTS["json"].write(content))
    assert [m["micro"]["f1"]["value"] for m in value["models"]] == [m.micro.f1.value for m in board.models]
    page, text = board_documents.html(content), board_documents.markdown(content)
    for row in board_documents.model_rows(board):
        assert all(cell in page for cell in row if cell)
        assert row[2] in text
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_scoring_again_changes_the_board_and_only_what_has_changed_is_made_anew(store: Store) -> None:
    scored = make(store, sizes=(3, 4), test=8)
    before = look(scored)
    worst = before.models[-1]
    with store.read() as tx:
        gold = {one.text: one.spans for one in tx.datasets.gold(scored.dataset.id, Split.TEST)}
    score(store, worst.entry.adapter_id, scored.dataset, gold, quality=1.0)
    after = look(scored)
    assert after.models[0].entry.adapter_id == worst.entry.adapter_id
    assert after.models[0].micro.f1.value == 1.0
    assert after.models[0].versus is None
    assert all(m.versus is not None for m in after.models[1:])
    with pytest.raises(NotFound):
        dashboards.summary(store, user=scored.user, evaluation_id=10**6)


def test_models_scored_on_older_gold_only_are_stale_until_they_are_scored_again(store: Store) -> None:
    scored = make(store, sizes=(3, 4), test=8)
    older = dashboards.board(store, user=scored.user, dataset_id=scored.datasets[0].id)
    assert {s.dataset for s in older.stale} == {scored.dataset.name}
    assert all(s.old and s.old.f1.value is not None for s in older.stale)
    assert dashboards.score_missing(store, user=scored.user, dataset_id=older.dataset_id) == len(older.stale)
    assert look(scored).stale == ()


def test_a_promotion_asks_for_the_scores_that_are_missing_on_the_newest_gold(store: Store) -> None:
    scored = make(store, sizes=(3, 4), test=8)
    new = make_adapter(store, "New", project=scored.project)
    promoting.promote(store, user=scored.user, project_id=scored.project.id, adapter_id=new.id)
    assert evaluating.waiting(store, user=scored.user, dataset_id=scored.dataset.id) == 1
    assert [s.name for s in look(scored).stale] == ["New"]


def test_a_score_is_asked_for_again_once(store: Store) -> None:
    scored = make(store, sizes=(3, 4), test=8)
    adapter = look(scored).models[0].entry.adapter_id
    for _ in range(2):
        evaluating.score_again(store, user=scored.user, adapter_id=adapter, dataset_id=scored.dataset.id)
    (job,) = evaluating.open_jobs(store, user=scored.user, dataset_id=scored.dataset.id)
    with store.read() as tx:
        assert tx.jobs.get(job).args == {"adapter_id": adapter, "dataset_id": scored.dataset.id}


def test_gold_that_was_corrected_is_noticed_and_frozen_and_scored_in_one_step(store: Store) -> None:
    scored = make(store, sizes=(3, 4), test=8)
    board = look(scored)
    assert board.changed == 0
    asked = Behind(board.models[-1].evaluation_id, "", kinds=("missed",))
    error = digging.behind(store, user=scored.user, asked=asked).found[0]
    opened = annotating.open_note(store, user=scored.user, note_id=error.outcome.note_id)
    own, span = opened.annotation, error.outcome.gold
    wrong = next(s for s in own.spans if s.span == span)
    annotating.reopen(store, user=scored.user, annotation_id=own.id)
    annotating.save_edits(
        store,
        user=scored.user,
        annotation_id=own.id,
        client="tab",
        base_revision=own.revision,
        edits=[delete(1, wrong.id)],
    )
    annotating.submit(store, user=scored.user, annotation_id=own.id, revision=own.revision + 1)
    assert look(scored).changed == 1
    again = dashboards.score_on_new_gold(store, user=scored.user, project_id=scored.project.id)
    assert again.id != scored.dataset.id
    assert evaluating.waiting(store, user=scored.user, dataset_id=again.id) == board.total
    after = dashboards.board(store, user=scored.user, dataset_id=again.id)
    assert {s.dataset for s in after.stale} == {scored.dataset.name}
    assert after.changed == 0


def test_any_two_models_are_compared_and_corrected_for_every_pair(scored: Scored) -> None:
    first, second, *_ = (m.evaluation_id for m in look(scored).models)
    found = dashboards.pair(
        scored.store, user=scored.user, dataset_id=scored.dataset.id, first=second, second=first, measure="recall"
    )
    assert (found.measure, found.comparisons) == ("recall", 6)
    assert found.p is not None
    assert found.corrected == min(1.0, 6 * found.p)


def test_an_annotator_sees_none_of_it(scored: Scored) -> None:
    annotator = make_user(scored.store, Role.ANNOTATOR)
    with pytest.raises(PermissionDenied):
        dashboards.board(scored.store, user=annotator, dataset_id=scored.dataset.id)
    with pytest.raises(PermissionDenied):
        digging.behind(scored.store, user=annotator, asked=Behind(1, ""))
