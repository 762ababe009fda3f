"""The scaled frequencies are those of transformers."""

from __future__ import annotations

import numpy as np
import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tests.models.metadata import hf_checkpoint
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from galerne.models.hf_config import read_hf_config

THETAS = st.sampled_from([500.0, 10_000.0, 500_000.0, 1e6])
FACTORS = st.floats(1, 64)
ORIGINALS = st.sampled_from([64, 2048, 8192, 32768])
OPTIONAL = st.none() | st.floats(0.1, 2)


def assert_same_rope(head_dim: int, parameters: dict) -> None:
    rope = read_hf_config(hf_checkpoint(head_dim=head_dim, rope_parameters=parameters)).rope
    config = transformers.LlamaConfig(
        hidden_size=4 * head_dim, num_attention_heads=4, head_dim=head_dim, rope_parameters=dict(parameters)
    )
    frequencies, magnitude = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config)
    np.testing.assert_allclose(rope.frequencies, frequencies.numpy(), rtol=2e-5)
    assert rope.magnitude == pytest.approx(magnitude)


@given(head_dim=st.sampled_from([16, 64, 128]), theta=THETAS, factor=FACTORS)
def test_linear(head_dim, theta, factor):
    assert_same_rope(head_dim, {"rope_type": "linear", "rope_theta": theta, "factor": factor})


@given(
    head_dim=st.sampled_from([16, 64, 128]),
    theta=THETAS,
    factor=FACTORS,
    original=ORIGINALS,
    low=st.floats(0.5, 2),
    high=st.floats(3, 8),
)
def test_llama3(head_dim, theta, factor, original, low, high):
    parameters = {
        "rope_type": "llama3",
        "rope_theta": theta,
        "factor": factor,
        "original_max_position_embeddings": original,
        "low_freq_factor": low,
        "high_freq_factor": high,
    }
    assert_same_rope(head_dim, parameters)


@given(
    head_dim=st.sampled_from([16, 64, 128]),
    theta=THETAS,
    factor=FACTORS,
    original=ORIGINALS,
    beta_fast=st.floats(8, 64),
    beta_slow=st.floats(0.5, 4),
    truncate=st.booleans(),
    attention_factor=OPTIONAL,
    mscale=OPTIONAL,
    mscale_all_dim=OPTIONAL,
)
def test_yarn(head_dim, theta, factor, original, beta_fast, beta_slow, truncate, **optional):
    parameters = {
        "rope_type": "yarn",
        "rope_theta": theta,
        "factor": factor,
        "original_max_position_embeddings": original,
        "beta_fast": beta_fast,
        "beta_slow": beta_slow,
        "truncate": truncate,
    }
    assert_same_rope(head_dim, parameters | {key: value for key, value in optional.items() if value is not None})


def test_the_older_spelling_means_the_same():
    scaling = {"type": "linear", "factor": 4.0}
    old = read_hf_config(hf_checkpoint(rope_theta=5000.0, rope_scaling=scaling)).rope
    new = read_hf_config(
        hf_checkpoint(rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0})
    ).rope
    np.testing.assert_array_equal(old.frequencies, new.frequencies)
