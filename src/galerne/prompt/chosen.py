"""Which parts of a model's file or folder say how to tokenize and how to converse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from galerne.errors import BadFile
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.json_text import read_object
from galerne.weights.mapped_file import map_file

MAX_TEMPLATE_BYTES = 1 << 20
_VERSIONED = re.compile(r"tokenizer\.model\.v([0-9]+)(?:m([0-9]+))?")


def mistral_file(folder: Path, config: Mapping[str, Any]) -> Path | None:
    """Mistral's own tokenizer file, which comes before a tokenizer.json beside it; None when there is none.

    A tokenizer.model without a version, alone, is the first version when the model is one of Mistral's.
    """
    tekken = folder / "tekken.json"
    if tekken.exists():
        return tekken
    if versioned := {version: path for path in folder.glob("tokenizer.model.v*") if (version := _version(path))}:
        return versioned[max(versioned)]
    first = folder / "tokenizer.model"
    if config.get("model_type") in ("mistral", "mixtral") and not (folder / "tokenizer.json").exists():
        return first if first.exists() else None
    return None


def _version(path: Path) -> tuple[int, int] | None:
    """The form of conversation and of images that a versioned file belongs to."""
    found = _VERSIONED.fullmatch(path.name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def template_text(checkpoint: Checkpoint) -> str | None:
    """The chat template, in Jinja; None when the model brings none. Raises `BadFile`."""
    folder = checkpoint.path
    if checkpoint.format == "gguf":
        return _template(checkpoint.metadata.get("tokenizer.chat_template"), folder)
    alone = folder / "chat_template.jinja"
    if alone.exists():
        return _template(_read(alone), alone)
    for file in (folder / "chat_template.json", folder / "tokenizer_config.json"):
        found = _default(read_object(file).get("chat_template")) if file.exists() else None
        if found is not None:
            return _template(found, file)
    return None


def _default(found: Any) -> Any:
    """The template; of several that have names, the one that is meant when none is asked for."""
    if not isinstance(found, list):
        return found
    named = (each.get("template") for each in found if isinstance(each, dict) and each.get("name") == "default")
    return next(named, None)


def _read(file: Path) -> str:
    view = map_file(file)
    if len(view) > MAX_TEMPLATE_BYTES:
        raise BadFile(f"has {len(view)} bytes; at most {MAX_TEMPLATE_BYTES} are read.", where=str(file))
    try:
        return str(view, "utf-8")
    except UnicodeDecodeError:
        raise BadFile("the chat template is not UTF-8.", where=str(file)) from None


def _template(text: Any, where: Path) -> str | None:
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise BadFile("the chat template is not a text.", where=str(where))
    if len(text) > MAX_TEMPLATE_BYTES:
        raise BadFile(f"the chat template has more than {MAX_TEMPLATE_BYTES} characters.", where=str(where))
    return text
