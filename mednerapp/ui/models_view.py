"""The parts of the models page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.jobs import FINISHED, Job, JobKind, JobState
from mednerapp.domain.models import Encoder
from mednerapp.errors import MedNerError
from mednerapp.ner.encoders import ENCODERS, INCOMING
from mednerapp.services import encoders as service
from mednerapp.services import workers
from mednerapp.services.encoders import EncoderView
from mednerapp.ui import guard
from mednerapp.ui.process import application
from mednerapp.ui.words import count, local_time, plain, size

LOOK_EVERY = 1.5  # seconds, while something is being fetched or checked
WIDTHS = (3.2, 2.4, 1.3, 3.4)  # what it is, licence, the paper's figures, state with its buttons
DOWNLOAD = "about 0.5 GB"
_OF_KIND = {JobKind.PULL: "Downloading", JobKind.ADD_ENCODER: "Adding", JobKind.VERIFY: "Checking"}
_STOPPED = {
    JobState.FAILED: "did not succeed",
    JobState.INTERRUPTED: "was interrupted",
    JobState.CANCELLED: "was cancelled",
}


def encoders(user: User) -> None:
    """The table of the encoders, redrawn by itself while a job about one of them is open."""
    found = service.catalogue(application().store, user=user)
    if not any(view.encoder for view in found) and not any(map(_open, found)):
        _how_to_begin(user)
    st.fragment(_table, run_every=LOOK_EVERY if any(map(_open, found)) else None)(live=any(map(_open, found)))


def _how_to_begin(user: User) -> None:
    incoming = application().settings.model_dir / INCOMING
    text = (
        "**No encoder is installed yet.** With a connection to the internet, press Download beside one (BioBERT did "
        "best in the paper). Without one: download its folder elsewhere, copy it into "
        f"`{incoming.absolute()}` on this machine, and it appears below to be added."
        if user.may(Permission.ADMINISTER)
        else "**No encoder is installed yet.** An administrator can install one here. Until then runs train over the "
        "shipped starter."
    )
    st.info(text)


def _table(*, live: bool) -> None:
    user = guard.still_here()
    store = application().store
    found = service.catalogue(store, user=user)
    still_live = any(map(_open, found))
    if live is not still_live:
        st.rerun(scope="app")
    if still_live and not workers.alive(store):
        st.warning("No worker is running: start one with `mednerapp worker` (`mednerapp serve` starts one by itself).")
    for place, text in zip(st.columns(WIDTHS), ("Encoder", "Licence", "In the paper", "Here"), strict=True):
        place.markdown(f":small[**{text}**]")
    for view in found:
        with st.container(border=True):
            _row(user, view)
    st.caption(
        "The paper's precision and F1 are percentages on its own test notes (MIMIC-III): not comparable with scores on "
        "other notes."
    )


def _row(user: User, view: EncoderView) -> None:
    what, licence, paper, here = st.columns(WIDTHS)
    spec, encoder = view.spec, view.encoder
    source = encoder.source if encoder else spec.hub_id if spec else ""  # a folder may go by the name of a row
    if view.job and not source:
        source = str(view.job.args.get("hub_id") or f"folder {view.job.args.get('folder')}")
    cased = spec.cased if spec else encoder.cased if encoder else None
    case = "" if cased is None else " · cased" if cased else " · uncased"
    read = f"  \n:small[{plain(spec.pretrained_on)}]" if spec else ""
    what.markdown(f"**{plain(view.name)}**{case}{read}  \n:small[:gray[{plain(source)}]]")
    licence.markdown(f":small[{plain(view.licence or 'not stated')}]")
    paper.markdown(_published(view))
    with here:
        if encoder:
            _installed(encoder, view.adapters)
        elif not _open(view):
            st.markdown(":gray-badge[not installed]")
        if view.job and _open(view):
            _progress(view.job)
        _buttons(user, view)
    if encoder and encoder.problem:
        st.error(plain(encoder.problem))
    elif view.job and not _open(view):
        job = view.job
        st.warning(plain(f"{_OF_KIND[job.kind]} {_STOPPED.get(job.state, job.state.value)}. {job.message}"))


def _published(view: EncoderView) -> str:
    paper = view.published
    if paper.precision is None or paper.f1 is None:
        return ":small[:gray[no figures]]"
    return f":small[precision {paper.precision:.1f}  \nF1 {paper.f1:.1f}]"


def _installed(encoder: Encoder, adapters: tuple[str, ...]) -> None:
    badge = ":red-badge[not in order]" if encoder.problem else ":green-badge[installed]"
    used = f" · {count(len(adapters), 'adapter')}" if adapters else ""
    checked = f" · checked {local_time(encoder.verified_at):%Y-%m-%d %H:%M}" if encoder.verified_at else ""
    commit = f" · commit {encoder.revision[:12]}" if encoder.revision else ""
    st.markdown(
        f"{badge} :small[{size(encoder.size_bytes)}{used}{checked}]  \n"
        f":small[:gray[SHA-256 {encoder.weights_hash[:12]}…{commit}]]"
    )


def _progress(job: Job) -> None:
    part = min(job.done / job.total, 1.0) if job.total else 0.0
    figures = f" ({job.done:,} of {job.total:,} {job.unit})" if job.total else ""
    waiting = job.state is JobState.QUEUED
    st.progress(part, text=plain("Waits for a worker" if waiting else (job.message or _OF_KIND[job.kind]) + figures))


def _buttons(user: User, view: EncoderView) -> None:
    store, encoder = application().store, view.encoder
    if _open(view):
        job = view.job
        if job and user.may(Permission.ADMINISTER) and st.button("Cancel", key=f"cancel-{job.id}"):
            _act(lambda: service.cancel(store, user=user, job_id=job.id), "It is being cancelled.")
        return
    row = st.container(horizontal=True)
    if encoder:
        if row.button("Check", key=f"check-{encoder.id}", help="Hash, tokenizer, weights and one pass; takes seconds."):
            _act(lambda: service.request_verify(store, user=user, encoder_id=encoder.id), "The check is in the queue.")
        if user.may(Permission.ADMINISTER):
            _remove(user, encoder, view.adapters, row)
    elif view.spec and user.may(Permission.ADMINISTER):
        hub_id = view.spec.hub_id
        if row.button(
            f"Download ({DOWNLOAD})", key=f"pull-{view.name}",
            help=f"The worker fetches {hub_id} from huggingface.co. Nothing of yours is sent.",
        ):  # fmt: skip
            _act(lambda: service.request_pull(store, user=user, source=hub_id), "The download is in the queue.")
    elif view.job and user.may(Permission.ADMINISTER):
        _after_failure(user, view.job, row)


def _after_failure(user: User, job: Job, place: DeltaGenerator) -> None:
    """For an encoder that has no row of its own: it is listed for the failed job alone."""
    app = application()
    if place.button("Try again", key=f"again-{job.id}"):
        _act(
            lambda: service.request_again(app.store, user=user, model_dir=app.settings.model_dir, job_id=job.id),
            "It is in the queue.",
        )
    if place.button("Dismiss", key=f"dismiss-{job.id}"):
        _act(lambda: service.cancel(app.store, user=user, job_id=job.id), "It is no longer listed.")


def _remove(user: User, encoder: Encoder, adapters: tuple[str, ...], place: DeltaGenerator) -> None:
    needed = f"Needed by {', '.join(adapters)}." if adapters else None
    if place.button("Remove …", key=f"remove-{encoder.id}", disabled=bool(adapters), help=needed):
        _confirm_removal(user, encoder)


@st.dialog("Remove an encoder")
def _confirm_removal(user: User, encoder: Encoder) -> None:
    st.write(
        f"**{plain(encoder.name)}** ({size(encoder.size_bytes)}) is deleted from this machine. No adapter needs it; "
        "runs that were made over it keep their history. It can be installed again."
    )
    row = st.container(horizontal=True)
    if row.button("Keep it", key="keep"):
        st.rerun()
    if row.button("Remove", type="primary", key="really-remove"):
        app = application()
        _act(
            lambda: service.remove(app.store, by=user, encoder_id=encoder.id, model_dir=app.settings.model_dir),
            f"{encoder.name} was removed.",
        )


def others(user: User) -> None:
    """For administrators: any other encoder, from a folder or from the hub."""
    left, right = st.columns(2, gap="large")
    with left:
        _from_folder(user)
    with right:
        _from_hub(user)


def _from_folder(user: User) -> None:
    app = application()
    st.subheader("From a folder", anchor=False)
    folder = app.settings.model_dir / INCOMING
    st.caption(
        "For machines without a connection. Copy the encoder's folder (config.json, tokenizer files, model.safetensors "
        f"or pytorch_model.bin) into `{folder.absolute()}`. It is copied from there, converted and checked."
    )
    waiting = service.incoming(model_dir=app.settings.model_dir)
    if not waiting:
        st.caption("Nothing is there now.")
        if st.button("Look again", key="look"):
            st.rerun()
        return
    with st.form("add-folder", border=False):
        chosen = st.selectbox("Folder", waiting)
        which = st.selectbox("It is", [*ENCODERS, "another encoder"], index=len(ENCODERS))
        pressed = st.form_submit_button("Add", type="primary")
    if pressed:
        name = "" if which == "another encoder" else which
        _act(
            lambda: service.request_add(
                app.store, user=user, model_dir=app.settings.model_dir, folder=chosen, name=name
            ),
            f"{chosen} is in the queue.",
        )


def _from_hub(user: User) -> None:
    st.subheader("Another one from the hub", anchor=False)
    st.caption("Any encoder of the BERT or RoBERTa type. The worker goes to huggingface.co; nothing of yours is sent.")
    with st.form("pull-other", border=False, enter_to_submit=False):
        hub_id = st.text_input("Hub id", placeholder="owner/name", max_chars=150, autocomplete="off")
        revision = st.text_input("Revision", placeholder="main; a commit is better", max_chars=100, autocomplete="off")
        pressed = st.form_submit_button("Download")
    if pressed:
        _act(
            lambda: service.request_pull(application().store, user=user, source=hub_id, revision=revision),
            "The download is in the queue.",
        )


def _open(view: EncoderView) -> bool:
    return view.job is not None and view.job.state not in FINISHED


def _act(verb: Callable[[], object], done: str) -> None:
    """Do what a button says and draw the page anew, or say why it cannot be done."""
    try:
        verb()
    except MedNerError as error:
        st.warning(plain(str(error)))
    else:
        st.toast(done)
        st.rerun(scope="app")
