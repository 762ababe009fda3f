"""GGUF and safetensors files -> named tensors; the model catalogue, pulling, digests."""

from __future__ import annotations

from pathlib import Path

from galerne.errors import UnsupportedFile
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.digest import digest
from galerne.weights.gguf import open_gguf
from galerne.weights.safetensors import open_folder


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a model's GGUF file, or its folder of config.json and safetensors.

    Nothing is read but headers, and those are checked whole. Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`.
    """
    if path.is_dir():
        return open_folder(path)
    if path.suffix == ".safetensors":
        raise UnsupportedFile("is part of a model.", where=str(path), hint="Give the folder that it is in.")
    return open_gguf(path)


__all__ = ["Checkpoint", "digest", "open_checkpoint"]
