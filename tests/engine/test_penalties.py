from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import RepetitionPenaltyLogitsProcessor

from galerne.engine.penalties import Penalties
from galerne.engine.request import GenerationRequest, Sampling

tokens = st.lists(st.integers(0, 19), min_size=1, max_size=30)


def penalised(sampling: Sampling, prompt: list[int], answer: list[int]) -> np.ndarray:
    penalties = Penalties.of(GenerationRequest("a", tuple(prompt), 100, sampling))
    logits = np.linspace(-3, 3, 20, dtype=np.float32)
    if penalties is not None:
        for token in answer:
            penalties.count(token)
        penalties.apply(logits)
    return logits


@given(tokens, tokens, st.sampled_from([0.5, 1.0, 1.2, 3.0]))
def test_repetition_agrees_with_transformers(prompt: list[int], answer: list[int], penalty: float) -> None:
    ours = penalised(Sampling(repetition_penalty=penalty), prompt, answer)
    seen = torch.tensor([prompt + answer])
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(seen, torch.linspace(-3, 3, 20)[None])
    np.testing.assert_allclose(ours, theirs[0].numpy(), rtol=1e-6)


@given(tokens, tokens, st.floats(-2, 2), st.floats(-2, 2))
def test_presence_and_frequency_count_the_answer_alone(
    prompt: list[int], answer: list[int], presence: float, frequency: float
) -> None:
    ours = penalised(Sampling(presence_penalty=presence, frequency_penalty=frequency), prompt, answer)
    expected = np.linspace(-3, 3, 20)
    for token in range(20):
        expected[token] -= frequency * answer.count(token) + presence * (token in answer)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_repetition_comes_before_presence_and_frequency() -> None:
    sampling = Sampling(repetition_penalty=2, presence_penalty=1, frequency_penalty=0.5)
    assert penalised(sampling, [19], [19, 19])[19] == 3 / 2 - 1 - 2 * 0.5


def test_neutral_penalties_are_none() -> None:
    assert Penalties.of(GenerationRequest("a", (1,), 1, Sampling())) is None
