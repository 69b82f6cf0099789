"""Checks of an encoder folder, from the hash of its weights to a forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModel

from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import ATTENTION, quiet
from mednerapp.ner.manifest import weights_hash
from mednerapp.ner.probing import LOCAL, PROBES, case_name, case_of, open_tokenizer, read_config, read_json, reason_of

PROBE_TEXT = "The patient has no fever. She was given aspirin 75 mg daily."
MOST_UNUSED_ROWS = 512  # of the embeddings: some were padded, but those of another vocabulary are off by thousands


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at in an encoder folder."""

    name: str
    ok: bool
    detail: str


def check(
    folder: Path, *, expected_hash: str, cased: bool | None, on_check: Callable[[str], None] = lambda _: None
) -> list[Found]:
    """Everything that can be checked without a text of the user: the file, config, tokenizer, weights, a forward pass.

    Stops at the first check that fails, since the others build on it.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("weights are those that were installed", lambda: _check_hash(folder, expected_hash)),
        ("config", lambda: _check_config(folder)),
        ("tokenizer", lambda: _check_tokenizer(folder, cased=cased)),
        ("vocabulary fits the embeddings", lambda: _check_vocabulary(folder)),
        ("weights are complete and a forward pass is finite", lambda: _check_forward(folder)),
    ]
    found: list[Found] = []
    for name, look in checks:
        on_check(name)
        try:
            found.append(Found(name, ok=True, detail=look()))
        except ModelProblem as problem:
            found.append(Found(name, ok=False, detail=str(problem)))
            break
    return found


def _check_hash(folder: Path, expected: str) -> str:
    digest = weights_hash(folder)
    if expected and digest != expected:
        raise ModelProblem(
            f"The weights of {folder.name!r} have the hash {digest[:12]}…, not {expected[:12]}…: the file was changed "
            "or is damaged. Remove the encoder and install it again."
        )
    return f"SHA-256 {digest}"


def _check_config(folder: Path) -> str:
    config, _ = read_config(folder)
    return f"{config['model_type']}, {config['num_hidden_layers']} layers of width {config['hidden_size']}"


def _check_tokenizer(folder: Path, *, cased: bool | None) -> str:
    tokenizer = open_tokenizer(folder)
    does = case_of(tokenizer)
    if does is None:
        raise ModelProblem(f"The tokenizer of {folder.name!r} knows none of the words {', '.join(PROBES)}.")
    if cased is not None and does is not cased:
        raise ModelProblem(
            f"The encoder {folder.name!r} is {case_name(cased)}, but its tokenizer treats text as {case_name(does)}. "
            "Remove the encoder and install it again."
        )
    return f"{case_name(does)}; {WordEncoder(tokenizer).vocabulary_size:,} pieces"


def _check_vocabulary(folder: Path) -> str:
    config = read_json(folder / "config.json")
    rows = embedding_rows(folder)
    pieces = WordEncoder(open_tokenizer(folder)).vocabulary_size
    if rows != config["vocab_size"]:
        raise ModelProblem(
            f"config.json of {folder.name!r} gives {config['vocab_size']:,} pieces, the weights have {rows:,}: they "
            "are not from the same encoder. Copy the whole folder again."
        )
    if not rows - MOST_UNUSED_ROWS <= pieces <= rows:
        raise ModelProblem(
            f"The tokenizer of {folder.name!r} knows {pieces:,} pieces, its weights {rows:,}: they are not from the "
            "same encoder. Copy the whole folder again."
        )
    return f"{pieces:,} pieces, {rows:,} rows"


def embedding_rows(folder: Path) -> int:
    """Raises ModelProblem for weights that are cut off or have no word embeddings."""
    path = folder / "model.safetensors"
    try:
        with safe_open(str(path), framework="pt") as file:
            names = [name for name in file.keys() if name.endswith("word_embeddings.weight")]  # noqa: SIM118 - no dict
            if names:
                return int(file.get_slice(names[0]).get_shape()[0])
            some = ", ".join(sorted(file.keys())[:3])
    except (OSError, SafetensorError) as error:
        raise ModelProblem(
            f"The weights of {folder.name!r} are cut off or damaged ({reason_of(error, folder)}). Fetch "
            f"{path.name} again."
        ) from error
    raise ModelProblem(f"The weights of {folder.name!r} have no word embeddings (they hold {some}): no encoder.")


def _check_forward(folder: Path) -> str:
    try:
        with quiet():
            model, report = AutoModel.from_pretrained(
                str(folder),
                dtype=torch.float32,
                use_safetensors=True,
                **ATTENTION,
                add_pooling_layer=False,
                output_loading_info=True,
                **LOCAL,
            )
    except Exception as error:
        raise ModelProblem(
            f"The weights of {folder.name!r} do not fit its config.json ({reason_of(error, folder)}). Copy the whole "
            "folder again."
        ) from error
    missing = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    if missing:  # the library has filled them with noise
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ModelProblem(
            f"The weights of {folder.name!r} lack {', '.join(missing[:5])}{more}: they are not those of its "
            "config.json. Copy the whole folder again."
        )
    words = WordEncoder(open_tokenizer(folder))
    [note] = words.encode([PROBE_TEXT])
    ids = torch.tensor([[words.cls_id, *note.ids.tolist(), words.sep_id]])
    with torch.inference_mode():
        vectors = model.eval()(input_ids=ids).last_hidden_state
    if not bool(torch.isfinite(vectors).all()):
        raise ModelProblem(
            f"The encoder {folder.name!r} computes no numbers: its weights are damaged. Fetch them again."
        )
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} million weights"
