"""The hook of a grammar: which tokens may come next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_ADDED = np.array([-np.inf, 0], np.float32)


class TokenMask(Protocol):
    """The state of one answer's grammar. The sampler asks it before each token and tells it each token it chose."""

    def allowed(self) -> NDArray[np.int32]:
        """[ceil(vocabulary / 32)] token t may come next when bit t % 32 of word t // 32 is set."""

    def advance(self, token: int) -> None:
        """`token` was chosen. A stop token that ends the answer is told as well."""


CompileGrammar = Callable[[str], TokenMask]
"""The mask of a grammar (`GenerationRequest.grammar`). May take a second: the engine calls it in a thread beside its
steps. Raises `BadGrammar`."""


def forbid(logits: NDArray[np.float32], allowed: NDArray[np.int32]) -> None:
    """Put the logits [vocabulary] of every token that is not allowed at minus infinity, in place."""
    bits = np.unpackbits(allowed.view(np.uint8), count=logits.size, bitorder="little")
    logits += np.take(_ADDED, bits)
