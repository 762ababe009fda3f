"""Memory for weights: zeroed, on cache lines, apart from one another."""

from __future__ import annotations

import numpy as np
import pytest

from galerne.errors import MemoryFull
from galerne.kernels.native import memory
from galerne.kernels.native.memory import LINE, WeightMemory, aligned, large


def test_pieces_start_on_cache_lines_and_do_not_overlap(monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 4096)
    room = WeightMemory()
    sizes = (1, 64, 1000, 4096, 3, 5000, 63, 2000)
    pieces = [room.aligned(size, np.uint8) for size in sizes]
    for number, piece in enumerate(pieces, start=1):
        assert piece.ctypes.data % LINE == 0
        assert not piece.any()
        piece[:] = number
    assert [set(piece.tolist()) for piece in pieces] == [{number} for number in range(1, len(sizes) + 1)]


def test_small_pieces_share_a_chunk():
    room = WeightMemory()
    first, second = (room.aligned(100, np.float16) for _ in range(2))
    assert second.ctypes.data - first.ctypes.data == 256
    assert (first.dtype, first.size) == (np.float16, 100)


def test_aligned_numbers_are_zero():
    assert not aligned(33, np.float32).any()
    assert aligned(33, np.float32).ctypes.data % LINE == 0


def test_what_the_machine_does_not_have_is_refused():
    with pytest.raises(MemoryFull, match=r"\d+ MiB of memory cannot be had: .* \(kv_cache_mb\)"):
        large(1 << 50)
