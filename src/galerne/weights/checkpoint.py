"""What a model's file or folder holds, whichever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from galerne.weights.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Named tensors and what the file says of them. `weights.open_checkpoint` sets every field."""

    path: Path
    format: Literal["gguf", "safetensors"]
    metadata: Mapping[str, Any]  # GGUF's key-values (arrays as lists), or config.json
    tensors: Mapping[str, Tensor]  # by the file's own names
    files: tuple[Path, ...]  # what the digest is taken over, in this order
