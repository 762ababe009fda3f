"""What the two file formats call the same tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TensorNames:
    """Names without `.weight` / `.bias`. Those of a layer follow `layer`, those of an expert follow both."""

    embedding: str
    final_norm: str
    output: str
    layer: str
    attention_norm: str
    query: str
    key: str
    value: str
    attention_output: str
    feed_forward_norm: str
    gate: str
    up: str
    down: str
    router: str
    expert_gate: str
    expert_up: str
    expert_down: str
    stacked_gate: str | None = None  # all experts in one tensor [experts, out, in]
    stacked_up: str | None = None
    stacked_down: str | None = None
    ignored: tuple[str, ...] = ()  # tensors that repeat what the metadata says; regular expressions, whole names


GGUF = TensorNames(
    embedding="token_embd",
    final_norm="output_norm",
    output="output",
    layer="blk.{layer}.",
    attention_norm="attn_norm",
    query="attn_q",
    key="attn_k",
    value="attn_v",
    attention_output="attn_output",
    feed_forward_norm="ffn_norm",
    gate="ffn_gate",
    up="ffn_up",
    down="ffn_down",
    router="ffn_gate_inp",
    expert_gate="ffn_gate.{expert}",  # files of early 2024
    expert_up="ffn_up.{expert}",
    expert_down="ffn_down.{expert}",
    stacked_gate="ffn_gate_exps",
    stacked_up="ffn_up_exps",
    stacked_down="ffn_down_exps",
    ignored=(r"rope_freqs\.weight", r"blk\.\d+\.attn_rot_embd\.weight"),  # the first is read with the metadata
)

HUGGING_FACE = TensorNames(
    embedding="model.embed_tokens",
    final_norm="model.norm",
    output="lm_head",
    layer="model.layers.{layer}.",
    attention_norm="input_layernorm",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    attention_output="self_attn.o_proj",
    feed_forward_norm="post_attention_layernorm",
    gate="mlp.gate_proj",
    up="mlp.up_proj",
    down="mlp.down_proj",
    router="block_sparse_moe.gate",
    expert_gate="block_sparse_moe.experts.{expert}.w1",
    expert_up="block_sparse_moe.experts.{expert}.w3",
    expert_down="block_sparse_moe.experts.{expert}.w2",
    ignored=(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",),
)

NAMES: dict[Literal["gguf", "safetensors"], TensorNames] = {"gguf": GGUF, "safetensors": HUGGING_FACE}
