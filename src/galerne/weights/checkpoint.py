"""What a model's file or folder holds, whichever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from galerne.weights.mapped_file import forget
from galerne.weights.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Named tensors and what the file says of them. `weights.open_checkpoint` sets every field."""

    path: Path
    format: Literal["gguf", "safetensors"]
    metadata: Mapping[str, Any]  # GGUF's key-values (arrays as lists), or config.json
    tensors: Mapping[str, Tensor]  # by the file's own names
    files: tuple[Path, ...]  # what the digest is taken over, in this order
    maps: tuple[memoryview[int], ...] = ()  # of the files that hold the tensors

    @property
    def parameters(self) -> int:
        """Numbers in all of its tensors."""
        return sum(tensor.elements for tensor in self.tensors.values())

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_size for file in self.files)

    def let_go(self) -> None:
        """What was read of the tensors so far need not stay in memory: if need be, the file has it."""
        for view in self.maps:
            forget(view)
