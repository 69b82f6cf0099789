"""The web process on a data folder of its own, that can be killed and started again on the same port."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.bench.notes import synthetic_notes
from mednerapp.domain.accounts import Role
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import AdapterKind
from mednerapp.domain.notes import NewNote, normalise_text
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, projects
from mednerapp.settings import Settings, environment

ROOT = Path(__file__).parents[3]
EMAIL, PASSWORD = "fuzz@example.org", "a long enough passphrase"
START_LIMIT = 90  # seconds until the process must answer
REPEATED = "chest pain"
NOTES = 5  # of a run: the one that is worked on, and others that bulk changes and the way to the next note reach

# What offsets go wrong on: beyond U+FFFF, joined emoji, combining marks, right to left, invisible, doubled blanks.
_HARD = (
    "Pain score 😀/10, seen by 👩🏽‍⚕️ and 👨‍👩‍👧‍👦.",
    "Me\u0301nie\u0300re's disease, nai\u0308ve to warfarin.",
    "المريض يعاني من ألم في الصدر\u200f, translated: chest pain.",
    "הוראות: aspirin 75\u00a0mg\u200b daily (\u202bכדור\u202c).",  # noqa: RUF001 - they look like others on purpose
    "𝒜lpha-blocker  stopped,\ttab between; Z\u0336a\u0336l\u0336 noted.",  # noqa: RUF001
    "Chest  pain again; CHEST PAIN at night, no chest pain today.",
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What one run works on. `notes`: the first one is opened."""

    project_id: int
    notes: tuple[int, ...]


class Product:
    """The running web process and, in `app`, a door to its database."""

    def __init__(self, folder: Path, *, database_url: str = "") -> None:
        self.settings = Settings(data_dir=folder, database_url=database_url)
        folder.mkdir(parents=True, exist_ok=True)
        upgrade(self.settings.resolved_database_url)
        self.app = bootstrap.build(self.settings)
        self.store = self.app.store
        self.user = accounts.create_user(
            self.store, by=None, email=EMAIL, name="Fuzz", role=Role.LEAD, password=PASSWORD
        )
        self._adapter_id = self._add_starter()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._log = (folder / "web.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _add_starter(self) -> int:
        """A model that is only a row: nothing here predicts."""
        with self.store.write() as tx:
            encoder = tx.models.add_encoder(
                name="Starter", source="test", revision="1", folder="starters/test", weights_hash="0" * 64
            )
            return tx.models.add_adapter(
                name="Starter",
                kind=AdapterKind.STARTER,
                encoder_id=encoder.id,
                folder="starters/test",
                weights_hash="0" * 64,
                labels=MEDICAL_SCHEMA.names,
            ).id

    def add_note(self, title: str, text: str, suggestions: Sequence[ScoredSpan]) -> int:
        """A note in a project of its own."""
        project = projects.create(self.store, by=None, name=title)
        return self._add_note(project.id, title, text, suggestions)

    def _add_note(self, project_id: int, title: str, text: str, suggestions: Sequence[ScoredSpan]) -> int:
        with self.store.write() as tx:
            note_id = tx.notes.add(project_id=project_id, note=NewNote(text, title), user_id=None)
            tx.predictions.put(note_id=note_id, adapter_id=self._adapter_id, spans=suggestions)
        return note_id

    def add_ground(self, number: int, chance: random.Random) -> Ground:
        """A project with notes and suggestions, different for each run."""
        project = projects.create(self.store, by=None, name=f"Run {number}")
        texts = [_text(base, chance) for base in synthetic_notes(NOTES, seed=chance.randrange(2**31))]
        notes = [
            self._add_note(project.id, f"Note {number}.{i}", text, _suggestions(text, chance))
            for i, text in enumerate(texts)
        ]
        return Ground(project.id, tuple(notes))

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", "127.0.0.1"]
        command += ["--server.port", str(self.port)]
        variables = {**environment(self.settings), "OMP_NUM_THREADS": "1", "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        """As by kill -9: nothing gets a chance to finish."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def healthy(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise RuntimeError(f"The web process ended by itself with status {self._process.returncode}.")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):  # noqa: S310 - our own server
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self.healthy():
            if time.monotonic() > deadline:
                raise TimeoutError(f"No answer from {self.url} within {START_LIMIT} seconds.")
            time.sleep(0.05)

    def close(self) -> None:
        self.kill()
        self._log.close()
        self.app.close()


def _text(base: str, chance: random.Random) -> str:
    """About 120 to 250 words in which the hard places and the repeated mention are strewn."""
    lines = [line for line in base.splitlines() if line.strip()][:14]
    lines += chance.sample(_HARD, 4)
    lines += [f"Reports {REPEATED} {when}." for when in chance.sample(("today", "at rest", "on exertion", "again"), 3)]
    chance.shuffle(lines)
    return normalise_text("\n".join(line[:400] for line in lines) + "\n")


def _suggestions(text: str, chance: random.Random) -> Sequence[ScoredSpan]:
    """Some of the words and word pairs, with any label and score."""
    places = [match.span() for match in re.finditer(r"[^\W\d]{4,}(?: [^\W\d]{3,})?", text)]
    chosen = sorted(chance.sample(places, min(len(places), 18)))
    names = MEDICAL_SCHEMA.names
    return [ScoredSpan(Span(start, end, chance.choice(names)), round(chance.random(), 3)) for start, end in chosen]
