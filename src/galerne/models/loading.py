"""A file's tensors -> the weights of a decoder: each one there, of the right shape, and none left over."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from galerne.errors import BadFile, UnsupportedFile
from galerne.kernels.interface import Attention, Kernels, Matrix, Vector
from galerne.models.config import ModelConfig
from galerne.models.decoder import Decoder, Dense, Layer, Mixture
from galerne.models.names import NAMES
from galerne.weights.checkpoint import Checkpoint
from galerne.weights.tensor import Tensor


def load_decoder(checkpoint: Checkpoint, config: ModelConfig, kernels: Kernels) -> Decoder:
    """Give the kernels all weights.

    Raises `BadFile` for a missing, misshapen or not finite tensor, `UnsupportedFile` for one that no formula uses.
    """
    loader = _Loader(checkpoint, config, kernels)
    decoder = loader.decoder()
    loader.refuse_unused()
    return decoder


class _Loader:
    def __init__(self, checkpoint: Checkpoint, config: ModelConfig, kernels: Kernels) -> None:
        self._config = config
        self._kernels = kernels
        self._let_go = checkpoint.let_go
        self._names = NAMES[checkpoint.format]
        self._file = checkpoint.path.name
        self._tensors = checkpoint.tensors
        self._used: set[str] = set()

    def decoder(self) -> Decoder:
        config, names = self._config, self._names
        embedding = self._matrix(names.embedding, config.vocabulary, config.width)
        output = embedding if config.tied else self._matrix(names.output, config.vocabulary, config.width)
        return Decoder(
            embedding=embedding,
            layers=tuple(self._layer(number) for number in range(config.layers)),
            final_norm=self._vector(f"{names.final_norm}.weight", config.width),
            output=output,
            rope=config.rope,
            epsilon=config.epsilon,
        )

    def refuse_unused(self) -> None:
        ignored = re.compile("|".join(self._names.ignored))
        for name in self._tensors:
            if name not in self._used and not ignored.fullmatch(name):
                raise UnsupportedFile(
                    f"the {self._config.architecture} architecture has no use for this tensor.", where=self._where(name)
                )

    def _layer(self, number: int) -> Layer:
        config, names = self._config, self._names
        prefix = names.layer.format(layer=number)
        q_width, kv_width = config.heads * config.head_dim, config.kv_heads * config.head_dim
        query, key, value = (prefix + name for name in (names.query, names.key, names.value))
        parts = ((query, q_width), (key, kv_width), (value, kv_width))
        return Layer(
            attention_norm=self._vector(f"{prefix}{names.attention_norm}.weight", config.width),
            qkv=self._stacked(parts, config.width),
            qkv_bias=self._biases(parts) if config.attention_bias else None,
            attention=Attention(
                layer=number,
                heads=config.heads,
                kv_heads=config.kv_heads,
                head_dim=config.head_dim,
                scale=config.head_dim**-0.5,
                window=config.windows[number],
            ),
            attention_output=self._matrix(prefix + names.attention_output, config.width, q_width),
            attention_output_bias=(
                self._vector(f"{prefix}{names.attention_output}.bias", config.width) if config.output_bias else None
            ),
            feed_forward_norm=self._vector(f"{prefix}{names.feed_forward_norm}.weight", config.width),
            feed_forward=self._mixture(prefix) if config.experts else self._dense(prefix),
        )

    def _dense(self, prefix: str) -> Dense:
        config, names = self._config, self._names
        parts = ((prefix + names.gate, config.feed_forward), (prefix + names.up, config.feed_forward))
        biased = config.feed_forward_bias
        return Dense(
            gate_up=self._stacked(parts, config.width),
            down=self._matrix(prefix + names.down, config.width, config.feed_forward),
            gate_up_bias=self._biases(parts) if biased else None,
            down_bias=self._vector(f"{prefix}{names.down}.bias", config.width) if biased else None,
        )

    def _mixture(self, prefix: str) -> Mixture:
        config, names = self._config, self._names
        inner, width = config.feed_forward, config.width
        gates = self._experts(prefix, names.stacked_gate, names.expert_gate, (inner, width))
        ups = self._experts(prefix, names.stacked_up, names.expert_up, (inner, width))
        downs = self._experts(prefix, names.stacked_down, names.expert_down, (width, inner))
        return Mixture(
            router=self._vector(f"{prefix}{names.router}.weight", config.experts, width),
            gate_up=tuple(self._packed(pair) for pair in zip(gates, ups, strict=True)),
            down=tuple(self._packed((down,)) for down in downs),
            used=config.experts_used,
        )

    def _experts(self, prefix: str, stacked: str | None, single: str, shape: tuple[int, int]) -> list[Tensor]:
        experts = range(self._config.experts)
        if stacked is not None and f"{prefix}{stacked}.weight" in self._tensors:
            stack = self._take(f"{prefix}{stacked}.weight", (len(experts), *shape))
            return [stack[expert] for expert in experts]
        return [self._take(f"{prefix}{single.format(expert=expert)}.weight", shape) for expert in experts]

    def _matrix(self, name: str, rows: int, columns: int) -> Matrix:
        return self._stacked(((name, rows),), columns)

    def _stacked(self, parts: tuple[tuple[str, int], ...], columns: int) -> Matrix:
        return self._packed([self._take(f"{name}.weight", (rows, columns)) for name, rows in parts])

    def _packed(self, parts: Sequence[Tensor]) -> Matrix:
        matrix = self._kernels.matrix(parts)
        self._let_go()  # now the weights are in memory twice
        return matrix

    def _biases(self, parts: tuple[tuple[str, int], ...]) -> Vector:
        return np.concatenate([self._vector(f"{name}.bias", rows) for name, rows in parts])

    def _vector(self, name: str, *shape: int) -> Vector:
        values = self._take(name, shape).float32()
        if not np.isfinite(values).all():
            raise BadFile("holds numbers that are not finite.", where=self._where(name))
        return np.array(values)  # not a view: the file may be closed

    def _take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        tensor = self._tensors.get(name)
        if tensor is None:
            raise BadFile("the tensor is missing.", where=self._where(name))
        if tensor.shape != shape:
            raise BadFile(f"has the shape {tensor.shape} instead of {shape}.", where=self._where(name))
        self._used.add(name)
        return tensor

    def _where(self, name: str) -> str:
        return f"{self._file}: {name[:100]}"
