"""Tensors that are missing, misshapen, not finite or of no use."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.weights.test_mapped_file import resident

from galerne import models
from galerne.errors import BadFile, SettingsError, UnsupportedFile
from galerne.kernels.batch import BLOCK
from galerne.weights import open_checkpoint
from galerne.weights.tensor import Tensor


@pytest.fixture
def checkpoint(tiny):
    return open_checkpoint(tiny("llama").gguf())


def load(checkpoint, kernels, **changes):
    """With some tensors replaced, or left out where None."""
    tensors = {name: tensor for name, tensor in (checkpoint.tensors | changes).items() if tensor is not None}
    return models.load(replace(checkpoint, tensors=tensors), kernels, blocks=2, max_rows=32)


def floats(name: str, shape: tuple[int, ...], value: float = 1.0) -> Tensor:
    return Tensor(name, shape, "F32", np.full(shape, value, np.float32).reshape(-1).view(np.uint8))


def test_every_tensor_is_needed(checkpoint, kernels):
    load(checkpoint, kernels)
    for name in checkpoint.tensors:
        if name == "output.weight":  # without it, the embedding is the output
            continue
        with pytest.raises(BadFile, match=f"{name}: the tensor is missing"):
            load(checkpoint, kernels, **{name: None})


def test_every_shape_is_checked(checkpoint, kernels):
    for name, tensor in checkpoint.tensors.items():
        if name == "token_embd.weight":  # its rows are the vocabulary
            continue
        longer = (tensor.shape[0] + 1, *tensor.shape[1:])
        with pytest.raises(BadFile, match=f"{name}: has the shape"):
            load(checkpoint, kernels, **{name: floats(name, longer)})
    with pytest.raises(BadFile, match=r"output\.weight: has the shape"):
        load(checkpoint, kernels, **{"token_embd.weight": floats("token_embd.weight", (161, 64))})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_number_is_finite(value, checkpoint, kernels):
    for name, tensor in checkpoint.tensors.items():
        if name.startswith(("blk.0.", "token", "output")):
            with pytest.raises(BadFile, match=f"{name}: holds numbers that are not finite"):
                load(checkpoint, kernels, **{name: floats(name, tensor.shape, value)})


@pytest.mark.parametrize("name", ["blk.0.attn_q_norm.weight", "blk.1.attn_q.bias", "blk.7.attn_q.weight"])
def test_a_tensor_that_no_formula_uses_is_refused(name, checkpoint, kernels):
    with pytest.raises(UnsupportedFile, match=name):
        load(checkpoint, kernels, **{name: floats(name, (128,))})


def test_a_bias_that_some_layers_lack_is_missed(checkpoint, kernels):
    with pytest.raises(BadFile, match=r"blk\.0\.attn_k\.bias: the tensor is missing"):
        load(checkpoint, kernels, **{"blk.0.attn_q.bias": floats("blk.0.attn_q.bias", (128,))})


def test_tensors_that_repeat_the_metadata_are_ignored(tiny, kernels):
    checkpoint = open_checkpoint(tiny("llama").safetensors())
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    load(checkpoint, kernels, **{name: floats(name, (16,))})


def test_an_output_matrix_is_used_though_the_configuration_ties_it(tiny, kernels):
    checkpoint = open_checkpoint(tiny("llama").safetensors())
    tied = replace(checkpoint, metadata=checkpoint.metadata | {"tie_word_embeddings": True})
    assert not load(tied, kernels).config.tied
    assert load(tied, kernels, **{"lm_head.weight": None}).config.tied


def test_the_cache_gets_the_blocks_that_fit(checkpoint, kernels):
    config = models.read_config(checkpoint)
    model = load(checkpoint, kernels)
    assert (model.blocks, model.max_rows, model.context_length, model.vocabulary) == (2, 32, 128, 160)
    block = model.cache_bytes_per_block
    assert block >= 2 * config.layers * config.kv_heads * config.head_dim * BLOCK
    assert models.blocks_for([config], kernels, 7 * block) == 7
    assert models.blocks_for([config, config], kernels, 7 * block) == 3  # a draft model has a cache, too
    with pytest.raises(SettingsError, match="kv_cache_mb"):
        models.blocks_for([config], kernels, block - 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is in memory")
def test_what_is_loaded_does_not_stay_in_memory_twice(checkpoint, kernels):
    load(checkpoint, kernels)
    assert resident(checkpoint.path) < checkpoint.path.stat().st_size / 4
