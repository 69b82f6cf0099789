"""Every service refuses the roles without the permission, and whoever was disabled, before it does anything."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from support.makers import HYPER

import mednerapp.services
from mednerapp.domain.accounts import Permission, Role, User
from mednerapp.domain.bulk import BulkChange, BulkKind
from mednerapp.domain.clock import now
from mednerapp.domain.queue import QueueOrder
from mednerapp.errors import PermissionDenied
from mednerapp.ner.encoders import EncoderRecord
from mednerapp.services import (
    accounts,
    annotating,
    backing_up,
    binning,
    bulk,
    encoders,
    evaluating,
    experiment_reports,
    experimenting,
    exporting,
    finding,
    fine_tuning,
    freezing,
    importing,
    intake,
    jobs,
    merging,
    noticing,
    predicting,
    projects,
    queueing,
    remarks,
    reporting,
    reviewing,
)
from mednerapp.services.digging import Behind
from mednerapp.services.jobs import Turn
from mednerapp.settings import Settings
from mednerapp.store import Store

Call = Callable[[Store, User], object]


def _never(_target: Path) -> EncoderRecord:
    raise AssertionError("was asked to install")


REJECTION = BulkChange(BulkKind.REJECT, "aspirin", "Drug")
SETTINGS = Settings()
# What is asked for does not exist: a service that looked before it checked would answer NotFound.
SERVICES: dict[str, tuple[Permission, Call]] = {
    "accounts.audit_log": (Permission.ADMINISTER, lambda s, u: accounts.audit_log(s, by=u)),
    "accounts.change_user": (Permission.ADMINISTER, lambda s, u: accounts.change_user(s, by=u, user_id=9)),
    "accounts.create_user": (
        Permission.ADMINISTER,
        lambda s, u: accounts.create_user(s, by=u, email="", name="", role=Role.ADMIN, password=""),
    ),
    "accounts.list_users": (Permission.ADMINISTER, lambda s, u: accounts.list_users(s, by=u)),
    "annotating.current": (Permission.ANNOTATE, lambda s, u: annotating.current(s, user=u, annotation_id=9)),
    "annotating.open_note": (Permission.ANNOTATE, lambda s, u: annotating.open_note(s, user=u, note_id=9)),
    "annotating.reopen": (Permission.ANNOTATE, lambda s, u: annotating.reopen(s, user=u, annotation_id=9)),
    "annotating.save_edits": (
        Permission.ANNOTATE,
        lambda s, u: annotating.save_edits(s, user=u, annotation_id=9, client="c", base_revision=0, edits=[]),
    ),
    "annotating.submit": (Permission.ANNOTATE, lambda s, u: annotating.submit(s, user=u, annotation_id=9, revision=0)),
    "backing_up.copied": (
        Permission.ADMINISTER,
        lambda s, u: backing_up.copied(s, user=u, settings=SETTINGS, out=Path("copy")).__enter__(),
    ),
    "binning.contents": (Permission.DELETE, lambda s, u: binning.contents(s, user=u, project_id=9)),
    "binning.delete": (Permission.DELETE, lambda s, u: binning.delete(s, user=u, project_id=9, note_ids=[9])),
    "binning.restore": (Permission.DELETE, lambda s, u: binning.restore(s, user=u, project_id=9, note_ids=[9])),
    "bulk.apply": (
        Permission.ANNOTATE,
        lambda s, u: bulk.apply(s, user=u, project_id=9, change=REJECTION, step="s", expected=0),
    ),
    "bulk.preview": (Permission.ANNOTATE, lambda s, u: bulk.preview(s, user=u, project_id=9, change=REJECTION)),
    "bulk.redo": (Permission.ANNOTATE, lambda s, u: bulk.redo(s, user=u, step="s")),
    "bulk.undo": (Permission.ANNOTATE, lambda s, u: bulk.undo(s, user=u, step="s")),
    "encoders.cancel": (Permission.ADMINISTER, lambda s, u: encoders.cancel(s, user=u, job_id=9)),
    "encoders.catalogue": (Permission.TRAIN, lambda s, u: encoders.catalogue(s, user=u)),
    "encoders.install": (
        Permission.ADMINISTER,
        lambda s, u: encoders.install(s, by=u, name="x", model_dir=Path("nowhere"), installer=_never),
    ),
    "encoders.remove": (
        Permission.ADMINISTER,
        lambda s, u: encoders.remove(s, by=u, encoder_id=9, model_dir=Path("nowhere")),
    ),
    "encoders.request_add": (
        Permission.ADMINISTER,
        lambda s, u: encoders.request_add(s, user=u, model_dir=Path("nowhere"), folder="x"),
    ),
    "encoders.request_again": (
        Permission.ADMINISTER,
        lambda s, u: encoders.request_again(s, user=u, model_dir=Path("nowhere"), job_id=9),
    ),
    "encoders.request_pull": (Permission.ADMINISTER, lambda s, u: encoders.request_pull(s, user=u, source="BioBERT")),
    "encoders.request_verify": (Permission.TRAIN, lambda s, u: encoders.request_verify(s, user=u, encoder_id=9)),
    "evaluating.open_jobs": (Permission.SEE_RESULTS, lambda s, u: evaluating.open_jobs(s, user=u, dataset_id=9)),
    "evaluating.request": (Permission.TRAIN, lambda s, u: evaluating.request(s, user=u, dataset_id=9)),
    "evaluating.score_again": (
        Permission.TRAIN,
        lambda s, u: evaluating.score_again(s, user=u, adapter_id=9, dataset_id=9),
    ),
    "evaluating.waiting": (Permission.SEE_RESULTS, lambda s, u: evaluating.waiting(s, user=u, dataset_id=9)),
    "experiment_reports.report": (
        Permission.SEE_RESULTS,
        lambda s, u: experiment_reports.report(s, user=u, experiment_id=9),
    ),
    "experimenting.cancel": (Permission.TRAIN, lambda s, u: experimenting.cancel(s, user=u, experiment_id=9)),
    "experimenting.choosable": (Permission.SEE_RESULTS, lambda s, u: experimenting.choosable(s, user=u)),
    "experimenting.experiments": (
        Permission.SEE_RESULTS,
        lambda s, u: experimenting.experiments(s, user=u, project_id=9),
    ),
    "experimenting.look": (Permission.SEE_RESULTS, lambda s, u: experimenting.look(s, user=u, experiment_id=9)),
    "experimenting.plan": (
        Permission.TRAIN,
        lambda s, u: experimenting.plan(s, user=u, project_id=9, dataset_id=9, encoder_ids=[9], seeds=[1], hyper=HYPER),
    ),
    "experimenting.resume": (Permission.TRAIN, lambda s, u: experimenting.resume(s, user=u, experiment_id=9)),
    "experimenting.start": (
        Permission.TRAIN,
        lambda s, u: experimenting.start(
            s, user=u, project_id=9, dataset_id=9, encoder_ids=[9], seeds=[1], hyper=HYPER
        ),
    ),
    "exporting.export": (Permission.EXPORT, lambda s, u: exporting.export(s, user=u, project_id=9)),
    "exporting.losses": (
        Permission.EXPORT,
        lambda s, u: exporting.losses(s, user=u, project_id=9, format_key="brat"),
    ),
    "exporting.export_jsonl": (Permission.EXPORT, lambda s, u: exporting.export_jsonl(s, user=u, project_id=9)),
    "fine_tuning.cancel": (Permission.TRAIN, lambda s, u: fine_tuning.cancel(s, user=u, run_id=9)),
    "fine_tuning.runs": (Permission.TRAIN, lambda s, u: fine_tuning.runs(s, user=u, project_id=9)),
    "fine_tuning.start": (
        Permission.TRAIN,
        lambda s, u: fine_tuning.start(s, user=u, project_id=9, dataset_id=9, encoder_id=9, hyper=HYPER),
    ),
    "fine_tuning.start_again": (Permission.TRAIN, lambda s, u: fine_tuning.start_again(s, user=u, run_id=9)),
    "finding.find": (Permission.ANNOTATE, lambda s, u: finding.find(s, user=u, project_id=9, query="x")),
    "freezing.freeze": (Permission.TRAIN, lambda s, u: freezing.freeze(s, user=u, project_id=9)),
    "freezing.preview": (Permission.TRAIN, lambda s, u: freezing.preview(s, user=u, project_id=9)),
    "importing.import_gold": (
        Permission.IMPORT,
        lambda s, u: importing.import_gold(s, user=u, project_id=9, records=[]),
    ),
    "importing.import_uploads": (
        Permission.IMPORT,
        lambda s, u: importing.import_uploads(s, user=u, project_id=9, uploads=[]),
    ),
    "noticing.news": (Permission.ANNOTATE, lambda s, u: noticing.news(s, user=u, jobs=[9])),
    "noticing.open_jobs": (Permission.ANNOTATE, lambda s, u: noticing.open_jobs(s, user=u)),
    "noticing.set_mail": (Permission.TRAIN, lambda s, u: noticing.set_mail(s, user=u, wanted=True)),
    "noticing.wants_mail": (Permission.TRAIN, lambda s, u: noticing.wants_mail(s, user=u)),
    "jobs.cancel": (Permission.TRAIN, lambda s, u: jobs.cancel(s, user=u, job_id=9)),
    "jobs.log": (Permission.TRAIN, lambda s, u: jobs.log(s, user=u, job_id=9)),
    "jobs.look": (Permission.TRAIN, lambda s, u: jobs.look(s, user=u, model_dir=Path())),
    "jobs.prioritise": (Permission.TRAIN, lambda s, u: jobs.prioritise(s, user=u, job_id=9, turn=Turn.FIRST)),
    "jobs.retry": (Permission.TRAIN, lambda s, u: jobs.retry(s, user=u, job_id=9, model_dir=Path())),
    "jobs.state": (Permission.TRAIN, lambda s, u: jobs.state(s, user=u)),
    "intake.already_here": (
        Permission.IMPORT,
        lambda s, u: intake.already_here(s, user=u, project_id=9, uploads=[]),
    ),
    "merging.import_documents": (
        Permission.IMPORT,
        lambda s, u: merging.import_documents(s, user=u, project_id=9, documents=[], annotated=False),
    ),
    "predicting.try_again": (Permission.IMPORT, lambda s, u: predicting.try_again(s, user=u, project_id=9)),
    "predicting.waiting": (Permission.ANNOTATE, lambda s, u: predicting.waiting(s, user=u, project_id=9)),
    "projects.add_labels": (Permission.TRAIN, lambda s, u: projects.add_labels(s, user=u, project_id=9, rows=[])),
    "projects.change_guideline": (
        Permission.TRAIN,
        lambda s, u: projects.change_guideline(s, user=u, project_id=9, text="", was=""),
    ),
    "projects.create": (Permission.TRAIN, lambda s, u: projects.create(s, by=u, name="")),
    "projects.models": (Permission.SEE_RESULTS, lambda s, u: projects.models(s, user=u, project_id=9)),
    "projects.note_types": (Permission.ANNOTATE, lambda s, u: projects.note_types(s, user=u, project_id=9)),
    "projects.notes": (Permission.ANNOTATE, lambda s, u: projects.notes(s, user=u, project_id=9)),
    "projects.progress": (Permission.ANNOTATE, lambda s, u: projects.progress(s, user=u, project_id=9)),
    "queueing.change": (
        Permission.TRAIN,
        lambda s, u: queueing.change(s, user=u, project_id=9, order=QueueOrder.RANDOM, blind_percent=0),
    ),
    "queueing.overview": (Permission.ANNOTATE, lambda s, u: queueing.overview(s, user=u)),
    "queueing.counts": (Permission.ANNOTATE, lambda s, u: queueing.counts(s, user=u, project_id=9)),
    "queueing.effect_of_suggestions": (
        Permission.TRAIN,
        lambda s, u: queueing.effect_of_suggestions(s, user=u, project_id=9),
    ),
    "queueing.hold": (Permission.ANNOTATE, lambda s, u: queueing.hold(s, user=u, note_id=9, settings=SETTINGS)),
    "queueing.holders": (Permission.ANNOTATE, lambda s, u: queueing.holders(s, user=u, project_id=9)),
    "queueing.next_note": (
        Permission.ANNOTATE,
        lambda s, u: queueing.next_note(s, user=u, project_id=9, settings=SETTINGS),
    ),
    "queueing.progress": (Permission.ANNOTATE, lambda s, u: queueing.progress(s, user=u, project_id=9, today=now())),
    "queueing.renew": (Permission.ANNOTATE, lambda s, u: queueing.renew(s, user=u, note_id=9, settings=SETTINGS)),
    "reporting.compare": (Permission.SEE_RESULTS, lambda s, u: reporting.compare(s, user=u, dataset_id=9)),
    "reporting.datasets": (Permission.SEE_RESULTS, lambda s, u: reporting.datasets(s, user=u, project_id=9)),
    "remarks.remarks": (Permission.ANNOTATE, lambda s, u: remarks.remarks(s, user=u, project_id=9)),
    "reviewing.at_revision": (
        Permission.ANNOTATE,
        lambda s, u: reviewing.at_revision(s, user=u, annotation_id=9, revision=0),
    ),
    "reviewing.history": (Permission.ANNOTATE, lambda s, u: reviewing.history(s, user=u, annotation_id=9)),
    "reviewing.last_writer": (
        Permission.ANNOTATE,
        lambda s, u: reviewing.last_writer(s, user=u, annotation_id=9, client="c", after_revision=0),
    ),
    "reviewing.past": (Permission.ANNOTATE, lambda s, u: reviewing.past(s, user=u, annotation_id=9)),
    "reviewing.revision": (Permission.ANNOTATE, lambda s, u: reviewing.revision(s, user=u, annotation_id=9)),
    "reviewing.sources": (Permission.ANNOTATE, lambda s, u: reviewing.sources(s, user=u, annotation_id=9)),
    "reviewing.underlay": (
        Permission.ANNOTATE,
        lambda s, u: reviewing.underlay(s, user=u, annotation_id=9, source="adapter:1"),
    ),
}


# Services that are given what VALUES has for the names of their arguments, 9 for the others.
VALUES: dict[str, object] = {
    "note_ids": [9],
    "spans": [],
    "place": "9",
    "lines": [],
    "remove": [],
    "add": [],
    "reason": "r",
    "runs": [],
    "patient_key": "p",
    "policy": None,
    "asked": Behind(9, "m", ("missed",)),
    "client": "c",
    "edits": [],
    "level": None,
    "drop": None,
    "double_percent": 0,
}
PLAIN: dict[Permission, str] = {
    Permission.REVIEW: (
        "adjudicating.approve adjudicating.begin adjudicating.begin_again adjudicating.decide "
        "adjudicating.finish adjudicating.look adjudicating.next_note adjudicating.provenance "
        "adjudicating.reopen adjudicating.undo adjudicating.withdraw agreeing.report agreeing.state "
        "correcting.correct suspecting.decide suspecting.next_one suspecting.queue suspecting.undo "
    ),
    Permission.EXPORT: ("carrying.export "),
    Permission.TRAIN: (
        "carrying.import_dataset dashboards.score_missing dashboards.score_on_new_gold data_sheets.check "
        "data_sheets.sheet gold.ask_for_one gold.ask_for_two gold.change gold.listed gold.overview "
        "promoting.board promoting.change_rule promoting.duel promoting.promote promoting.roll_back "
        "suspecting.request "
    ),
    Permission.SEE_RESULTS: (
        "dashboards.board dashboards.datasets dashboards.dev_notes dashboards.losses dashboards.pair "
        "dashboards.runs dashboards.summary digging.behind "
    ),
    Permission.ADMINISTER: ("erasing.erase_patient erasing.erase_project "),
    Permission.SEE_IDENTIFIERS: (
        "holding.open_held holding.release holding.save_edits holding.take_out holding.waiting "
        "identifiers.check identifiers.choose_policy identifiers.standing identifiers.to_look_at "
    ),
    Permission.IMPORT: ("identifiers.policy "),
    Permission.RESTORE_IDENTIFIERS: ("identifiers.restore_note "),
    Permission.ANNOTATE: ("refreshing.refresh "),
}


def _plain(name: str) -> Call:
    module, function = name.split(".")
    service = getattr(import_module(f"mednerapp.services.{module}"), function)
    asked = [p.name for p in inspect.signature(service).parameters.values() if p.default is p.empty][2:]
    given = {name: VALUES.get(name, 9) for name in asked}
    return lambda store, user: service(store, user=user, **given)


SERVICES.update({name: (permission, _plain(name)) for permission, names in PLAIN.items() for name in names.split()})


@pytest.mark.parametrize("name", SERVICES)
def test_roles_without_the_permission_are_refused(sqlite_store: Store, name: str) -> None:
    permission, call = SERVICES[name]
    people = [User(1, "a@b.c", "A", role) for role in Role] + [User(1, "a@b.c", "A", Role.ADMIN, disabled=True)]
    refused = [user for user in people if not user.may(permission)]
    assert refused
    for user in refused:
        with pytest.raises(PermissionDenied, match=permission.value):
            call(sqlite_store, user)
    with sqlite_store.read() as tx:
        assert tx.audit.recent() == []


def test_every_service_that_is_told_who_asks_is_in_the_table() -> None:
    """A new service cannot be forgotten here."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(mednerapp.services.__path__):
        loaded = import_module(f"mednerapp.services.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            own = function.__module__ == loaded.__name__ and not name.startswith("_")
            taken = set(inspect.signature(function).parameters)
            if own and {"user", "by"} & taken and "tx" not in taken:  # inside a transaction somebody has checked
                found.add(f"{module.name}.{name}")
    assert found == set(SERVICES)
