"""Looking an encoder folder over: what its config leaves out, whether its tokenizer is right, whether its weights fit.

Old repositories hold a vocab.txt and a config.json that says neither what kind of model it is nor that it is cased,
and the library then lower-cases every text. So nothing here trusts what a folder says of itself: the vocabulary and a
few probe words decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from transformers import AutoTokenizer, BertTokenizer

from mednerapp.errors import ModelProblem
from mednerapp.ner.encoders import EncoderSpec, TokenizerFamily
from mednerapp.ner.loading import quiet

ARCHITECTURES: dict[str, tuple[str, TokenizerFamily]] = {
    "bert": ("BertModel", "wordpiece"),
    "roberta": ("RobertaModel", "byte-bpe"),
}
SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
TOKENIZER_FILES = {"bert": ("vocab.txt", "tokenizer.json"), "roberta": ("vocab.json", "tokenizer.json")}
PROBES = ("The", "Patient", "Fever", "Plan", "She", "No")  # at least one of them is in any English vocabulary
UPPER_SHARE = 0.005  # of a vocabulary's pieces; a third of a cased one's have upper case, none of an uncased one's
# A config may name a kernel of the hub here, which is native code, or one that this machine does not have.
ATTENTION_KEYS = ("attn_implementation", "_attn_implementation")
LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def read_json(path: Path) -> dict[str, Any]:
    """An empty one for a file that is not there; raises ModelProblem for one that is no JSON object."""
    if not path.is_file():
        return {}
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelProblem(f"{path.name} of {path.parent.name!r} is not JSON; copy the whole folder again.") from error
    if not isinstance(found, dict):
        raise ModelProblem(f"{path.name} of {path.parent.name!r} is not a JSON object; copy the whole folder again.")
    return cast("dict[str, Any]", found)


def read_config(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The folder's config with what old ones leave out, and what was added, one sentence each.

    Raises:
        ModelProblem: if there is none, if it asks for code of its own, or if it is of a kind that is not supported.
    """
    if not (folder / "config.json").is_file():
        raise ModelProblem(
            f"The folder {folder.name!r} has no config.json: it is no encoder, or only part of one. Copy the whole "
            "folder (config.json, tokenizer files, model.safetensors or pytorch_model.bin)."
        )
    if (folder / "manifest.json").is_file():
        raise ModelProblem(f"{folder.name!r} was made by MedNER: it is a trained model, not a plain encoder.")
    config = read_json(folder / "config.json")
    if "auto_map" in config or "auto_map" in read_json(folder / "tokenizer_config.json"):
        raise ModelProblem(
            f"The encoder {folder.name!r} brings code of its own (auto_map), which MedNER does not run. Choose an "
            "encoder of the plain BERT or RoBERTa architecture."
        )
    stated = str(config.get("model_type") or "")
    kind = stated or _guessed_type(config, folder)
    if kind not in ARCHITECTURES:
        what = kind or ", ".join(map(str, config.get("architectures") or ())) or "nothing that says what it is"
        raise ModelProblem(
            f"The encoder {folder.name!r} has the architecture {what!r}. MedNER trains over encoders of the types "
            f"{' and '.join(ARCHITECTURES)}; choose one of these."
        )
    if not all(isinstance(config.get(name), int) for name in ("vocab_size", "hidden_size", "num_hidden_layers")):
        raise ModelProblem(f"config.json of {folder.name!r} gives no sizes; copy the whole folder again.")
    chosen = [str(config.pop(key)) for key in ATTENTION_KEYS if key in config]
    repairs = [f"config.json chose how attention is computed ({one[:100]!r})." for one in chosen]
    if not stated:
        repairs.append(f"config.json did not say that the model is of type {kind}.")
    if not config.get("architectures"):
        repairs.append("config.json named no architecture.")
    return {**config, "model_type": kind, "architectures": [ARCHITECTURES[kind][0]]}, repairs


def _guessed_type(config: Mapping[str, Any], folder: Path) -> str:
    """By the architecture that the config names, else by the tokenizer's files; '' when neither says."""
    for name in config.get("architectures") or ():
        for kind in sorted(ARCHITECTURES, key=len, reverse=True):
            if str(name).lower().startswith(kind):
                return kind
    if config.get("architectures"):
        return ""
    model = read_json(folder / "tokenizer.json").get("model")
    made_of = cast("dict[str, Any]", model).get("type") if isinstance(model, dict) else ""
    if made_of == "BPE" or (folder / "merges.txt").is_file():
        return "roberta"
    return "bert" if made_of == "WordPiece" or (folder / "vocab.txt").is_file() else ""


def make_tokenizer(
    folder: Path, draft: Path, *, config: Mapping[str, Any], spec: EncoderSpec | None
) -> tuple[bool, list[str]]:
    """Writes a right tokenizer for the encoder of `folder` into `draft`, which holds its config.

    Returns whether it is cased, and what was put right.

    Raises:
        ModelProblem: if its files are missing or damaged, or are not those of the encoder that `spec` says it is.
    """
    kind = str(config["model_type"])
    for name in (
        "tokenizer_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
    ):
        if (folder / name).is_file():
            (draft / name).write_bytes((folder / name).read_bytes())
    here = [name for name in TOKENIZER_FILES[kind] if (draft / name).is_file()]
    if not here or (here == ["vocab.json"] and not (draft / "merges.txt").is_file()):
        raise ModelProblem(
            f"The encoder {folder.name!r} has no tokenizer: add its {' or '.join(TOKENIZER_FILES[kind])}"
            f"{' with merges.txt' if kind == 'roberta' else ''} to the folder."
        )
    if kind == "bert":
        return _make_word_pieces(folder, draft, config=config, spec=spec)
    tokenizer = open_tokenizer(draft)
    _replace(draft, tokenizer)
    return True, []


def _make_word_pieces(
    folder: Path, draft: Path, *, config: Mapping[str, Any], spec: EncoderSpec | None
) -> tuple[bool, list[str]]:
    vocabulary = _word_piece_vocabulary(draft)
    settings = read_json(draft / "tokenizer_config.json")
    cased = has_upper_case(vocabulary)
    if spec and spec.cased != cased:
        raise ModelProblem(
            f"{spec.name} is {case_name(spec.cased)}, but the vocabulary of {folder.name!r} is {case_name(cased)}: it "
            "is another encoder. Give it a name of its own, or copy the right folder."
        )
    tokenizer = open_tokenizer(draft)
    if case_of(tokenizer) is cased:
        _replace(draft, tokenizer)
        return cased, []
    special = {name: _text(settings.get(name)) or token for name, token in SPECIAL_TOKENS.items()}
    lacking = [token for name, token in special.items() if name != "mask_token" and token not in vocabulary]
    if lacking:
        raise ModelProblem(f"The vocabulary of {folder.name!r} lacks {', '.join(lacking)}; copy the folder again.")
    made = BertTokenizer(
        vocab=vocabulary,
        do_lower_case=not cased,
        strip_accents=settings.get("strip_accents"),
        tokenize_chinese_chars=settings.get("tokenize_chinese_chars", True),
        model_max_length=int(config.get("max_position_embeddings", 512)),
        **special,
    )
    _replace(draft, made)
    does, is_ = ("lower-cased every text", "cased") if cased else ("kept upper case", "uncased")
    return cased, [f"The tokenizer {does}, but its vocabulary is {is_}."]


def _word_piece_vocabulary(folder: Path) -> dict[str, int]:
    if (folder / "vocab.txt").is_file():
        with (folder / "vocab.txt").open(encoding="utf-8") as lines:  # str.splitlines() would split inside pieces too
            return {line.rstrip("\n"): number for number, line in enumerate(lines)}
    model = read_json(folder / "tokenizer.json").get("model")
    found = cast("dict[str, Any]", model).get("vocab") if isinstance(model, dict) else None
    if not isinstance(found, dict):
        raise ModelProblem(f"tokenizer.json of {folder.name!r} holds no WordPiece vocabulary; copy the folder again.")
    return cast("dict[str, int]", found)


def has_upper_case(vocabulary: Mapping[str, int]) -> bool:
    """Whether a WordPiece vocabulary was made from text with its upper case."""
    pieces = [piece for piece in vocabulary if not (piece.startswith("[") and piece.endswith("]"))]
    return sum(piece != piece.lower() for piece in pieces) > UPPER_SHARE * len(pieces)


def open_tokenizer(folder: Path) -> Any:
    """Raises ModelProblem when it cannot be opened or is not a fast one."""
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), **LOCAL)
            tokenizer.backend_tokenizer.to_str()
    except Exception as error:
        raise ModelProblem(
            f"The tokenizer of {folder.name!r} cannot be opened ({reason_of(error, folder)}). Copy its "
            "tokenizer files again."
        ) from error
    return tokenizer


def case_of(tokenizer: Any) -> bool | None:
    """True: tells upper from lower case. False: treats them alike. None: knows none of the probe words."""
    pairs = [(_pieces(tokenizer, word), _pieces(tokenizer, word.lower())) for word in PROBES]
    known = [pair for pair in pairs if tokenizer.unk_token_id not in (*pair[0], *pair[1])]
    if known and any(upper != lower for upper, lower in known):
        return True
    return False if known else None


def _replace(draft: Path, tokenizer: Any) -> None:
    """One tokenizer.json and its config in place of whatever files there were."""
    for name in ("vocab.txt", "vocab.json", "merges.txt", "special_tokens_map.json"):
        (draft / name).unlink(missing_ok=True)
    tokenizer.save_pretrained(str(draft))


def _pieces(tokenizer: Any, word: str) -> list[int]:
    return list(tokenizer.backend_tokenizer.encode(word, add_special_tokens=False).ids)


def _text(token: Any) -> str:
    """A special token as configs write it: a string, or an object with its content."""
    if isinstance(token, dict):
        token = cast("dict[str, Any]", token).get("content")
    return token if isinstance(token, str) else ""


def case_name(cased: bool) -> str:  # noqa: FBT001 - its one argument
    return "cased" if cased else "uncased"


def reason_of(error: Exception, folder: Path) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".replace(str(folder), folder.name)
