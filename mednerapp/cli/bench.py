"""`mednerapp bench`: what this machine gets out of prediction and training."""

from __future__ import annotations

import typer

bench = typer.Typer(no_args_is_help=True, help="Time this installation against the usual way of the libraries.")


@bench.callback()
def group() -> None:
    """A callback keeps the group a group, however few commands it holds."""
