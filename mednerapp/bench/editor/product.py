"""The product itself as the subject of the measurements: a data folder with long notes, and its web process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.bench.editor.notes import LongNote
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import AdapterKind
from mednerapp.domain.notes import NewNote
from mednerapp.services import accounts
from mednerapp.settings import Settings, environment

PAGES = Path(__file__).parent / "pages"
FRONTEND = Path(__file__).parents[2] / "ui" / "span_editor" / "frontend"
_ROOT = Path(__file__).parents[3]  # Streamlit reads .streamlit/config.toml from here, as for `mednerapp serve`
_START_LIMIT = 90  # seconds until a server must answer
_NO_MODEL = "0" * 64


def prepare(folder: Path, notes: Sequence[LongNote]) -> tuple[Settings, list[int]]:
    """A data folder whose one project has these notes, with their spans as suggestions of a starter that is only a row.

    Returns the settings and the ids of the notes, in order.
    """
    settings = Settings(data_dir=folder, database_url="", demo=True, idle_minutes=240)
    folder.mkdir(parents=True, exist_ok=True)
    upgrade(settings.resolved_database_url)
    app = bootstrap.build(settings)
    try:
        accounts.ensure_demo_users(app.store)
        with app.store.write() as tx:
            encoder = tx.models.add_encoder(
                name="Starter", source="bench", revision="1", folder="starters/bench", weights_hash=_NO_MODEL
            )
            adapter = tx.models.add_adapter(
                name="Starter",
                kind=AdapterKind.STARTER,
                encoder_id=encoder.id,
                folder="starters/bench",
                weights_hash=_NO_MODEL,
                labels=MEDICAL_SCHEMA.names,
            )
            project = tx.projects.add(name="Bench", schema=MEDICAL_SCHEMA)
            tx.projects.promote(project_id=project.id, adapter_id=adapter.id, user_id=None)
            ids: list[int] = []
            for note in notes:
                new = NewNote(text=note.text, title=f"Note {note.size.name}")
                note_id = tx.notes.add(project_id=project.id, note=new, user_id=None)
                tx.predictions.put(note_id=note_id, adapter_id=adapter.id, spans=note.spans)
                ids.append(note_id)
    finally:
        app.close()
    return settings, ids


@contextmanager
def product_server(settings: Settings) -> Generator[str]:
    """The web process of the product on a free loopback port, with the bare route beside its own; yields its URL."""
    with running(PAGES / "served.py", health="/healthz", env=environment(settings)) as url:
        yield url


@contextmanager
def running(script: Path, *, health: str, env: Mapping[str, str]) -> Generator[str]:
    """`streamlit run script` until the end of the block; yields its base URL once `health` answers.

    Raises:
        RuntimeError: if it ends before.
        TimeoutError: if it does not answer.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true"]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    process = subprocess.Popen(command, cwd=_ROOT, env=variables, stdout=subprocess.DEVNULL)  # ours is the table's
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(url + health, process)
        yield url
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server, politely at first."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The web process ended with status {process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"No answer from {url} within {_START_LIMIT} seconds.")
