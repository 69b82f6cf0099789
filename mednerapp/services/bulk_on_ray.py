"""Bulk annotation on Ray Data: one task reads in order, actors find the spans, the caller writes the parts."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import MedNerError
from mednerapp.formats import complete
from mednerapp.services.bulk_annotating import Found, Part, parts
from mednerapp.services.predicting import Predictor

Read = Callable[[], Iterable[Document | Unreadable]]
Load = Callable[[], Predictor]
STORE = 256 * 2**20  # bytes of parts on their way, in shared memory
_FOLDER = "medner-"


def found_on_ray(done: int, *, read: Read, load: Load, part: int, actors: int, gpus: float) -> Iterator[Found]:
    """The parts after the first `done`, in order, with their spans.

    read, load: can be pickled; the first runs on this machine, the second once in each of `actors` processes, which
        each take a CPU and `gpus` GPUs. RAY_ADDRESS names a cluster; without it one starts here and ends with us.

    Raises:
        MedNerError: Ray is not installed, or what it ran failed.
    """
    with _opened(actors) as ray:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # a part is a block: it goes on as soon as it is read
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        found = (
            ray.data.from_items([{"done": done}])
            .map_batches(partial(_read, read=read, part=part), batch_size=1, num_cpus=0, label_selector=here)
            .map_batches(
                Finder,
                fn_constructor_args=(load,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=actors),
                num_cpus=1,  # other than the reader's: Ray would make one step of both, and one process
                num_gpus=gpus,
            )
        )
        try:
            for row in found.iter_rows():
                if row["failed"]:
                    raise MedNerError(f"The work on Ray ended early: {bytes(row['failed']).decode()}")
                yield _part_of(row["part"]), _spans_of(row["spans"])
        except ray.exceptions.RayError as error:
            raise MedNerError(f"The work on Ray ended early: {type(error).__name__}") from None  # its text says more


class Finder:
    """An actor: opens the model once. Rows in: `part`, `failed`; out: `part`, `spans`, `failed`; all bytes, JSON the
    first two. What fails is a row that says so: Ray would write an error with all that it quotes into its logs.
    """

    def __init__(self, load: Load) -> None:
        self._predictor: Predictor | None = None
        self._failed = ""
        try:
            self._predictor = load()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller raises it
            self._failed = _reason(error)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        (given,), (failed,) = batch["part"], batch["failed"]
        failed = bytes(failed) or self._failed.encode()
        spans: list[list[list[Any]]] = []
        if not failed and self._predictor:
            try:
                found = self._predictor([document.text for document in _part_of(given).documents])
                spans = [[[s.span.start, s.span.end, s.span.label, float(s.score)] for s in spans] for spans in found]
            except Exception as error:  # noqa: BLE001 - as above
                failed = _reason(error).encode()
        return {"part": [bytes(given)], "spans": [json.dumps(spans).encode()], "failed": [failed]}


def _read(batch: Mapping[str, Any], *, read: Read, part: int) -> Iterator[dict[str, list[bytes]]]:
    (done,) = batch["done"]
    try:
        for item in parts(read(), part):
            if item.number > done:
                value = {
                    "number": item.number,
                    "documents": [complete.value_of(document) for document in item.documents],
                    "rejected": [[r.place, r.reason] for r in item.rejected],
                }
                yield {"part": [json.dumps(value).encode()], "failed": [b""]}
    except Exception as error:  # noqa: BLE001 - as above
        yield {"part": [b""], "failed": [_reason(error).encode()]}


def _reason(error: Exception) -> str:
    """What a person may be told: our own words, of any other error its class."""
    return str(error) if isinstance(error, MedNerError) else type(error).__name__


def _part_of(given: bytes) -> Part:
    value = json.loads(bytes(given))
    documents = tuple(complete.document_of(document) for document in value["documents"])
    return Part(value["number"], documents, tuple(Unreadable(*item) for item in value["rejected"]))


def _spans_of(given: bytes) -> Sequence[Sequence[ScoredSpan]]:
    return [
        [ScoredSpan(Span(start, end, label), score) for start, end, label, score in spans]
        for spans in json.loads(bytes(given))
    ]


@contextmanager
def _opened(actors: int) -> Generator[Any]:
    """Ray: the cluster of RAY_ADDRESS, or one of this machine for as long as it is needed."""
    address = os.environ.get("RAY_ADDRESS")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if not address:  # before Ray is imported, which reads them
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # by its name for others: listen on 127.0.0.1 only
        os.environ["RAY_AUTH_MODE"] = "token"  # nor may other people of this machine give it work
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError:
        raise MedNerError(
            "Ray is not installed. Install MedNER with its extra: pip install 'mednerapp[ray]'."
        ) from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        ray.init(address=address, **quiet)
        try:
            yield ray
        finally:
            ray.shutdown()
        return
    with _folder() as folder:
        ray.init(
            num_cpus=actors + 1,
            include_dashboard=False,
            object_store_memory=STORE,
            _temp_dir=str(folder),
            **quiet,
        )
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _folder() -> Generator[Path]:
    """For Ray's sockets and logs, and for parts that its memory does not hold; goes with us, or with who comes next.

    Ray opens its folder to everybody, so it lies in one that is ours alone. Short: a socket's path has 107 bytes.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        owner = left.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    try:
        yield folder / "r"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
