"""What the workers did lately and what waits for them, for those who run the place."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.jobs import FINISHED, Job, JobKind, JobState
from mednerapp.services import projects
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time

NEWEST = 20
LOOK_EVERY = 3.0  # seconds, while a job is open
_KIND = {
    JobKind.PREDICT: "prediction",
    JobKind.FINE_TUNE: "run",
    JobKind.EVALUATE: "evaluation",
    JobKind.PULL: "download of an encoder",
    JobKind.ADD_ENCODER: "encoder from a folder",
    JobKind.VERIFY: "check of an encoder",
}
_STATE = {JobState.QUEUED: "waiting", JobState.SUCCEEDED: "finished"}  # the other states have their own names


def recent(user: User) -> None:
    """The newest jobs of all projects, redrawn by themselves while one is open; nothing where there are none."""
    found = projects.recent_jobs(application().store, user=user, limit=NEWEST)
    if not found:
        return
    failed = sum(job.state is JobState.FAILED for job in found)
    with st.expander("Background jobs" + (f" ({failed} failed)" if failed else "")):
        live = any(job.state not in FINISHED for job in found)
        st.fragment(_table, run_every=LOOK_EVERY if live else None)()


def _table() -> None:
    user = guard.still_here()
    found = projects.recent_jobs(application().store, user=user, limit=NEWEST)
    st.caption(f"The newest {count(len(found), 'job')} of all projects.")
    st.dataframe([_row(job) for job in found], hide_index=True, placeholder="")


def _row(job: Job) -> dict[str, object]:
    return {
        "Job": job.id,
        "Kind": _KIND[job.kind],
        "State": _STATE.get(job.state, job.state.value),
        "Progress": f"{job.done:,} of {job.total:,} {job.unit}".strip() if job.total else "",
        "Started": local_time(job.started_at) if job.started_at else None,
        "Finished": local_time(job.finished_at) if job.finished_at else None,
        "Message": job.message,
    }
