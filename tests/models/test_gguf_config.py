from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.metadata import GGUF_KEYS, HOSTILE, gguf_checkpoint, hf_checkpoint, hostile_values

from galerne.errors import BadFile, UnsupportedFile
from galerne.models.gguf_config import NEUTRAL, read_gguf_config
from galerne.models.hf_config import read_hf_config
from galerne.weights.tensor import Tensor

KEYS = [
    *GGUF_KEYS,
    *(f"llama.{key}" for key in NEUTRAL),
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.attention.sliding_window",
    "llama.attention.temperature_scale",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scale_linear",
    "llama.rope.scaling.type",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.attn_factor",
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.yarn_beta_fast",
    "llama.rope.scaling.yarn_beta_slow",
    "llama.rope.scaling.yarn_log_multiplier",
    "tokenizer.ggml.tokens",
]


def floats(name: str, values: list[float]) -> dict[str, Tensor]:
    return {name: Tensor(name, (len(values),), "F32", np.array(values, np.float32).view(np.uint8))}


@given(
    scaling=st.sampled_from(["none", "linear", "yarn"]),
    changes=st.dictionaries(st.sampled_from(KEYS), hostile_values, min_size=1, max_size=4),
)
def test_hostile_values_are_refused_or_harmless(scaling, changes):
    assert_refused_or_sound(gguf_checkpoint({"llama.rope.scaling.type": scaling} | changes))


@pytest.mark.parametrize("key", KEYS)
def test_hostile_values_of_each_key(key):
    for value in HOSTILE:
        assert_refused_or_sound(gguf_checkpoint({key: value}))


def assert_refused_or_sound(checkpoint):
    try:
        config = read_gguf_config(checkpoint)
    except BadFile as error:
        message = str(error)
    else:
        assert config.heads % config.kv_heads == 0
        assert len(config.windows) == config.layers
        assert 2 <= 2 * len(config.rope.frequencies) <= config.head_dim
        assert np.isfinite(config.rope.frequencies).all()
        return
    assert message.startswith("model.gguf: ")


@pytest.mark.parametrize("key", [key for key in GGUF_KEYS if key not in ("llama.attention.head_count_kv",)])
def test_a_missing_value_is_named(key):
    with pytest.raises(BadFile, match=f"model.gguf: {key}: is missing"):
        read_gguf_config(gguf_checkpoint({key: None}))


def test_an_unknown_architecture_is_answered_with_those_that_run():
    with pytest.raises(UnsupportedFile, match=r"rwkv7.*llama, mistral3, qwen2"):
        read_gguf_config(gguf_checkpoint({"general.architecture": "rwkv7"}))


@pytest.mark.parametrize("kind", ["longrope", "dynamic"])
def test_scalings_that_are_missing_are_refused_by_name(kind):
    with pytest.raises(UnsupportedFile, match=kind):
        read_gguf_config(gguf_checkpoint({"llama.rope.scaling.type": kind}))


def test_what_would_change_the_result_is_refused():
    with pytest.raises(UnsupportedFile, match=r"llama\.logit_scale"):
        read_gguf_config(gguf_checkpoint({"llama.logit_scale": 0.25}))
    assert read_gguf_config(gguf_checkpoint({"llama.logit_scale": 1.0})).layers == 2


def test_more_tokens_than_logits_are_refused():
    with pytest.raises(BadFile, match="100 rows for 101 tokens"):
        read_gguf_config(gguf_checkpoint({"tokenizer.ggml.tokens": ["x"] * 101}))


def test_the_vocabulary_is_the_embedding_whatever_the_metadata_says():
    assert read_gguf_config(gguf_checkpoint({"llama.vocab_size": 99})).vocabulary == 100
    with pytest.raises(BadFile, match=r"token_embd\.weight"):
        read_gguf_config(gguf_checkpoint(tensors=floats("token_embd.weight", [1.0])))


def test_linear_scaling_in_three_spellings():
    plain = read_gguf_config(gguf_checkpoint()).rope.frequencies
    for changes in (
        {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0},
        {"llama.rope.scaling.factor": 4.0},
        {"llama.rope.scale_linear": 4.0},
    ):
        np.testing.assert_allclose(read_gguf_config(gguf_checkpoint(changes)).rope.frequencies, plain / 4, rtol=1e-6)
    switched_off = {"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0}
    np.testing.assert_array_equal(read_gguf_config(gguf_checkpoint(switched_off)).rope.frequencies, plain)


def test_yarn_in_both_formats():
    keys = {"factor": 8.0, "original_context_length": 64, "yarn_beta_fast": 20.0, "yarn_beta_slow": 2.0}
    changes = {f"llama.rope.scaling.{key}": value for key, value in keys.items()}
    rope = read_gguf_config(gguf_checkpoint({"llama.rope.scaling.type": "yarn"} | changes)).rope
    written = {"rope_type": "yarn", "factor": 8.0, "beta_fast": 20.0, "beta_slow": 2.0}
    expected = read_hf_config(
        hf_checkpoint(rope_parameters=written | {"original_max_position_embeddings": 64, "rope_theta": 10_000.0})
    ).rope
    np.testing.assert_array_equal(rope.frequencies, expected.frequencies)
    assert rope.magnitude == expected.magnitude
    assert (rope.interleaved, expected.interleaved) == (True, False)


def test_rope_factors_divide_the_frequencies():
    plain = read_gguf_config(gguf_checkpoint()).rope.frequencies
    factors = [1.0] * 4 + [8.0] * 4
    rope = read_gguf_config(gguf_checkpoint(tensors=floats("rope_freqs.weight", factors))).rope
    np.testing.assert_allclose(rope.frequencies, plain / factors, rtol=1e-6)


@pytest.mark.parametrize("factors", [[1.0] * 7, [1.0] * 7 + [0.0], [1.0] * 7 + [np.nan], [-1.0] * 8, [np.inf] * 8])
def test_rope_factors_that_are_none(factors):
    with pytest.raises(BadFile, match=r"rope_freqs\.weight"):
        read_gguf_config(gguf_checkpoint(tensors=floats("rope_freqs.weight", factors)))


def test_a_part_of_each_head_may_be_rotated():
    rope = read_gguf_config(gguf_checkpoint({"llama.rope.dimension_count": 8})).rope
    assert len(rope.frequencies) == 4
    with pytest.raises(BadFile, match="should be even"):
        read_gguf_config(gguf_checkpoint({"llama.rope.dimension_count": 7}))
