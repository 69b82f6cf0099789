"""`mednerapp bench`: what this machine gets out of prediction, training and the span editor."""

from __future__ import annotations

import typer

bench = typer.Typer(
    no_args_is_help=True, help="Time this installation against the usual way, or the least that is possible."
)


@bench.callback()
def group() -> None:
    """A callback keeps the group a group, however few commands it holds."""


# Options as the module itself takes them: it also runs by itself, where only the heavy libraries are installed.
_AS_GIVEN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@bench.command(context_settings=_AS_GIVEN)
def train(context: typer.Context) -> None:
    """Training against transformers.Trainer + peft: tokens per second, peak memory; --quality: dev F1."""
    from mednerapp.bench.train import main

    main(context.args)


@bench.command(name="lora-defaults", context_settings=_AS_GIVEN)
def lora_defaults(context: typer.Context) -> None:
    """Dev F1 over a grid of LoRA settings and several seeds."""
    from mednerapp.bench.lora_defaults import main

    main(context.args)


@bench.command(context_settings=_AS_GIVEN)
def predict(context: typer.Context) -> None:
    """Prediction against transformers.pipeline: tokens per second, share of the peak, equality of what is found."""
    from mednerapp.bench.predict import main

    main(context.args)


@bench.command(name="fuzz-editor", context_settings=_AS_GIVEN)
def fuzz_editor(context: typer.Context) -> None:
    """Random work on the annotate page, with mishaps: browser = database = replay of the log, nothing lost."""
    from mednerapp.bench.fuzz.run import main

    main(context.args)


@bench.command(context_settings=_AS_GIVEN)
def editor(context: typer.Context) -> None:
    """The span editor in Chromium against a plain page, a plain block and a bare save, and against its peers."""
    from mednerapp.bench.editor.command import main

    main(context.args)


@bench.command(name="repeated-mentions", context_settings=_AS_GIVEN)
def repeated_mentions(context: typer.Context) -> None:
    """Fifty equal mentions under a wrong label, put right all at once and one by one: keys and seconds."""
    from mednerapp.bench.repeated import main

    main(context.args)


@bench.command(context_settings=_AS_GIVEN)
def dashboard(context: typer.Context) -> None:
    """The dashboard with 200 runs, 50,000 notes and 2 million spans, against the empty page and a tenth of the data."""
    from mednerapp.bench.dashboard import main

    main(context.args)


@bench.command(name="real-data", context_settings=_AS_GIVEN)
def real_data(context: typer.Context) -> None:
    """Train on growing shares of a corpus, ask the learning curve, compare every number of the dashboard."""
    from mednerapp.bench.real_data.command import main

    main(context.args)


@bench.command(context_settings=_AS_GIVEN)
def uploads(context: typer.Context) -> None:
    """Malformed uploads made from valid ones of each type: crashes, slowest, largest memory, imports by halves."""
    from mednerapp.bench.uploads.command import main

    main(context.args)


@bench.command(name="import", context_settings=_AS_GIVEN)
def import_(context: typer.Context) -> None:
    """Many notes from one CSV file, killed and run again: rate, memory, duplicates."""
    from mednerapp.bench.uploads.imports import main

    main(context.args)


@bench.command(context_settings=_AS_GIVEN)
def annotate(context: typer.Context) -> None:
    """Many notes from files to files, killed and run again: each note once, memory, rate."""
    from mednerapp.bench.annotating.command import main

    main(context.args)
