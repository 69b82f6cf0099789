"""Installing an encoder: everything is made ready in a draft folder and checked there; one rename puts it in place."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mednerapp import __version__
from mednerapp.domain.clock import now
from mednerapp.errors import ModelProblem
from mednerapp.ner import checking, fetching, probing
from mednerapp.ner.checking import Found
from mednerapp.ner.converting import convert, join
from mednerapp.ner.encoders import EncoderRecord, EncoderSpec, read_record, slug, spec_of
from mednerapp.ner.fetching import Progress
from mednerapp.ner.folders import drafts, move, sync_all
from mednerapp.ner.manifest import file_hash, weights_hash
from mednerapp.ner.probing import ARCHITECTURES

STEPS = 4  # weights, tokenizer, checks, in place
_SNAPSHOT = re.compile(r"models--(?P<owner>[^/]+)--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})$")


def nobody(done: int, total: int, unit: str, message: str) -> None:
    """For whoever wants to hear of no progress."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an encoder's files come from. `source`: hub id, or "folder NAME"; `how`: "hub", "cache" or "folder"."""

    folder: Path
    source: str
    revision: str
    how: str

    @property
    def spec(self) -> EncoderSpec | None:
        return spec_of(self.source)


def pull(
    hub_id: str, revision: str, *, name: str, target: Path, downloads: Path, on_progress: Progress = nobody
) -> EncoderRecord:
    """Installs an encoder of the hub as `target`, which must not exist. `revision`: commit, tag or branch.

    Raises:
        ModelProblem: if it cannot be fetched or does not fit; then nothing is left but what a further try continues.
    """
    _require_own_name(name, hub_id)
    fetched = fetching.fetch(hub_id, revision, downloads=downloads, on_progress=on_progress)
    origin = Origin(fetched.folder, hub_id, fetched.revision, fetched.how)
    try:
        return install(origin, name=name, target=target, on_progress=on_progress)
    except ModelProblem as problem:
        if fetched.how != "cache":
            raise
        kept = fetched.folder.parent.parent
        raise ModelProblem(
            f"{problem} It was taken from the hub's cache on this machine: if that is damaged, remove {kept.name!r} "
            f"from {str(kept.parent)!r} and try again; it is then downloaded."
        ) from problem
    finally:
        if fetched.how == "hub":  # installed, or not worth another look
            shutil.rmtree(fetched.folder, ignore_errors=True)


def add(folder: Path, *, name: str, target: Path, on_progress: Progress = nobody) -> EncoderRecord:
    """Installs a copy of a local folder as `target`; the folder itself stays as it is.

    A folder of the hub's cache is known by its path, one of the table's encoders by `name`.

    Raises:
        ModelProblem: if it is no encoder that fits.
    """
    if not folder.is_dir():
        raise ModelProblem(f"There is no folder {str(folder)!r}. Give the folder that holds config.json.")
    return install(origin_of(folder), name=name, target=target, on_progress=on_progress)


def origin_of(folder: Path) -> Origin:
    """Hub id and commit where the path is that of a hub cache, else the folder's name."""
    found = _SNAPSHOT.search(folder.absolute().as_posix())
    if found:
        return Origin(folder, f"{found['owner']}/{found['name']}", found["commit"], "cache")
    return Origin(folder, f"folder {folder.absolute().name}", "", "folder")


def install(origin: Origin, *, name: str, target: Path, on_progress: Progress = nobody) -> EncoderRecord:
    """Writes the encoder with one safetensors file, a right tokenizer, a complete config and encoder.json."""
    if target.exists():
        raise ModelProblem(f"There is an encoder in {target.name!r} already; remove it first or choose another name.")
    if origin.how != "folder":  # whoever brings a folder says what it is
        _require_own_name(name, origin.source)
    spec = spec_of(name) or origin.spec
    config, repairs = probing.read_config(origin.folder)
    kind = str(config["model_type"])
    if spec and spec.tokenizer != ARCHITECTURES[kind][1]:
        raise ModelProblem(f"{origin.folder.name!r} is of type {kind}, which {spec.name} is not. Choose another name.")
    with drafts(target.parent) as place:
        draft = place / slug(target.name)
        draft.mkdir()
        on_progress(0, STEPS, "steps", "Reading the weights")
        original_file, original_hash = _write_weights(
            origin.folder, draft, lambda: on_progress(0, STEPS, "steps", "Converting the weights")
        )
        on_progress(1, STEPS, "steps", "Reading the tokenizer")
        (draft / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        cased, repaired = probing.make_tokenizer(origin.folder, draft, config=config, spec=spec)
        on_progress(2, STEPS, "steps", "Checking")
        digest = weights_hash(draft)
        _require_good(checking.check(draft, expected_hash=digest, cased=cased))
        on_progress(3, STEPS, "steps", "Putting it in place")
        record = EncoderRecord(
            name=name,
            source=origin.source,
            revision=origin.revision,
            architecture=kind,
            cased=cased,
            tokenizer=ARCHITECTURES[kind][1],
            licence=spec.licence if spec else "not stated",
            original_file=original_file,
            original_hash=original_hash,
            weights_hash=digest,
            repairs=(*repairs, *repaired),
            how=origin.how,
            installed_at=now().isoformat(timespec="seconds"),
            installed_by=f"MedNER {__version__}",
        )
        record.write(draft)
        sync_all(draft)
        move(draft, target)
    return record


def _require_own_name(name: str, hub_id: str) -> None:
    """Raises ModelProblem when other weights would go by a name of the table, with its licence and figures."""
    spec = spec_of(name)
    if spec and spec.hub_id.casefold() != hub_id.casefold():
        raise ModelProblem(
            f"{spec.name!r} is the name of {spec.hub_id} here, and {hub_id} is another encoder. Give it a name of its "
            "own (mednerapp models pull … --name NAME)."
        )


def verify(folder: Path, *, expected_hash: str, on_progress: Progress = nobody) -> list[Found]:
    """Looks an installed encoder over, from its hash to a forward pass; ends with the first thing that is wrong."""
    looked: list[str] = []

    def on_check(name: str) -> None:
        on_progress(len(looked), 5, "checks", name)
        looked.append(name)

    try:
        record = read_record(folder)
    except ModelProblem as problem:
        return [Found("record", ok=False, detail=str(problem))]
    return checking.check(folder, expected_hash=expected_hash, cased=record.cased, on_check=on_check)


def _write_weights(folder: Path, draft: Path, still_wanted: Callable[[], None]) -> tuple[str, str]:
    """One model.safetensors; name and hash of what it was made from."""
    names = fetching.weight_files([path.name for path in folder.iterdir()])
    if not names:
        others = ", ".join(
            sorted(p.name for p in folder.iterdir() if p.suffix in (".h5", ".msgpack", ".ot", ".onnx", ".pt", ".ckpt"))
        )
        raise ModelProblem(
            f"The encoder {folder.name!r} has neither model.safetensors nor pytorch_model.bin"
            f"{f' (only {others})' if others else ''}. Add one of them to the folder."
        )
    files = [folder / name for name in names]
    size = sum(path.stat().st_size for path in files)
    fetching.require_room(draft.parent, size + (size if names[0] != fetching.SAFE else 0))
    if names == [fetching.SAFE]:
        shutil.copyfile(files[0], draft / fetching.SAFE)  # as it came: the hash that others know it by stays
        return names[0], weights_hash(draft)
    digests = [file_hash(path) for path in files]
    if names[0].endswith(".bin"):
        convert(files, draft / fetching.SAFE, still_wanted=still_wanted)
    else:
        join(files, draft / fetching.SAFE)
    return ", ".join(names), digests[0] if len(files) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _require_good(found: list[Found]) -> None:
    bad = [check for check in found if not check.ok]
    if bad:
        raise ModelProblem(bad[0].detail)
