"""The fast kernels: generated from Python through LLVM for the CPU they run on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from galerne.errors import SettingsError
from galerne.kernels.interface import CacheShape, Operations, Value
from galerne.kernels.native.cache import CacheLayout
from galerne.kernels.native.cpu import host_features, usable_threads
from galerne.kernels.native.levels import LEVELS, Level, usable_levels
from galerne.kernels.native.library import Library, load_library
from galerne.kernels.native.pack import PackedMatrix, pack_stack
from galerne.kernels.native.program import NativeProgram
from galerne.kernels.native.team import Team
from galerne.weights.tensor import Tensor


class NativeKernels:
    """Fills `Kernels` for one instruction level, on so many threads."""

    def __init__(self, level: Level, library: Library, threads: int) -> None:
        self.level = level.name
        self._level = level
        self._team = Team(library, threads)

    def matrix(self, parts: Sequence[Tensor]) -> list[PackedMatrix]:
        return pack_stack(parts)

    def cache_bytes(self, shape: CacheShape) -> int:
        return CacheLayout(shape, self._level.tiles).total

    def program(self, forward: Callable[[Operations], Value], cache: CacheShape, max_rows: int) -> NativeProgram:
        return NativeProgram(forward, cache, max_rows, self._level, self._team)


def native_kernels(
    level: str, threads: int, folder: Path, announce: Callable[[str], None] = lambda _: None
) -> NativeKernels:
    """The kernels of `level` ("auto": the best that this CPU runs). Raises `SettingsError` when the CPU cannot."""
    usable = {each.name: each for each in usable_levels(host_features())}
    if level == "auto":
        level = next(iter(usable))
    if level not in usable:
        raise SettingsError(
            f"this CPU cannot run {level!r}.", where="kernels", hint=f"It can run {', '.join(usable)}, reference."
        )
    return NativeKernels(usable[level], load_library(usable[level], folder, announce), usable_threads(threads))


__all__ = ["LEVELS", "NativeKernels", "native_kernels"]
