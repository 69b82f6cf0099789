"""The parts of the jobs page."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import User
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import Job, JobKind, JobState
from mednerapp.services import jobs as service
from mednerapp.services import noticing
from mednerapp.services.jobs import JobView, Overview, Turn, WorkerView
from mednerapp.ui import guard, menu
from mednerapp.ui.acting import act
from mednerapp.ui.process import application
from mednerapp.ui.state import state
from mednerapp.ui.words import count, local_time, plain, seconds, size

# Asked for by the browser, so a closed page costs nothing; a tab in the background is slowed down by the browser.
LOOK_EVERY = 1.5  # seconds, while a job is open
IDLE_LOOK_EVERY = 5.0
SHOWN = 20  # jobs that ended; more on demand
KINDS = {
    JobKind.PREDICT: "Highlight notes",
    JobKind.FINE_TUNE: "Train",
    JobKind.EVALUATE: "Score",
    JobKind.PULL: "Download an encoder",
    JobKind.ADD_ENCODER: "Add an encoder",
    JobKind.VERIFY: "Check an encoder",
}
BADGES = {
    JobState.QUEUED: ":gray-badge[waiting]",
    JobState.RUNNING: ":blue-badge[running]",
    JobState.SUCCEEDED: ":green-badge[finished]",
    JobState.FAILED: ":red-badge[failed]",
    JobState.INTERRUPTED: ":orange-badge[interrupted]",
    JobState.CANCELLED: ":gray-badge[cancelled]",
}
# Where what a finished job changed can be seen: page, and what the button says.
RESULTS = {
    JobKind.PREDICT: ("notes", "See the notes"),
    JobKind.FINE_TUNE: ("train", "See the run"),
    JobKind.EVALUATE: ("dashboard", "See the score"),
    JobKind.PULL: ("models", "See the encoder"),
    JobKind.ADD_ENCODER: ("models", "See the encoder"),
    JobKind.VERIFY: ("models", "See the encoder"),
}
TURNS = {Turn.FIRST: "First", Turn.NORMAL: "In turn", Turn.LAST: "Last"}


def queue(user: User) -> None:
    """Everything, redrawn by itself while the page is open."""
    _mail(user)
    running, waiting, _ = service.state(application().store, user=user)
    live = bool(running or waiting)
    st.fragment(_queue, run_every=LOOK_EVERY if live else IDLE_LOOK_EVERY)(live=live)


def _mail(user: User) -> None:
    app = application()
    if not app.settings.smtp_host:
        return
    wanted = noticing.wants_mail(app.store, user=user)
    chosen = st.toggle(
        "E-mail me when a job that I started has ended",
        value=wanted,
        key=f"mail-{wanted}",  # another one once it was changed, in whichever tab
        help=f"To {user.email}: kind, state and project, and a link.",
    )
    if chosen is not wanted:
        act(lambda: noticing.set_mail(app.store, user=user, wanted=chosen))


def _queue(*, live: bool) -> None:
    user = guard.still_here()
    shown = int(st.session_state.get("jobs-shown", SHOWN))
    found = service.look(application().store, user=user, model_dir=application().settings.model_dir, ended=shown + 1)
    if live is not bool(found.running or found.waiting):
        st.rerun(scope="app")
    _workers(found)
    st.subheader("Running", anchor=False)
    for view in found.running:
        _card(user, view)
    if not found.running:
        st.caption("Nothing is running." if found.waiting else "Nothing is running, and nothing waits.")
    if found.waiting:
        st.subheader(f"Waiting ({found.waiting_in_all:,})", anchor=False)
        for view in found.waiting:
            _card(user, view)
        more = found.waiting_in_all - len(found.waiting)
        if more:
            st.caption(f"And {count(more, 'job')} more after these.")
    st.subheader("Ended", anchor=False)
    if not found.ended:
        st.info("No job has ended yet. Upload notes to have them highlighted, or start a run on the page Train.")
    for view in found.ended[:shown]:
        _card(user, view)
    if len(found.ended) > shown and st.button("Show more"):
        st.session_state["jobs-shown"] = shown + SHOWN
        st.rerun(scope="fragment")


def _workers(found: Overview) -> None:
    if not found.workers:
        text = "No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself)."
        (st.warning if found.waiting else st.info)(text)
        return
    st.caption(f"{count(len(found.workers), 'worker')}: " + " · ".join(map(_worker, found.workers)))


def _worker(worker: WorkerView) -> str:
    does = f"job {worker.job.id}" if worker.job else "idle"
    device = worker.job.device if worker.job and worker.job.device else worker.device
    return f"**{plain(worker.name)}** on {plain(device)}, {does}"


def _card(user: User, view: JobView) -> None:
    job = view.job
    with st.container(border=True):
        left, right = st.columns([3.4, 1.6], vertical_alignment="center")
        about = f" · {plain(view.about)}" if view.about else ""
        left.markdown(f"**{KINDS[job.kind]}**{about} {BADGES[job.state]}  \n:small[:gray[{' · '.join(_facts(view))}]]")
        with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            logged = bool(job.attempt) and st.toggle("Log", key=f"log-{job.id}")
            _buttons(user, view)
        if job.state is JobState.RUNNING:
            part = min(job.done / job.total, 1.0) if job.total else 0.0
            st.progress(part, text=_progress(view))
        if job.state is JobState.FAILED:
            st.error(plain(job.message))
        elif job.state is not JobState.RUNNING and job.message and job.state is not JobState.QUEUED:
            st.markdown(plain(job.message))
        if logged:
            _log(user, job)


def _facts(view: JobView) -> list[str]:
    job = view.job
    facts = [f"job {job.id}"]
    if job.state is JobState.QUEUED:
        facts.append(f"queued {local_time(job.created_at):%Y-%m-%d %H:%M:%S}")
        if job.not_before and job.not_before > now():
            wait = (job.not_before - now()).total_seconds()
            facts.append(f"its worker died {count(job.deaths, 'time')}; tried again in {seconds(wait)}")
        elif job.attempt:
            facts.append("goes on from what it had stored")
    if job.started_at and job.state is not JobState.QUEUED:
        facts.append(f"began {local_time(job.started_at):%Y-%m-%d %H:%M:%S}")
    if job.started_at and job.finished_at:
        facts.append(f"took {seconds((job.finished_at - job.started_at).total_seconds())}")
    if job.state is not JobState.QUEUED:
        facts += [plain(job.device)] if job.device else []
        facts += [size(job.memory)] if job.memory else []
        facts += [plain(job.worker)] if job.worker and job.state is JobState.RUNNING else []
    if job.attempt > 1:
        facts.append(f"attempt {job.attempt}")
    return facts


def _progress(view: JobView) -> str:
    job = view.job
    if job.cancel_requested:
        return "Being cancelled …"
    if not job.total:
        return "Preparing …"
    parts = [f"{job.done:,} of {job.total:,} {job.unit}"]
    if view.epochs:
        done, every = view.epochs
        parts.append(f"epoch {min(done + 1, every)} of {every}")
    if job.rate:
        parts.append(f"{job.rate:,.1f} {job.unit} per second" if job.rate >= 0.1 else _slow(job))
    if job.seconds_left is not None:
        parts.append(f"about {seconds(job.seconds_left)} left")
    return f"{plain(job.message)} {' · '.join(parts)}".strip()


def _slow(job: Job) -> str:
    return f"{job.rate * 60:,.1f} {job.unit} per minute"


def _buttons(user: User, view: JobView) -> None:
    job, store = view.job, application().store
    models = application().settings.model_dir
    if job.state is JobState.QUEUED:
        _turn(user, job)
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        if st.button("Cancel", key=f"cancel-{job.id}", disabled=job.cancel_requested):
            act(lambda: service.cancel(store, user=user, job_id=job.id))
        return
    if job.state is JobState.SUCCEEDED:
        page, label = RESULTS[job.kind]
        if st.button(label, key=f"see-{job.id}"):
            if view.project_id is not None:
                state().project_id, state().note_id = view.project_id, None
            menu.go(page)
        return
    if job.kind is JobKind.FINE_TUNE and view.project_id is None:
        return
    if view.checkpoint and st.button("Resume", key=f"resume-{job.id}", help="Goes on from its last checkpoint."):
        act(lambda: service.retry(store, user=user, job_id=job.id, model_dir=models))
    what = "From the beginning." if job.kind is JobKind.FINE_TUNE else "What it had stored stays."
    if st.button("Retry", key=f"retry-{job.id}", help=what):
        act(lambda: service.retry(store, user=user, job_id=job.id, model_dir=models, afresh=True))


def _turn(user: User, job: Job) -> None:
    current = service.turn_of(job)
    chosen = st.selectbox(
        "Turn",
        list(TURNS),
        index=list(TURNS).index(current),
        format_func=TURNS.__getitem__,
        key=f"turn-{job.id}-{current.value}",  # another one once it was moved, by whomever
        label_visibility="collapsed",
        width=110,
    )
    if chosen is not current:
        act(lambda: service.prioritise(application().store, user=user, job_id=job.id, turn=chosen))


def _log(user: User, job: Job) -> None:
    lines = service.log(application().store, user=user, job_id=job.id)
    text = "\n".join(f"{local_time(line.at):%H:%M:%S}  {line.text}" for line in lines)
    st.code(text or "Nothing was logged.", language=None, wrap_lines=True)
