"""The hook of a grammar: which tokens may come next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_MINUS_INFINITY = np.float32(-np.inf).view(np.int32)
"""Its bits."""


class TokenMask(Protocol):
    """The state of one answer's grammar. The sampler asks it before each token and tells it each token it chose."""

    def allowed(self) -> NDArray[np.int32]:
        """[ceil(vocabulary / 32)] token t may come next when bit t % 32 of word t // 32 is set."""

    def permits(self, token: int) -> bool:
        """Whether this token may come next, said much more quickly. A no may be wrong."""

    def advance(self, token: int) -> None:
        """`token` was chosen. A stop token that ends the answer is told as well."""


CompileGrammar = Callable[[str], TokenMask]
"""The mask of a grammar (`GenerationRequest.grammar`). May take a second: the engine calls it in a thread beside its
steps. Raises `BadGrammar`."""


def forbid(logits: NDArray[np.float32], allowed: NDArray[np.int32]) -> None:
    """Put the logits [vocabulary] of every token that is not allowed at minus infinity, in place."""
    bits = np.unpackbits(allowed.view(np.uint8), count=logits.size, bitorder="little")
    added = bits.astype(np.int32)  # 1 becomes 0, and 0 minus infinity: arithmetic is quicker than any choice
    added -= 1
    added &= _MINUS_INFINITY
    logits += added.view(np.float32)
