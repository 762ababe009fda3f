from __future__ import annotations

import numpy as np
import pytest
import torch

from galerne.engine.logprobs import logprobs


@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_log_probabilities_agree_with_torch(count: int) -> None:
    logits = np.random.Generator(np.random.Philox(2)).standard_normal(100, np.float32) * 4 + 50
    expected = torch.log_softmax(torch.from_numpy(logits).double(), 0)
    own, top = logprobs(logits, 17, count)
    assert own == pytest.approx(float(expected[17]), abs=1e-5)
    values, tokens = torch.topk(expected, count)
    assert [token for token, _ in top] == tokens.tolist()
    assert [value for _, value in top] == pytest.approx(values.tolist(), abs=1e-5)


def test_of_equal_tokens_the_lowest_ids_come_first() -> None:
    _, top = logprobs(np.array([0, 2, 1, 2, 1], np.float32), 0, 3)
    assert [token for token, _ in top] == [1, 3, 2]
