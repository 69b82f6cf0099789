"""The command of the adapter's build; see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mednerapp.settings import Settings
from mednerapp.training.phi.building import build
from mednerapp.training.phi.examples import read


def main(arguments: Sequence[str] | None = None) -> None:
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python -m mednerapp.training.phi")
    parser.add_argument("command", choices=("build",))
    parser.add_argument("--corpora", type=Path, required=True, help="folder of asq_phi, aci_bench and presidio_synth")
    parser.add_argument("--out", type=Path, default=settings.phi_dir, help="folder whose model is replaced")
    given = parser.parse_args(arguments)
    corpora = read(given.corpora, settings.demo_notes_dir)
    build(corpora, starter=settings.starter_dir, out=given.out, say=_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
