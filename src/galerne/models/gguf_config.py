"""A model's shape from the key-values of a GGUF file."""

from __future__ import annotations

from typing import Any

import numpy as np

from galerne.errors import BadFile, UnsupportedFile
from galerne.kernels.interface import Rope
from galerne.models import config as limits
from galerne.models.config import ModelConfig
from galerne.models.fields import Fields
from galerne.models.rope import Yarn, base_frequencies, yarn_magnitude
from galerne.weights.checkpoint import Checkpoint

INTERLEAVED = {"llama": True, "mistral3": True, "qwen2": False}
"""The architectures that run, and whether their files pair neighbouring numbers of q and k for the rotation."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "attention.causal": (True,),
    "attention.clamp_kqv": (0,),
    "attention.max_alibi_bias": (0,),
    "attention.scale": (0,),
    "attention.shared_kv_layers": (0,),
    "attention.sliding_window_pattern": (),
    "attn_logit_softcapping": (0,),
    "embedding_scale": (0, 1),
    "expert_gating_func": (0, 1),
    "expert_group_count": (0, 1),
    "expert_shared_count": (0,),
    "expert_weights_scale": (0, 1),
    "final_logit_softcapping": (0,),
    "leading_dense_block_count": (0,),
    "logit_scale": (0, 1),
    "nextn_predict_layers": (0,),
    "residual_scale": (0, 1),
    "rope.scaling.alpha": (0,),
    "rope.scaling.yarn_attn_factor": (1,),
    "rope.scaling.yarn_ext_factor": (-1, 1),
}
"""Keys that would change the result in a way that is not implemented, with the values that would not."""


def read_gguf_config(checkpoint: Checkpoint) -> ModelConfig:
    """Raises `BadFile` for values that make no sense, `UnsupportedFile` for what does not run."""
    file = checkpoint.path.name
    architecture = Fields(f"{file}: ", checkpoint.metadata).text("general.architecture")
    if architecture not in INTERLEAVED:
        raise UnsupportedFile(
            f"the architecture {architecture[:40]!r} does not run here.",
            where=f"{file}: general.architecture",
            hint=f"These do: {', '.join(sorted(INTERLEAVED))}.",
        )
    prefix = f"{architecture}."
    fields = Fields(
        f"{file}: {prefix}",
        {key.removeprefix(prefix): value for key, value in checkpoint.metadata.items() if key.startswith(prefix)},
    )
    _refuse_what_changes_the_result(fields)
    width = fields.integer("embedding_length", 1, limits.MAX_WIDTH)
    layers = fields.integer("block_count", 1, limits.MAX_LAYERS)
    heads = fields.integer("attention.head_count", 1, limits.MAX_HEADS)
    kv_heads = fields.integer("attention.head_count_kv", 1, heads, default=heads)
    fields.require(heads % kv_heads == 0, "attention.head_count_kv", f"should divide the {heads} heads.")
    head_dim = fields.integer("attention.key_length", 2, limits.MAX_HEAD_DIM, default=width // heads)
    fields.integer("attention.value_length", head_dim, head_dim, default=head_dim)
    window = fields.integer("attention.sliding_window", 0, limits.MAX_CONTEXT, default=0) or None
    experts = fields.integer("expert_count", 0, limits.MAX_EXPERTS, default=0)
    tensors = checkpoint.tensors
    return ModelConfig(
        architecture=architecture,
        vocabulary=_vocabulary(checkpoint),
        context_length=_context_length(fields),
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        feed_forward=fields.integer("feed_forward_length", 1, limits.MAX_FEED_FORWARD),
        epsilon=fields.number("attention.layer_norm_rms_epsilon", 0, 1),
        rope=_rope(fields, checkpoint, head_dim, INTERLEAVED[architecture]),
        windows=(window,) * layers,
        tied="output.weight" not in tensors,
        attention_bias=architecture == "qwen2" or "blk.0.attn_q.bias" in tensors,
        output_bias="blk.0.attn_output.bias" in tensors,
        feed_forward_bias="blk.0.ffn_down.bias" in tensors,
        experts=experts,
        experts_used=fields.integer("expert_used_count", 1, experts) if experts else 0,
    )


def _refuse_what_changes_the_result(fields: Fields) -> None:
    for key, neutral in NEUTRAL.items():
        if fields.has(key) and fields.values[key] not in neutral:
            raise fields.unsupported(key, "asks for something that is not implemented.")


def _vocabulary(checkpoint: Checkpoint) -> int:
    """The embedding's rows: `vocab_size` is absent from some files, and stale in some that got tokens added."""
    embedding = checkpoint.tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise BadFile("the tensor is missing, or no matrix.", where=f"{checkpoint.path.name}: token_embd.weight")
    vocabulary = embedding.shape[0]
    tokens = checkpoint.metadata.get("tokenizer.ggml.tokens")
    named = len(tokens) if isinstance(tokens, list) else 0
    if not max(named, 1) <= vocabulary <= limits.MAX_VOCABULARY:
        raise BadFile(f"has {vocabulary} rows for {named} tokens.", where=f"{checkpoint.path.name}: token_embd.weight")
    return vocabulary


def _context_length(fields: Fields) -> int:
    context = fields.integer("context_length", 1, limits.MAX_CONTEXT)
    if fields.number("attention.temperature_scale", 0, 1e6, default=0) == 0:
        return context
    # Beyond the original context Ministral 3 sharpens its attention by position, which is not implemented; up to
    # there the factor is just 1.
    return min(context, fields.integer("rope.scaling.original_context_length", 1, limits.MAX_CONTEXT))


def _rope(fields: Fields, checkpoint: Checkpoint, head_dim: int, interleaved: bool) -> Rope:
    rotated = fields.integer("rope.dimension_count", 2, head_dim, default=head_dim)
    fields.require(rotated % 2 == 0, "rope.dimension_count", f"should be even, not {rotated}.")
    theta = fields.number("rope.freq_base", 1.001, 1e15, default=10_000.0)
    base = base_frequencies(rotated, theta) / _factors(checkpoint, rotated // 2)
    kind = fields.text("rope.scaling.type", default="linear")
    factor = fields.number("rope.scale_linear", 0, 1e6, default=0)  # what it was called in 2023
    factor = fields.number("rope.scaling.factor", 0, 1e6, default=factor) or 1.0
    fields.require(factor >= 1e-3, "rope.scaling.factor", f"is too small: {factor:g}.")
    magnitude = fields.number("rope.scaling.attn_factor", 1e-3, 1e3, default=1.0)
    match kind:
        case "none":
            frequencies = base
        case "linear":
            frequencies = base / factor
        case "yarn":
            yarn = Yarn(
                factor,
                original=fields.integer(
                    "rope.scaling.original_context_length", 1, limits.MAX_CONTEXT, default=_context_length(fields)
                ),
                beta_fast=fields.number("rope.scaling.yarn_beta_fast", 1e-3, 1e6, default=32.0),
                beta_slow=fields.number("rope.scaling.yarn_beta_slow", 1e-3, 1e6, default=1.0),
            )
            frequencies = yarn.frequencies(base, theta)
            weight = fields.number("rope.scaling.yarn_log_multiplier", 0, 1e3, default=0.0)
            magnitude *= yarn_magnitude(factor) / yarn_magnitude(factor, weight)
        case _:
            raise fields.unsupported("rope.scaling.type", f"is {kind[:40]!r}; none, linear and yarn are implemented.")
    return Rope(frequencies.astype(np.float32), magnitude, interleaved)


def _factors(checkpoint: Checkpoint, expected: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What each frequency is divided by: how GGUF writes down Llama 3's scaling."""
    tensor = checkpoint.tensors.get("rope_freqs.weight")
    if tensor is None:
        return np.ones(expected)
    where = f"{checkpoint.path.name}: {tensor.name}"
    if tensor.shape != (expected,):
        raise BadFile(f"has the shape {tensor.shape} instead of ({expected},).", where=where)
    factors = tensor.float32().astype(np.float64)
    if not ((factors > 1e-6) & (factors < 1e6)).all():  # false for NaN, too
        raise BadFile("holds numbers that are not factors of frequencies.", where=where)
    return factors
