"""All tables. The rules that carry the weight are constraints here too, not only in the code above."""

from db.tables.annotations import Annotation, AnnotationEvent, AnnotationSpan, BulkOperation
from db.tables.base import Base, UtcDateTime
from db.tables.datasets import Dataset, DatasetNote, DatasetSpan
from db.tables.gold import DoubleNote, Gold, GoldEvent, GoldSource, GoldSpan, Suspicion, SuspicionRound
from db.tables.models import Adapter, Encoder, Prediction, PredictionSpan, Promotion
from db.tables.notes import Label, LabelSchema, Note, NoteLease, NoteQueue, Project
from db.tables.people import AuditEvent, User, UserSession
from db.tables.privacy import HeldNote, NoteOriginal, NotePrivacy, ProjectPrivacy
from db.tables.work import (
    JOB_STATES,
    Board,
    Evaluation,
    EvaluationCount,
    EvaluationSpan,
    EvaluationSummary,
    Experiment,
    ExperimentCell,
    Job,
    JobAttempt,
    JobLog,
    JobNotice,
    Run,
    RunEpoch,
    Worker,
)

__all__ = [
    "JOB_STATES",
    "Adapter",
    "Annotation",
    "AnnotationEvent",
    "AnnotationSpan",
    "AuditEvent",
    "Base",
    "Board",
    "BulkOperation",
    "Dataset",
    "DatasetNote",
    "DatasetSpan",
    "DoubleNote",
    "Encoder",
    "Evaluation",
    "EvaluationCount",
    "EvaluationSpan",
    "EvaluationSummary",
    "Experiment",
    "ExperimentCell",
    "Gold",
    "GoldEvent",
    "GoldSource",
    "GoldSpan",
    "HeldNote",
    "Job",
    "JobAttempt",
    "JobLog",
    "JobNotice",
    "Label",
    "LabelSchema",
    "Note",
    "NoteLease",
    "NoteOriginal",
    "NotePrivacy",
    "NoteQueue",
    "Prediction",
    "PredictionSpan",
    "Project",
    "ProjectPrivacy",
    "Promotion",
    "Run",
    "RunEpoch",
    "Suspicion",
    "SuspicionRound",
    "User",
    "UserSession",
    "UtcDateTime",
    "Worker",
]
