"""Settings, read once from the environment (prefix MEDNER_) and handed on explicitly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ASSETS = Path(__file__).parent / "assets"


class Settings(BaseSettings):
    """Safe defaults: loopback only, no demo, everything written below one folder."""

    model_config = SettingsConfigDict(env_prefix="MEDNER_", frozen=True)

    data_dir: Path = Field(default=Path("data"), description="The one folder that MedNER writes to.")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty means SQLite in the data folder.")
    host: str = Field(default="127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(default=8501, ge=0, le=65535)
    public_url: str = Field(default="", description="Address in the browser when behind a proxy, with scheme.")
    demo: bool = Field(default=False, description="Demo project with one-click sign-in; only on a loopback address.")
    idle_minutes: float = Field(default=30, gt=0, description="Sign out after so many minutes without an action.")
    session_hours: float = Field(default=12, gt=0, description="Sign out after so many hours whatever happens.")
    max_upload_mb: int = Field(default=5, gt=0, description="Largest file that may be uploaded, in MiB.")
    lease_minutes: float = Field(
        default=30, gt=0, description="An open note is given to nobody else until so many minutes after it was left."
    )
    retention_days: float = Field(default=30, ge=0, description="Deleted notes can be restored for so many days.")
    device: str = Field(
        default="auto",
        description="Device of the worker: auto, cpu, cuda, cuda:1, ..., or cuda:0,cuda:1 to train on both at once.",
    )
    deid_model: str = Field(
        default="off",
        description="What looks for identifiers beside the rules: off, adapter (that ships), or a model folder.",
    )
    checkpoint_seconds: float = Field(default=30, gt=0, description="A run is saved every so many seconds.")
    smtp_host: str = Field(default="", description="Mail server for notices about ended jobs; empty: none are sent.")
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = Field(default="", description="Empty: the server is used without signing in.")
    smtp_password: str = Field(default="", repr=False)
    smtp_from: str = Field(default="", description="Sender of the mails; empty: the user.")
    smtp_tls: Literal["starttls", "tls", "off"] = Field(default="starttls")
    precision: Literal["fp32", "bf16", "int8"] = Field(
        default="fp32", description="Arithmetic of predictions on a CPU; bf16 needs one with AMX or AVX-512 BF16."
    )

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'medner.sqlite').absolute()}"

    @property
    def jobs_database_url(self) -> str:
        """The job engine's own tables: a SQLite file beside ours, or the same PostgreSQL server."""
        url = self.resolved_database_url
        return f"{url.removesuffix('.sqlite')}-jobs.sqlite" if url.startswith("sqlite") else url

    @property
    def model_dir(self) -> Path:
        return self.data_dir / "models"

    def model_folder(self, folder: str) -> Path:
        """Where the weights of an encoder or adapter lie; `folder` is as stored, relative to model_dir."""
        return self.model_dir / folder

    @property
    def starter_dir(self) -> Path:
        return ASSETS / "starter"

    @property
    def phi_dir(self) -> Path:
        return ASSETS / "phi"

    @property
    def deid_folder(self) -> Path | None:
        """Of the model beside the rules; None: the rules alone."""
        if self.deid_model in ("", "off"):
            return None
        return self.phi_dir if self.deid_model == "adapter" else Path(self.deid_model).absolute()

    @property
    def demo_notes_dir(self) -> Path:
        return ASSETS / "demo_notes"


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a child process reads the same settings, whatever its working folder is."""
    values = settings.model_dump()
    values["data_dir"] = settings.data_dir.absolute()
    if settings.deid_folder not in (None, settings.phi_dir):
        values["deid_model"] = settings.deid_folder
    ours = {f"MEDNER_{name.upper()}": str(value) for name, value in values.items()}
    return {**os.environ, **ours}
