"""`mednerapp serve` with stand-ins for its children. Run by test_supervisor.py as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from mednerapp.jobs.supervisor import serve
from mednerapp.settings import Settings

STAND_IN = str(Path(__file__).parent / "stand_in.py")

if __name__ == "__main__":
    sys.exit(serve(Settings(), web=[STAND_IN, "web", "{port}"], worker=[STAND_IN, "worker"]))
