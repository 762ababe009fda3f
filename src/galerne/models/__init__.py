"""The architectures: a file's configuration and tensors -> a forward pass over `kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from galerne.errors import SettingsError
from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import CacheShape, Kernels, Program
from galerne.models.config import ModelConfig
from galerne.models.decoder import Decoder, final_states, forward
from galerne.models.gguf_config import read_gguf_config
from galerne.models.hf_config import read_hf_config
from galerne.models.loading import load_decoder
from galerne.weights.checkpoint import Checkpoint


class Model:
    """A model with its weights and its key/value cache, ready to compute. Made by `load`."""

    def __init__(
        self,
        config: ModelConfig,
        decoder: Decoder,
        program: Program,
        *,
        blocks: int,
        max_rows: int,
        cache_bytes_per_block: int,
    ) -> None:
        self.config = config
        self.blocks = blocks
        self.max_rows = max_rows
        self.cache_bytes_per_block = cache_bytes_per_block
        self._decoder = decoder
        self._program = program

    @property
    def context_length(self) -> int:
        return self.config.context_length

    @property
    def request_length(self) -> int:
        """The most tokens that one request can have: as the model allows, and as the cache has room for."""
        return min(self.config.context_length, self.blocks * BLOCK)

    @property
    def vocabulary(self) -> int:
        return self.config.vocabulary

    @property
    def answers_apart(self) -> bool:
        return self._program.answers_apart

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        """Logits of the rows that the batch wants, [outputs, vocabulary]. Valid until the next call."""
        return self._program(batch)

    def final_states(self) -> NDArray[np.float32]:
        """The last hidden states behind the logits of the last `forward`, [outputs, width]."""
        return final_states(self._decoder, self._program.states())

    def copy_block(self, source: int, target: int) -> None:
        """Copy one block of the cache to another, in every layer."""
        self._program.copy_block(source, target)


def read_config(checkpoint: Checkpoint) -> ModelConfig:
    """What the file says of its model. Raises `BadFile`, `UnsupportedFile`."""
    return read_gguf_config(checkpoint) if checkpoint.format == "gguf" else read_hf_config(checkpoint)


def load(checkpoint: Checkpoint, kernels: Kernels, blocks: int, max_rows: int) -> Model:
    """Load the weights, and make a cache of `blocks` blocks, for batches of at most `max_rows` rows.

    Raises `BadFile`, `UnsupportedFile`, `MemoryFull`.
    """
    config = read_config(checkpoint)
    decoder = load_decoder(checkpoint, config, kernels)
    program = kernels.program(partial(forward, decoder), _cache(config, blocks), max_rows)
    cache_bytes = kernels.cache_bytes(_cache(config, 1))
    return Model(config, decoder, program, blocks=blocks, max_rows=max_rows, cache_bytes_per_block=cache_bytes)


def blocks_for(configs: Sequence[ModelConfig], kernels: Kernels, memory: int) -> int:
    """How many blocks of a cache for each of these models fit into `memory` bytes together.

    Raises `SettingsError` when none does.
    """
    blocks = memory // sum(kernels.cache_bytes(_cache(config, 1)) for config in configs)
    if blocks < 1:
        raise SettingsError(
            f"{memory >> 20} MiB have no room for one block of this model.",
            where="kv_cache_mb",
            hint="Make it larger.",
        )
    return blocks


def _cache(config: ModelConfig, blocks: int) -> CacheShape:
    return CacheShape(config.layers, blocks, config.kv_heads, config.head_dim)


__all__ = ["Model", "ModelConfig", "blocks_for", "load", "read_config"]
