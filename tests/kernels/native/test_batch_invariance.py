"""A row's bits are the same alone, in any batch, and however its sequence was cut: what lets an answer be replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.kernels.native.inputs import RANDOM, floats, weights

from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import Attention, CacheShape, Rope

HEADS, KV_HEADS, HEAD_DIM = 3, 1, 32
WIDTH, INNER, VOCABULARY = 64, 96, 50
BLOCKS = 96
PAST = 530
"""Of the long sequence: more than one chunk of attention."""

LENGTHS = {"long": PAST + 12, "short": 60, "other": 41}
PROMPTS = {"long": PAST, "short": 33, "other": 1}

Tokens = Mapping[str, NDArray[np.int32]]


def decoder(kernels):
    """Two layers with everything that an architecture may ask for."""
    widths = [HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM]
    table = kernels.matrix([weights(VOCABULARY, WIDTH, "Q8_0")])
    qkv = [kernels.matrix([weights(sum(widths), WIDTH, kind)]) for kind in ("Q4_0", "Q5_1")]
    bias = floats(sum(widths))
    back = [kernels.matrix([weights(WIDTH, widths[0], kind)]) for kind in ("Q4_1", "Q4_0")]
    networks = [
        (kernels.matrix([weights(2 * INNER, WIDTH, kind)]), kernels.matrix([weights(WIDTH, INNER, "Q4_0")]))
        for kind in ("F16", "Q4_1", "Q4_0")
    ]
    norm, router = floats(WIDTH), floats(4, WIDTH)
    experts = [
        [kernels.matrix([weights(*shape, "Q4_0")]) for _ in router] for shape in ((2 * INNER, WIDTH), (WIDTH, INNER))
    ]
    rope = Rope(RANDOM.uniform(1e-3, 1, 16).astype(np.float32), 1.0, interleaved=False)
    windows = (None, 100)

    def forward(ops):
        x = ops.embed(table)
        for layer, window in enumerate(windows):
            q, k, v = ops.split(ops.linear(ops.rms_norm(x, norm, 1e-5), qkv[layer], bias=bias), widths)
            shape = Attention(layer, HEADS, KV_HEADS, HEAD_DIM, 0.25, window)
            last = layer == len(windows) - 1
            attended = ops.attention(ops.rope(q, HEADS, rope), ops.rope(k, KV_HEADS, rope), v, shape, outputs=last)
            if last:
                x, attended = ops.outputs(x), ops.outputs(attended)
            x = ops.linear(attended, back[layer], add=x)
        for gate_up, down in networks:
            x = ops.linear(ops.swiglu(ops.linear(ops.rms_norm(x, norm, 1e-5), gate_up)), down, add=x)
        x = ops.mixture(ops.rms_norm(x, norm, 1e-5), router, *experts, used=2, add=x)
        return ops.linear(ops.rms_norm(x, norm, 1e-5), table)

    return forward


class Player:
    """Plays sequences in steps; a step says how many rows of which sequence it computes, answers first."""

    def __init__(self, program, tokens: Tokens, seed: int) -> None:
        self.program, self.tokens = program, tokens
        scattered = np.random.default_rng(seed).permutation(BLOCKS).astype(np.int32)
        sizes = np.cumsum([-(-length // BLOCK) for length in LENGTHS.values()])
        self.tables = dict(zip(LENGTHS, np.split(scattered, sizes)[:-1], strict=True))
        self.done = dict.fromkeys(LENGTHS, 0)
        self.rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in LENGTHS}

    def step(self, *, outputs: Sequence[int] | None = None, **counts: int) -> None:
        """`outputs`: the rows whose logits are wanted, if not all."""
        names = sorted(counts, key=lambda name: self.done[name] < PROMPTS[name])
        spans = {name: range(self.done[name], self.done[name] + counts[name]) for name in names}
        longest = max(len(self.tables[name]) for name in names)
        starts = np.cumsum([0, *(len(span) for span in spans.values())])
        batch = Batch(
            tokens=np.concatenate([self.tokens[name][list(span)] for name, span in spans.items()]),
            positions=np.concatenate([np.array(span, np.int32) for span in spans.values()]),
            starts=starts.astype(np.int32),
            lengths=np.array([span.stop for span in spans.values()], np.int32),
            blocks=np.stack([np.pad(self.tables[name], (0, longest - len(self.tables[name]))) for name in names]),
            outputs=np.array(range(starts[-1]) if outputs is None else outputs, np.int32),
            answers=sum(len(span) for name, span in spans.items() if span.start >= PROMPTS[name]),
        )
        for name, rows in zip(names, np.split(self.program(batch).copy(), starts[1:-1]), strict=True):
            self.done[name] += counts[name]
            self.rows[name].append(rows)

    def result(self, name: str) -> NDArray[np.float32]:
        return np.concatenate(self.rows[name])


@pytest.fixture
def program(caching_kernels):
    return caching_kernels.program(decoder(caching_kernels), CacheShape(2, BLOCKS, KV_HEADS, HEAD_DIM), max_rows=640)


@pytest.fixture
def tokens() -> Tokens:
    return {name: RANDOM.integers(0, VOCABULARY, length).astype(np.int32) for name, length in LENGTHS.items()}


@pytest.fixture
def alone(program, tokens) -> dict[str, NDArray[np.float32]]:
    """Each sequence by itself: its prompt in one piece, then a token a step."""
    player = Player(program, tokens, seed=1)
    for name, length in LENGTHS.items():
        player.step(**{name: PROMPTS[name]})
        for _ in range(PROMPTS[name], length):
            player.step(**{name: 1})
    return {name: player.result(name) for name in LENGTHS}


SCHEDULES: dict[str, Sequence[Mapping[str, int]]] = {
    "in pieces": [
        *({"long": count} for count in (1, 2, 29, 31, 1, 180, 16, 15, 255)),
        {"long": 12},
        *({"short": count} for count in (7, 8, 18, 2, 25)),
        {"other": 1},
        {"other": 40},
    ],
    "side by side": [
        {"other": 1, "short": 33, "long": PAST},
        {"other": 40, "short": 27, "long": 12},
    ],
    "a prompt beside answers": [
        {"other": 1, "long": 200},
        {"other": 1, "long": 100},
        {"other": 1, "short": 33},
        {"other": 1, "short": 1, "long": 230},
        {"other": 6, "long": 4},
        {"short": 5, "long": 1},
        {"long": 7, "other": 31, "short": 21},
    ],
}


def test_rows_do_not_depend_on_the_batch(program, tokens, alone):
    for schedule, steps in SCHEDULES.items():
        player = Player(program, tokens, seed=2)
        for step in steps:
            player.step(**step)
        assert player.done == LENGTHS
        for name, expected in alone.items():
            assert np.isfinite(expected).all()
            assert np.array_equal(player.result(name), expected), (schedule, name)


def test_wanted_rows_do_not_depend_on_what_else_is_wanted(program, tokens, alone):
    for outputs in ([], [0], [PAST - 1], [0, 40, 41, 300], [3, *range(100, 400)]):
        player = Player(program, tokens, seed=3)
        player.step(long=PAST, outputs=outputs)
        assert np.array_equal(player.result("long"), alone["long"][outputs])
        player.step(long=12)
        assert np.array_equal(player.rows["long"][-1], alone["long"][PAST:])
