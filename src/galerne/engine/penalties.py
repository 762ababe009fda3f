"""Penalties of tokens that were there before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from galerne.engine.request import GenerationRequest


class Penalties:
    """Repetition (Keskar et al., CTRL, arXiv:1909.05858) for prompt and answer; presence and frequency for the answer.

    Keeps the tokens seen so far as arrays, so that a step costs the tokens seen and not the vocabulary.
    """

    def __init__(self, request: GenerationRequest) -> None:
        sampling = request.sampling
        self._repetition = np.float32(sampling.repetition_penalty)
        self._presence = np.float32(sampling.presence_penalty)
        self._frequency = np.float32(sampling.frequency_penalty)
        seen = dict.fromkeys(request.prompt) if sampling.repetition_penalty != 1 else {}
        self._places = {token: place for place, token in enumerate(seen)}
        most = len(seen) + request.max_tokens
        self._tokens = np.zeros(most, np.int32)
        self._tokens[: len(seen)] = list(seen)
        self._counts = np.zeros(most, np.float32)  # in the answer

    @classmethod
    def of(cls, request: GenerationRequest) -> Penalties | None:
        """None when all of them are neutral."""
        sampling = request.sampling
        neutral = (sampling.repetition_penalty, sampling.presence_penalty, sampling.frequency_penalty) == (1, 0, 0)
        return None if neutral else cls(request)

    def count(self, token: int) -> None:
        """The token was added to the answer."""
        place = self._places.setdefault(token, len(self._places))
        self._tokens[place] = token
        self._counts[place] += 1

    def apply(self, logits: NDArray[np.float32]) -> None:
        """Change the logits [vocabulary] of the tokens seen, in place."""
        seen = len(self._places)
        tokens, counts = self._tokens[:seen], self._counts[:seen]
        values = logits[tokens]
        if self._repetition != 1:
            values = np.where(values > 0, values / self._repetition, values * self._repetition)
        logits[tokens] = values - self._frequency * counts - self._presence * (counts > 0)
