"""A whole installation as `mednerapp serve` runs it: web process and worker under the supervisor, on demo data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.services import accounts
from mednerapp.settings import Settings, environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 150  # seconds until something that has to happen must have happened


@dataclass(frozen=True)
class Installation:
    """`app` is the test's own door to the data folder."""

    app: App
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> dict[str, int | None]:
        """What the supervisor says of itself: pid, port, web_pid, worker_pid."""
        path = self.app.settings.data_dir / "serve.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.state['port']}"

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == httpx.codes.OK
        except (httpx.TransportError, KeyError):
            return False

    def kill(self, child: str) -> None:
        """kill -9 of `web` or `worker`."""
        pid = self.state.get(f"{child}_pid")
        if pid:
            os.kill(pid, signal.SIGKILL)

    def user(self, role: Role) -> User:
        everybody = accounts.list_users(self.app.store, by=None)
        return next(user for user in everybody if user.role is role)


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {PATIENCE} seconds for: {what}.")
        time.sleep(0.1)


@contextmanager
def installed(
    folder: Path, *, start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen, log: IO[bytes] | None = None
) -> Generator[Installation]:
    """Prepared as by the command, started, and stopped at the end. log: takes all that its processes print."""
    settings = Settings(data_dir=folder, demo=True, port=0)
    bootstrap.prepare(settings)
    app = bootstrap.build(settings)
    command = [sys.executable, str(HERE / "serve_quickly.py")]
    process = start(command, cwd=ROOT, env=environment(settings), stdout=log, stderr=log)
    installation = Installation(app, process)
    try:
        wait_until(installation.healthy, "the web process")
        yield installation
    finally:
        app.close()
        process.terminate()
        process.wait(timeout=30)
