"""The fast kernels: generated from Python through LLVM for the CPU they run on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from galerne.errors import SettingsError
from galerne.kernels.interface import CacheShape, CacheType, Operations, Value
from galerne.kernels.native.cache import CacheLayout, Storage, storage_for
from galerne.kernels.native.cpu import host_cpu, host_features, usable_threads
from galerne.kernels.native.levels import LEVELS, Level, tuned, usable_levels
from galerne.kernels.native.library import Library, load_library
from galerne.kernels.native.memory import WeightMemory
from galerne.kernels.native.pack import PackedMatrix, pack_stack
from galerne.kernels.native.program import NativeProgram
from galerne.kernels.native.team import Team
from galerne.weights.tensor import Tensor


class NativeKernels:
    """Fills `Kernels` for one instruction level and way of keeping the cache, on so many threads."""

    def __init__(self, level: Level, storage: Storage, library: Library, threads: int) -> None:
        self.level = f"{level.name}+{storage.name}" if storage.value_scales else level.name
        self._level, self._storage = level, storage
        self._team = Team(library, threads)
        self._memory = WeightMemory()

    def matrix(self, parts: Sequence[Tensor]) -> list[PackedMatrix]:
        return pack_stack(parts, self._memory.aligned)

    def cache_bytes(self, shape: CacheShape) -> int:
        return CacheLayout(shape, self._storage).total

    def program(self, forward: Callable[[Operations], Value], cache: CacheShape, max_rows: int) -> NativeProgram:
        return NativeProgram(forward, CacheLayout(cache, self._storage), max_rows, self._level, self._team)


def native_kernels(
    name: str,
    threads: int,
    folder: Path,
    announce: Callable[[str], None] = lambda _: None,
    *,
    cache: CacheType = "float16",
) -> NativeKernels:
    """The kernels of the level `name` ("auto": the best one). Raises `SettingsError` when this CPU cannot run it."""
    usable = {each.name: each for each in usable_levels(host_features())}
    if name == "auto":
        name = next(iter(usable))
    if name not in usable:
        raise SettingsError(
            f"this CPU cannot run {name!r}.", where="kernels", hint=f"It can run {', '.join(usable)}, reference."
        )
    level, storage = tuned(usable[name], host_cpu()), storage_for(cache, usable[name])
    return NativeKernels(level, storage, load_library(level, storage, folder, announce), usable_threads(threads))


__all__ = ["LEVELS", "NativeKernels", "native_kernels"]
