from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.metadata import CONFIG_JSON, HOSTILE, hf_checkpoint, hostile_values

from galerne.errors import BadFile, UnsupportedFile
from galerne.models.hf_config import FAMILIES, read_hf_config

KEYS = [
    *CONFIG_JSON,
    "head_dim",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    "layer_types",
    "tie_word_embeddings",
    "attention_bias",
    "mlp_bias",
    "num_local_experts",
    "num_experts_per_tok",
    "hidden_act",
    "partial_rotary_factor",
    "quantization_config",
]


@given(
    family=st.sampled_from(list(FAMILIES)),
    changes=st.dictionaries(st.sampled_from(KEYS), hostile_values, min_size=1, max_size=4),
)
def test_hostile_values_are_refused_or_harmless(family, changes):
    assert_refused_or_sound(hf_checkpoint(**({"architectures": [family]} | changes)))


@pytest.mark.parametrize("key", KEYS)
def test_hostile_values_of_each_key(key):
    for value in HOSTILE:
        assert_refused_or_sound(hf_checkpoint(**{key: value}))


def assert_refused_or_sound(checkpoint):
    try:
        config = read_hf_config(checkpoint)
    except BadFile as error:
        message = str(error)
    else:
        assert config.heads % config.kv_heads == 0
        assert len(config.windows) == config.layers
        assert 2 <= 2 * len(config.rope.frequencies) <= config.head_dim
        assert np.isfinite(config.rope.frequencies).all()
        return
    assert message.startswith("config.json: ")


@pytest.mark.parametrize("kind", ["dynamic", "longrope", "proportional", "nonsense"])
def test_scalings_that_are_missing_are_refused_by_name(kind):
    with pytest.raises(UnsupportedFile, match=kind):
        read_hf_config(hf_checkpoint(rope_scaling={"rope_type": kind, "factor": 2.0}))


def test_an_unknown_architecture_is_answered_with_those_that_run():
    with pytest.raises(UnsupportedFile, match=r"GPT2LMHeadModel.*LlamaForCausalLM.*MixtralForCausalLM"):
        read_hf_config(hf_checkpoint(architectures=["GPT2LMHeadModel"]))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"quantization_config": {"quant_method": "fp8"}}, "quantization_config"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "rope_parameters"),
    ],
)
def test_what_would_change_the_result_is_refused(changes, where):
    with pytest.raises(UnsupportedFile, match=where):
        read_hf_config(hf_checkpoint(**changes))


@pytest.mark.parametrize("key", [key for key in CONFIG_JSON if key not in ("architectures", "num_key_value_heads")])
def test_a_missing_value_is_named(key):
    with pytest.raises(BadFile, match=f"config.json: {key}: is missing"):
        read_hf_config(hf_checkpoint(**{key: None}))


def test_what_transformers_assumes_where_the_file_is_silent():
    silent = {key: value for key, value in CONFIG_JSON.items() if key != "num_key_value_heads"}
    silent["num_attention_heads"] = 16

    def read(name, **changes):
        checkpoint = hf_checkpoint()
        values = silent | {"architectures": [name]} | changes
        return read_hf_config(type(checkpoint)(checkpoint.path, "safetensors", values, {}, ()))

    assert read("LlamaForCausalLM").kv_heads == 16
    assert read("MistralForCausalLM").kv_heads == 8
    assert read("MistralForCausalLM").windows == (4096, 4096)
    assert read("MistralForCausalLM", sliding_window=None, num_key_value_heads=None).windows == (None, None)
    assert read("MistralForCausalLM", num_key_value_heads=None).kv_heads == 16
    assert read("Qwen2ForCausalLM", num_key_value_heads=2).windows == (None, None)
    assert read("MixtralForCausalLM").experts == 8
    assert read("MixtralForCausalLM").epsilon == 1e-5


def test_layer_types_say_which_layers_have_the_window():
    changes = {"architectures": ["Qwen2ForCausalLM"], "use_sliding_window": True, "sliding_window": 16}
    kinds = ["full_attention", "sliding_attention"]
    assert read_hf_config(hf_checkpoint(**changes, layer_types=kinds)).windows == (None, 16)
    with pytest.raises(BadFile, match="layer_types"):
        read_hf_config(hf_checkpoint(**changes, layer_types=["full_attention"]))
    with pytest.raises(BadFile, match="layer_types"):
        read_hf_config(hf_checkpoint(**changes, layer_types=["full_attention", ["sliding_attention"]]))
