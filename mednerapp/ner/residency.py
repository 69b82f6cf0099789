"""Models that stay open in a process: adapters of one encoder share its weights, switching never reads them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from peft import PeftModel

from mednerapp.domain.devices import Precision
from mednerapp.domain.models import AdapterKind
from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.compiled import Compiled
from mednerapp.ner.loading import Tagger, manifest_or_none, open_classifier, open_words, problems_of, quiet
from mednerapp.ner.manifest import Manifest, read_manifest, require_labels, weights_hash
from mednerapp.ner.windows import WindowPlan
from mednerapp.scoring.calibration import Calibration

Value = TypeVar("Value")


@dataclass(slots=True)
class _Base:
    """An encoder with the adapters that were asked for last. `model`: plain until the first adapter, then peft's."""

    weights_hash: str
    words: WordEncoder
    model: Any
    adapters: OrderedDict[str, str]  # hash of the adapter's weights → its name inside peft


class Models:
    """Opens models and keeps what is dear to open, within bounds.

    Args:
        device: as `pick_device` returns it.
        precision: "int8" is for the CPU only; "bf16" is what a GPU always computes in.
        most_adapters: so many adapters of the resident encoder stay open (about a megabyte each).
        most_ready: so many models stay ready to predict (each as large as its encoder); taggers that a caller holds
            stay usable when they are dropped here.
    """

    def __init__(
        self, *, device: str, precision: Precision = "fp32", most_adapters: int = 8, most_ready: int = 2
    ) -> None:
        self._device = device
        self._precision: Precision = precision
        self._most_adapters, self._most_ready = most_adapters, most_ready
        self._base: _Base | None = None
        self._ready: OrderedDict[tuple[str, str], Tagger] = OrderedDict()
        self._hashes: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def tagger(self, folder: Path, *, base_folder: Path | None) -> Tagger:
        """As `load_tagger`, reading only what is not open yet. Files that changed on disk are noticed and read again.

        Raises:
            ModelProblem: if the folder is incomplete or damaged, or the base is not the adapter's.
        """
        manifest = read_manifest(folder)
        if self._hash(folder) != manifest["weights_hash"]:
            raise ModelProblem(
                f"The weights of the model {folder.name!r} are not those its manifest names; a copy may have been cut "
                "off. Copy the whole folder again, or train the model again."
            )
        lora = manifest["kind"] == AdapterKind.LORA.value
        base_hash = self._require_base(manifest, base_folder, folder) if lora else ""
        found = self._ready.get((manifest["weights_hash"], base_hash))
        if found is not None and found.manifest == manifest:
            self._ready.move_to_end((manifest["weights_hash"], base_hash))
            return found
        if lora and base_folder is not None:
            words, model = self._adapted(manifest, folder, base_folder, base_hash)
        else:
            words = open_words(folder)
            model = open_classifier(folder, manifest["labels"], words=words, keep_head=True).to(self._device).eval()
        tagger = _tagger(manifest, folder, words, model, self._device, self._precision)
        _keep(self._ready, (manifest["weights_hash"], base_hash), tagger, self._most_ready)
        return tagger

    def _adapted(self, manifest: Manifest, folder: Path, base_folder: Path, base_hash: str) -> tuple[WordEncoder, Any]:
        """The resident encoder with this adapter switched on, opening either where it is not."""
        base = self._base
        if base is None or base.weights_hash != base_hash:
            self._base = base = None  # never two encoders at once, so what holds the other one goes too
            for key in [key for key in self._ready if key[1]]:
                del self._ready[key]
            words = open_words(base_folder)
            model = open_classifier(base_folder, manifest["labels"], words=words, keep_head=False)
            self._base = base = _Base(base_hash, words, model.to(self._device).eval(), OrderedDict())
        key = manifest["weights_hash"]
        if key not in base.adapters:
            try:
                _open_adapter(base, manifest, folder)
            except BaseException:
                self._base = None  # half of an adapter may be in it
                raise
            _keep(base.adapters, key, _name(key), self._most_adapters, base.model.delete_adapter)
        base.adapters.move_to_end(key)
        base.model.set_adapter(base.adapters[key])
        return base.words, base.model

    def _require_base(self, manifest: Manifest, base_folder: Path | None, folder: Path) -> str:
        """The hash of the base's weights, which is the one that the adapter was trained over."""
        expected = manifest["encoder"]
        if base_folder is None:
            raise ModelProblem(f"The adapter {folder.name!r} needs its encoder {expected['name']!r}; say where it is.")
        found = self._hash(base_folder)
        if found != expected["weights_hash"]:
            raise ModelProblem(
                f"The adapter {folder.name!r} was trained over {expected['name']!r} with weights "
                f"{expected['weights_hash'][:12]}…, and the folder {base_folder.name!r} holds others. Use the encoder "
                "it was trained over, or train it again over this one."
            )
        base = manifest_or_none(base_folder)
        if base is not None and manifest["head"] == "starter":
            require_labels(base, manifest["labels"], base_folder)
        return found

    def _hash(self, folder: Path) -> str:
        """`weights_hash`, read again only when a file is new, has another size or was written since."""
        stats = [(path, path.stat()) for path in sorted(folder.glob("*.safetensors"))]
        key = (folder, *((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats))
        if key not in self._hashes:
            _keep(self._hashes, key, weights_hash(folder), 4 * self._most_adapters)
        return self._hashes[key]


def _open_adapter(base: _Base, manifest: Manifest, folder: Path) -> None:
    """Adds the adapter to the encoder under a name of its own; its head may be for other labels than the last one's."""
    name = _name(manifest["weights_hash"])
    model: Any = base.model
    head = torch.nn.Linear(int(base.model.config.hidden_size), len(manifest["tags"]))
    head = head.to(next(base.model.parameters()).device)
    with problems_of(folder), quiet():
        options: dict[str, Any] = {"is_trainable": False, "local_files_only": True}
        if hasattr(model, "peft_config"):
            # peft gives each adapter a copy of the original head; its weights are then read from the folder.
            model.get_base_model().classifier.original_module = head
            model.load_adapter(str(folder), adapter_name=name, **options)
        else:
            model.classifier = head
            base.model = PeftModel.from_pretrained(model, str(folder), adapter_name=name, **options)
    base.model.eval()


def _name(adapter_hash: str) -> str:
    return f"adapter_{adapter_hash[:16]}"


def _tagger(
    manifest: Manifest, folder: Path, words: WordEncoder, model: Any, device: str, precision: Precision
) -> Tagger:
    return Tagger(
        model=model,
        words=words,
        labels=tuple(manifest["labels"]),
        window=WindowPlan(manifest["window"]["size"], manifest["window"]["overlap"]),
        device=device,
        manifest=manifest,
        compiled=Compiled(model, precision=precision),
        calibration=_calibration(manifest, folder),
    )


def _calibration(manifest: Manifest, folder: Path) -> Mapping[str, Calibration]:
    """From the manifest's optional "calibration": {label: {"slope": …, "intercept": …, "spans": …}}."""
    try:
        given = dict(manifest.get("calibration") or {})
        found = {str(label): Calibration(float(c["slope"]), float(c["intercept"])) for label, c in given.items()}
    except (TypeError, KeyError, ValueError) as error:
        raise ModelProblem(
            f"The calibration in the manifest of {folder.name!r} is damaged. Train or install the model again."
        ) from error
    unknown = set(found) - set(manifest["labels"])
    if unknown:
        raise ModelProblem(
            f"The manifest of {folder.name!r} calibrates {', '.join(sorted(unknown))}; its labels are "
            f"{', '.join(manifest['labels'])}. Train or install the model again."
        )
    return found


def _keep(
    kept: OrderedDict[Any, Value], key: Any, value: Value, most: int, drop: Callable[[Value], None] | None = None
) -> None:
    """Adds an entry and drops those that were used longest ago."""
    kept[key] = value
    while len(kept) > most:
        _, oldest = kept.popitem(last=False)
        if drop:
            drop(oldest)
