"""A model's shape from a `config.json`, with the defaults that `transformers` gives what is not written there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galerne.errors import UnsupportedFile
from galerne.kernels.interface import Rope
from galerne.models import config as limits
from galerne.models.config import ModelConfig
from galerne.models.fields import Fields
from galerne.models.rope import Llama3, Yarn, base_frequencies, yarn_magnitude
from galerne.weights.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Family:
    """What a class of `transformers` assumes where `config.json` is silent."""

    architecture: str
    kv_heads: int | None = None  # None: as many as heads
    epsilon: float = 1e-6
    theta: float = 10_000.0
    window: int | None = None
    windows_by_layer: bool = False  # `layer_types` says which layers have the window
    attention_bias: bool = False


FAMILIES = {
    "LlamaForCausalLM": Family("llama"),
    "MistralForCausalLM": Family("mistral", kv_heads=8, window=4096),
    "MinistralForCausalLM": Family("ministral", kv_heads=8, window=4096, windows_by_layer=True),
    "Qwen2ForCausalLM": Family("qwen2", kv_heads=32, window=4096, windows_by_layer=True, attention_bias=True),
    "MixtralForCausalLM": Family("mixtral", kv_heads=8, epsilon=1e-5, theta=1e6),
}


def read_hf_config(checkpoint: Checkpoint) -> ModelConfig:
    """Raises `BadFile` for values that make no sense, `UnsupportedFile` for what does not run."""
    fields = Fields("config.json: ", checkpoint.metadata)
    family = _family(fields)
    _refuse_what_changes_the_result(fields)
    width = fields.integer("hidden_size", 1, limits.MAX_WIDTH)
    layers = fields.integer("num_hidden_layers", 1, limits.MAX_LAYERS)
    heads = fields.integer("num_attention_heads", 1, limits.MAX_HEADS)
    kv_heads = fields.integer("num_key_value_heads", 1, heads, default=_default_kv_heads(fields, family, heads))
    fields.require(heads % kv_heads == 0, "num_key_value_heads", f"should divide the {heads} heads.")
    head_dim = fields.integer("head_dim", 2, limits.MAX_HEAD_DIM, default=width // heads)
    fields.require(head_dim % 2 == 0, "head_dim", f"should be even, not {head_dim}.")
    llama, mixtral = family.architecture == "llama", family.architecture == "mixtral"
    bias = llama and fields.flag("attention_bias", default=False)
    experts = fields.integer("num_local_experts", 1, limits.MAX_EXPERTS, default=8) if mixtral else 0
    return ModelConfig(
        architecture=family.architecture,
        vocabulary=fields.integer("vocab_size", 1, limits.MAX_VOCABULARY),
        context_length=fields.integer("max_position_embeddings", 1, limits.MAX_CONTEXT),
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        feed_forward=fields.integer("intermediate_size", 1, limits.MAX_FEED_FORWARD),
        epsilon=fields.number("rms_norm_eps", 0, 1, default=family.epsilon),
        rope=_rope(fields, family, head_dim),
        windows=_windows(fields, family, layers),
        tied=fields.flag("tie_word_embeddings", default=False) and "lm_head.weight" not in checkpoint.tensors,
        attention_bias=family.attention_bias or bias,
        output_bias=bias,
        feed_forward_bias=llama and fields.flag("mlp_bias", default=False),
        experts=experts,
        experts_used=fields.integer("num_experts_per_tok", 1, experts, default=min(2, experts)) if experts else 0,
    )


def _family(fields: Fields) -> Family:
    names = fields.values.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    if not isinstance(name, str):
        raise fields.bad("architectures", "should be a list with the name of the model's class.")
    if name not in FAMILIES:
        raise UnsupportedFile(
            f"the architecture {name[:60]!r} does not run here.",
            where="config.json: architectures",
            hint=f"These do: {', '.join(FAMILIES)}.",
        )
    return FAMILIES[name]


def _refuse_what_changes_the_result(fields: Fields) -> None:
    if fields.has("quantization_config"):
        raise fields.unsupported("quantization_config", "quantised safetensors are not implemented; use a GGUF file.")
    if fields.text("hidden_act", default="silu") != "silu":
        raise fields.unsupported("hidden_act", f"is {fields.text('hidden_act')[:40]!r}; only silu is implemented.")
    if fields.number("partial_rotary_factor", 0, 1, default=1) != 1:
        raise fields.unsupported("partial_rotary_factor", "rotating a part of each head is not implemented.")


def _default_kv_heads(fields: Fields, family: Family, heads: int) -> int:
    written_as_null = "num_key_value_heads" in fields.values
    return heads if written_as_null or family.kv_heads is None else min(family.kv_heads, heads)


def _windows(fields: Fields, family: Family, layers: int) -> tuple[int | None, ...]:
    """The sliding window of each layer."""
    window = _window(fields, family)
    if window is None or not family.windows_by_layer:
        return (window,) * layers
    kinds = fields.values.get("layer_types")
    if kinds is None:
        qwen2 = family.architecture == "qwen2"
        first = fields.integer("max_window_layers", 0, limits.MAX_CONTEXT, default=28) if qwen2 else 0
        return tuple(window if layer >= first else None for layer in range(layers))
    known = ("full_attention", "sliding_attention")
    fields.require(
        isinstance(kinds, list) and len(kinds) == layers and all(kind in known for kind in kinds),
        "layer_types",
        f"should say full_attention or sliding_attention for each of the {layers} layers.",
    )
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _window(fields: Fields, family: Family) -> int | None:
    written = "sliding_window" in fields.values
    if family.architecture == "llama" or (family.window is None and not written):
        return None
    if family.architecture == "qwen2" and not fields.flag("use_sliding_window", default=False):
        return None
    if written and not fields.has("sliding_window"):
        return None  # a null switches it off
    return fields.integer("sliding_window", 1, limits.MAX_CONTEXT, default=family.window)


def _rope(fields: Fields, family: Family, head_dim: int) -> Rope:
    scaling = fields.inner("rope_scaling" if fields.has("rope_scaling") else "rope_parameters")
    if any(isinstance(value, dict) for value in scaling.values.values()):
        raise fields.unsupported("rope_parameters", "a rotation of its own for each kind of layer is not implemented.")
    if scaling.number("partial_rotary_factor", 0, 1, default=1) != 1:
        raise scaling.unsupported("partial_rotary_factor", "rotating a part of each head is not implemented.")
    theta = fields.number("rope_theta", 1.001, 1e15, default=family.theta)
    theta = scaling.number("rope_theta", 1.001, 1e15, default=theta)
    base = base_frequencies(head_dim, theta)
    kind = scaling.text("rope_type", default=scaling.text("type", default="default"))
    magnitude = 1.0
    match kind:
        case "default":
            frequencies = base
        case "linear":
            frequencies = base / scaling.number("factor", 1, 1e6)
        case "llama3":
            low = scaling.number("low_freq_factor", 1e-3, 1e6)
            high = scaling.number("high_freq_factor", 1e-3, 1e6)
            scaling.require(low < high, "high_freq_factor", "should be more than low_freq_factor.")
            frequencies = Llama3(
                scaling.number("factor", 1, 1e6), low, high, _original_context(fields, scaling)
            ).frequencies(base)
        case "yarn":
            yarn = _yarn(fields, scaling)
            frequencies = yarn.frequencies(base, theta)
            magnitude = _yarn_magnitude(scaling, yarn.factor)
        case _:
            raise scaling.unsupported(
                "rope_type", f"is {kind[:40]!r}; default, linear, llama3 and yarn are implemented."
            )
    return Rope(frequencies.astype(np.float32), magnitude, interleaved=False)


def _original_context(fields: Fields, scaling: Fields) -> int:
    key = "original_max_position_embeddings"
    context = fields.integer("max_position_embeddings", 1, limits.MAX_CONTEXT)
    written = scaling.integer(key, 1, limits.MAX_CONTEXT, default=context)
    return fields.integer(key, 1, limits.MAX_CONTEXT, default=written)


def _yarn(fields: Fields, scaling: Fields) -> Yarn:
    return Yarn(
        scaling.number("factor", 1, 1e6),
        _original_context(fields, scaling),
        scaling.number("beta_fast", 1e-3, 1e6, default=32.0),
        scaling.number("beta_slow", 1e-3, 1e6, default=1.0),
        scaling.flag("truncate", default=True),
    )


def _yarn_magnitude(scaling: Fields, factor: float) -> float:
    numerator = scaling.number("mscale", 0, 1e3, default=0.0)
    denominator = scaling.number("mscale_all_dim", 0, 1e3, default=0.0)
    if numerator and denominator:
        inferred = yarn_magnitude(factor, numerator) / yarn_magnitude(factor, denominator)
    else:
        inferred = yarn_magnitude(factor)
    return scaling.number("attention_factor", 1e-3, 1e3, default=inferred)
