"""Writing a model of transformers as a GGUF file, as llama.cpp's converter does."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import transformers
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def write_gguf(path: Path, model: transformers.PreTrainedModel, *, stacked_experts: bool) -> None:
    """Write the model as llama.cpp's converter does: its names, and q and k permuted for rotating neighbours."""
    config = model.config
    arch = {"qwen2": "qwen2", "ministral3": "mistral3"}.get(config.model_type, "llama")
    writer = gguf.GGUFWriter(path, arch)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if hasattr(config, "num_local_experts"):
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    _write_rope(writer, model)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], 99)
    for name, parameter in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.numpy()
        if arch != "qwen2":
            values = rotated(name, values, config)
        if ".experts." in name:
            _write_experts(writer, name, values, stacked_experts)
        else:
            router = name.replace("mlp.gate.weight", "block_sparse_moe.gate.weight")
            writer.add_tensor(names.get_name(router, (".weight", ".bias")), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rotated(name: str, values: Floats, config: transformers.PreTrainedConfig) -> Floats:
    """q and k with the two numbers that turn together side by side, as llama.cpp stores them; others as they are."""
    heads = _heads(name, config)
    if heads == 0:
        return values
    return np.ascontiguousarray(values.reshape(heads, 2, config.head_dim // 2, -1).swapaxes(1, 2)).reshape(values.shape)


def unrotated(name: str, values: Floats, config: transformers.PreTrainedConfig) -> Floats:
    """The way back: the two numbers that turn together half a head apart, as transformers stores them."""
    heads = _heads(name, config)
    if heads == 0:
        return values
    return np.ascontiguousarray(values.reshape(heads, config.head_dim // 2, 2, -1).swapaxes(1, 2)).reshape(values.shape)


def _heads(name: str, config: transformers.PreTrainedConfig) -> int:
    return config.num_attention_heads * ("q_proj" in name) + config.num_key_value_heads * ("k_proj" in name)


def _write_rope(writer: gguf.GGUFWriter, model: transformers.PreTrainedModel) -> None:
    rope = model.config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    match rope["rope_type"]:
        case "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        case "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
            if "mscale_all_dim" in rope:
                writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
            if "llama_4_scaling_beta" in rope:
                writer.add_attn_temperature_scale(rope["llama_4_scaling_beta"])
        case "llama3":
            scaled = model.model.rotary_emb.inv_freq.numpy()
            plain = rope["rope_theta"] ** (-np.arange(0, 2 * len(scaled), 2) / (2 * len(scaled)))
            writer.add_tensor("rope_freqs.weight", (plain / scaled).astype(np.float32))


def _write_experts(writer: gguf.GGUFWriter, name: str, values: Floats, stacked: bool) -> None:
    layer = int(name.split(".")[2])
    parts = {"ffn_down": values}
    if "gate_up" in name:
        gate, up = np.split(values, 2, axis=1)
        parts = {"ffn_gate": np.ascontiguousarray(gate), "ffn_up": np.ascontiguousarray(up)}
    for part, experts in parts.items():
        if stacked:
            writer.add_tensor(f"blk.{layer}.{part}_exps.weight", experts)
        else:
            for expert, weights in enumerate(experts):
                writer.add_tensor(f"blk.{layer}.{part}.{expert}.weight", weights)
