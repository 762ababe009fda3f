"""Metadata of small models, without their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from galerne.weights.checkpoint import Checkpoint
from galerne.weights.tensor import Tensor

CONFIG_JSON: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 100,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
GGUF_KEYS: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 128,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
}
HOSTILE: tuple[Any, ...] = (
    True,
    0,
    -1,
    3,
    2**31,
    2**64,
    0.0,
    1e-300,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "yarn",
    [],
    [1, 2],
    [[1]],
    {},
    {"rope_type": "yarn"},
    {"rope_type": "yarn", "factor": 1e300},
    {"rope_type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 1},
    {"rope_type": "linear", "factor": 0},
    {"rope_type": ["linear"]},
)
hostile_values = st.sampled_from(HOSTILE) | st.integers() | st.floats()


def hf_checkpoint(**changes: Any) -> Checkpoint:
    return Checkpoint(Path("model"), "safetensors", CONFIG_JSON | changes, {}, ())


def gguf_checkpoint(changes: Mapping[str, Any] = {}, tensors: Mapping[str, Tensor] = {}) -> Checkpoint:
    """With the one tensor that the configuration depends on."""
    embedding = Tensor("token_embd.weight", (100, 64), "F16", np.zeros(100 * 64 * 2, np.uint8))
    return Checkpoint(Path("model.gguf"), "gguf", GGUF_KEYS | changes, {embedding.name: embedding, **tensors}, ())
