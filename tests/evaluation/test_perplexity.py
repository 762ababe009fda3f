from __future__ import annotations

from math import exp

import numpy as np
import pytest
import torch
from tests.models.tiny import CONFIGS, Tiny, random_model

from galerne import models
from galerne.errors import BadFile, InvalidRequest, SettingsError
from galerne.evaluation.perplexity import measure_perplexity
from galerne.kernels.reference import ReferenceKernels
from galerne.weights import open_checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(random_model(CONFIGS["mistral"]()), tmp_path_factory.mktemp("mistral"))


def load(tiny, blocks=16, max_rows=512):
    return models.load(open_checkpoint(tiny.gguf()), ReferenceKernels(), blocks, max_rows)


def tokens(count):
    return np.random.default_rng(3).integers(0, 160, count).tolist()


def torch_nll(tiny, tokens, context):
    """The sum of the losses that transformers itself computes, window by window."""
    total = 0.0
    for first in range(0, len(tokens), context):
        window = torch.tensor([tokens[first : first + context]])
        if window.shape[1] > 1:
            with torch.no_grad():
                total += tiny.torch_model(window, labels=window).loss.item() * (window.shape[1] - 1)
    return total


@pytest.mark.parametrize(
    ("count", "context", "scored"),
    [
        (100, 25, 96),  # whole windows
        (110, 25, 105),  # a shorter one at the end
        (101, 25, 96),  # one token at the end has nothing before it
        (20, 25, 19),  # shorter than one window
        (128, 128, 127),
        (9, 2, 4),
    ],
)
@pytest.mark.parametrize(("blocks", "max_rows"), [(16, 512), (4, 512), (16, 60), (4, 7)])
def test_windows_are_scored_from_their_second_token(tiny, count, context, scored, blocks, max_rows):
    *_, result = measure_perplexity(load(tiny, blocks, max_rows), tokens(count), context)
    assert result.tokens == scored
    assert result.nll == pytest.approx(torch_nll(tiny, tokens(count), context), rel=1e-4)
    assert result.perplexity == pytest.approx(exp(result.nll / scored))


def test_what_was_measured_so_far_is_given_at_once(tiny):
    results = list(measure_perplexity(load(tiny, max_rows=50), tokens(250), 25))
    assert [result.tokens for result in results] == [48, 96, 144, 192, 240]


def test_a_model_that_knows_nothing_is_as_surprised_as_a_die(tiny):
    model = load(tiny)
    model.forward = lambda batch: np.zeros((len(batch.outputs), 160), np.float32)
    *_, result = measure_perplexity(model, tokens(100), 25)
    assert result.perplexity == pytest.approx(160)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_model_that_computes_nonsense_is_refused(tiny, value):
    model = load(tiny)
    model.forward = lambda batch: np.tile(np.array([value, *[-value] * 159], np.float32), (len(batch.outputs), 1))
    with pytest.raises(BadFile, match="not finite"):
        list(measure_perplexity(model, [1] * 30, 25))


@pytest.mark.parametrize("text", [[], [5]])
def test_a_text_without_a_second_token(tiny, text):
    with pytest.raises(InvalidRequest, match="fewer than two tokens"):
        list(measure_perplexity(load(tiny), text, 25))


@pytest.mark.parametrize("context", [-5, 0, 1, 129])
def test_a_context_that_the_model_does_not_have(tiny, context):
    with pytest.raises(InvalidRequest, match="from 2 to 128"):
        list(measure_perplexity(load(tiny), tokens(30), context))


def test_a_cache_that_is_too_small(tiny):
    with pytest.raises(SettingsError, match="kv_cache_mb"):
        list(measure_perplexity(load(tiny, blocks=1), tokens(64), 64))
