"""The forward pass of every architecture that runs here: llama, mistral, qwen2, mixtral. What differs is data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galerne.kernels.interface import Attention, Matrix, Operations, Rope, Value, Vector


@dataclass(frozen=True, slots=True)
class Dense:
    """A gated feed-forward network (Shazeer, arXiv:2002.05202)."""

    gate_up: Matrix  # [2 * inner, width]
    down: Matrix  # [width, inner]
    gate_up_bias: Vector | None = None
    down_bias: Vector | None = None


@dataclass(frozen=True, slots=True)
class Mixture:
    """Several such networks, of which each token uses a few (Jiang et al., arXiv:2401.04088)."""

    router: Vector  # [experts, width]
    gate_up: tuple[Matrix, ...]
    down: tuple[Matrix, ...]
    used: int


@dataclass(frozen=True, slots=True)
class Layer:
    attention_norm: Vector
    qkv: Matrix  # [(heads + 2 * kv_heads) * head_dim, width]
    qkv_bias: Vector | None
    attention: Attention
    attention_output: Matrix
    attention_output_bias: Vector | None
    feed_forward_norm: Vector
    feed_forward: Dense | Mixture


@dataclass(frozen=True, slots=True)
class Decoder:
    """The weights of a whole model. `loading` sets every field."""

    embedding: Matrix  # [vocabulary, width]
    layers: tuple[Layer, ...]
    final_norm: Vector
    output: Matrix  # [vocabulary, width]
    rope: Rope
    epsilon: float


def forward(decoder: Decoder, ops: Operations) -> Value:
    """Logits of the rows that the batch wants, [outputs, vocabulary]."""
    x = ops.embed(decoder.embedding)
    for layer in decoder.layers:
        last = layer is decoder.layers[-1]
        attended = _attention(decoder, layer, x, ops, outputs=last)
        if last:  # but for its keys and values, no other row counts
            x, attended = ops.outputs(x), ops.outputs(attended)
        x = ops.linear(attended, layer.attention_output, bias=layer.attention_output_bias, add=x)
        x = _feed_forward(decoder, layer, x, ops)
    return ops.linear(ops.rms_norm(ops.states(x), decoder.final_norm, decoder.epsilon), decoder.output)


def final_states(decoder: Decoder, states: Vector) -> Vector:
    """What `Operations.states` kept, as the output matrix reads it [outputs, width]."""
    mean_square = np.mean(np.square(states), axis=-1, keepdims=True)
    normed: Vector = states / np.sqrt(mean_square + np.float32(decoder.epsilon)) * decoder.final_norm
    return normed


def _attention(decoder: Decoder, layer: Layer, x: Value, ops: Operations, *, outputs: bool) -> Value:
    shape = layer.attention
    normed = ops.rms_norm(x, layer.attention_norm, decoder.epsilon)
    qkv = ops.linear(normed, layer.qkv, bias=layer.qkv_bias)
    kv_width = shape.kv_heads * shape.head_dim
    q, k, v = ops.split(qkv, (shape.heads * shape.head_dim, kv_width, kv_width))
    q = ops.rope(q, shape.heads, decoder.rope)
    k = ops.rope(k, shape.kv_heads, decoder.rope)
    return ops.attention(q, k, v, shape, outputs=outputs)


def _feed_forward(decoder: Decoder, layer: Layer, x: Value, ops: Operations) -> Value:
    normed = ops.rms_norm(x, layer.feed_forward_norm, decoder.epsilon)
    network = layer.feed_forward
    if isinstance(network, Mixture):
        return ops.mixture(normed, network.router, network.gate_up, network.down, used=network.used, add=x)
    inner = ops.swiglu(ops.linear(normed, network.gate_up, bias=network.gate_up_bias))
    return ops.linear(inner, network.down, bias=network.down_bias, add=x)
