"""The web process as people start it, `streamlit run app.py`, on a free port and a data folder that is ready."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

import httpx
import sqlalchemy as sa

from db import tables as t
from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.bench.editor.product import stop
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.domain.clock import now
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import AdapterKind
from mednerapp.services import demo
from mednerapp.settings import Settings, environment
from support import ports, warm

ROOT = Path(__file__).parents[2]
START_LIMIT = 60  # seconds until a server must answer


@dataclass(frozen=True)
class AppServer:
    """A running web process. `app` is the test's own door to the same data folder."""

    url: str
    app: App
    process: subprocess.Popen[bytes]

    def client(self) -> httpx.Client:
        """Somebody without a session. Acts like a page of the server: with its Origin; redirects are not followed."""
        return httpx.Client(base_url=self.url, headers={"origin": self.url}, timeout=30)

    @contextmanager
    def signed_in(self, role: Role = Role.ANNOTATOR) -> Generator[httpx.Client]:
        """The demo person of a role."""
        with self.client() as client:
            answer = client.post("/sign-in/demo", data={"role": role.value})
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
            yield client

    def last_seen(self, session: str) -> datetime:
        """When the person of the session (hash of the token) acted last."""
        with self.app.database.read() as db:
            return db.scalars(sa.select(t.UserSession.seen_at).where(t.UserSession.token_hash == session)).one()

    def make_idle(self, session: str, *, minutes: float) -> None:
        """As if the person had done nothing for so long."""
        seen_at = now() - timedelta(minutes=minutes)
        with self.app.database.write() as db:
            db.execute(sa.update(t.UserSession).where(t.UserSession.token_hash == session).values(seen_at=seen_at))


def prepare_demo(folder: Path) -> Settings:
    """A data folder like that of `mednerapp serve --demo`, with a starter that is only a row: nothing here predicts."""
    shutil.copytree(_demo_folder(), folder, dirs_exist_ok=True)
    return Settings(data_dir=folder, demo=True)


@cache
def _demo_folder() -> Path:
    """One to copy from: what is in it names no folder."""
    folder = Path(mkdtemp(prefix="medner-demo-"))
    atexit.register(shutil.rmtree, folder)
    settings = Settings(data_dir=folder, demo=True)
    upgrade(settings.resolved_database_url)
    app = bootstrap.build(settings)
    try:
        with app.store.write() as tx:
            encoder = tx.models.add_encoder(
                name="Starter", source="test", revision="1", folder="starters/test", weights_hash="0" * 64
            )
            tx.models.add_adapter(
                name="Starter",
                kind=AdapterKind.STARTER,
                encoder_id=encoder.id,
                folder="starters/test",
                weights_hash="0" * 64,
                labels=MEDICAL_SCHEMA.names,
            )
        demo.ensure_demo(app.store, folder=settings.demo_notes_dir)
    finally:
        app.close()
    return folder


@contextmanager
def running(
    settings: Settings,
    *,
    python: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stderr: IO[bytes] | None = None,
) -> Generator[AppServer]:
    """The web process on a prepared data folder, until the end of the block. `python`: options of the interpreter."""
    with ports.port("app.py") as port, _listening(settings, port, python=python, env=env, stderr=stderr) as server:
        yield server


@contextmanager
def _listening(
    settings: Settings,
    port: int,
    *,
    python: Sequence[str],
    env: Mapping[str, str] | None,
    stderr: IO[bytes] | None,
) -> Generator[AppServer]:
    command = [sys.executable, *python, "-m", "streamlit", "run", "app.py"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    variables = {**environment(settings), "OMP_NUM_THREADS": "1", **(env or {})}
    process = warm.Popen(command, cwd=ROOT, env=variables, stderr=stderr)
    app = bootstrap.build(settings)
    server = AppServer(f"http://127.0.0.1:{port}", app, process)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        app.close()
        stop(process)


def _wait_until_healthy(server: AppServer) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"The web process ended with status {server.process.returncode} before it answered.")
        try:
            if httpx.get(f"{server.url}/healthz", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"No answer from {server.url} within {START_LIMIT} seconds.")
