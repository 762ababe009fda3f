"""Every architecture, from both file formats, computes what transformers computes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.steps import run_steps
from tests.models.tiny import CONFIGS, NOT_IN_GGUF, NOT_IN_SAFETENSORS

from galerne import models
from galerne.weights import open_checkpoint

MODES = {
    "whole": [[75]],
    "chunks": [[1], [31], [2], [30], [11]],
    "one by one": [[1]] * 75,
    "prompt, then tokens": [[60], *[[1]] * 15],
}


def tokens(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 160, count).tolist()


def load(path, kernels, blocks=12):
    return models.load(open_checkpoint(path), kernels, blocks, max_rows=256)


@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in NOT_IN_SAFETENSORS])
def test_safetensors_agree_with_transformers(name, tiny, kernels, assert_close):
    model = tiny(name)
    (logits,) = run_steps(load(model.safetensors(), kernels), [tokens(75)])
    assert_close(logits, model.logits(tokens(75)))


@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in NOT_IN_GGUF])
def test_gguf_agrees_with_transformers(name, tiny, kernels, assert_close):
    model = tiny(name)
    (logits,) = run_steps(load(model.gguf(), kernels), [tokens(75)])
    assert_close(logits, model.logits(tokens(75)))


@pytest.mark.parametrize("name", ["llama", "mixtral"])
def test_shards_are_read_like_one_file(name, tiny, kernels, assert_close):
    folder = tiny(name).safetensors(shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    (logits,) = run_steps(load(folder, kernels), [tokens(20)])
    assert_close(logits, tiny(name).logits(tokens(20)))


def test_experts_of_early_gguf_files(tiny, kernels, assert_close):
    (logits,) = run_steps(load(tiny("mixtral").gguf(stacked_experts=False), kernels), [tokens(20)])
    assert_close(logits, tiny("mixtral").logits(tokens(20)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["llama", "mistral", "qwen2", "mixtral", "qwen2-window"])
def test_a_text_may_come_in_pieces(name, mode, tiny, kernels, assert_close):
    model = tiny(name)
    (logits,) = run_steps(load(model.safetensors(), kernels), [tokens(75)], MODES[mode])
    assert_close(logits, model.logits(tokens(75)))


@pytest.mark.parametrize("name", ["llama", "mistral", "qwen2", "mixtral"])
def test_sequences_do_not_disturb_each_other(name, tiny, kernels, assert_close):
    model = tiny(name)
    sequences = [tokens(70, seed=1), tokens(33, seed=2), tokens(9, seed=3)]
    steps = [[40, 1, 0], [29, 31, 5], [1, 0, 1], [0, 1, 3]]
    for sequence, logits in zip(sequences, run_steps(load(model.gguf(), kernels), sequences, steps), strict=True):
        assert_close(logits, model.logits(sequence))


@pytest.mark.parametrize("name", ["llama", "llama-tied", "mistral", "qwen2", "mixtral"])
def test_the_last_hidden_states_are_those_of_transformers(name, tiny, kernels, assert_close):
    model = load(tiny(name).safetensors(), kernels)
    run_steps(model, [tokens(75)], [[60], [15]])
    assert_close(model.final_states(), tiny(name).final_states(tokens(75))[60:])
    run_steps(model, [tokens(40, seed=4), tokens(5, seed=5)])
    parts = [tiny(name).final_states(tokens(40, seed=4)), tiny(name).final_states(tokens(5, seed=5))]
    assert_close(model.final_states(), np.concatenate(parts))


def test_ministral_3_stops_where_its_attention_would_change(tiny, kernels):
    assert load(tiny("ministral3").gguf(), kernels).context_length == 80
