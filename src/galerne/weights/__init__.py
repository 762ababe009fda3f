"""GGUF and safetensors files -> named tensors; the model catalogue, pulling, digests."""

from __future__ import annotations

from pathlib import Path

from galerne.weights.checkpoint import Checkpoint
from galerne.weights.gguf import open_gguf


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a model's file or folder: nothing is read but its header, and that is checked whole.

    Raises `ModelNotFound`, `BadFile`, `UnsupportedFile`.
    """
    return open_gguf(path)


__all__ = ["Checkpoint", "open_checkpoint"]
