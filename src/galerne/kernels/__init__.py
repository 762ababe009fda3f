"""The arithmetic of the models: `open_kernels` gives the way of doing it that suits this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from galerne.errors import SettingsError
from galerne.kernels.interface import CacheType, Kernels
from galerne.kernels.reference import ReferenceKernels


def open_kernels(
    name: str,
    threads: int,
    folder: Path,
    announce: Callable[[str], None] = lambda _: None,
    *,
    cache: CacheType = "float16",
) -> Kernels:
    """The kernels called `name`: "auto" for the fastest that this CPU can run, an instruction level, or "reference".

    `threads` is how many threads they use (0: one per usable CPU), `folder` where compiled code is kept; `announce`
    gets a line when something is compiled first; `cache` is how keys and values are kept. Raises `SettingsError` for a
    name that does not exist or that this CPU cannot run.
    """
    if name == "reference":
        return ReferenceKernels(cache)
    from galerne.kernels.native import LEVELS, native_kernels  # LLVM is loaded only where it is used

    if name != "auto" and name not in LEVELS:
        known = ", ".join(("auto", *LEVELS, "reference"))
        raise SettingsError(f"there are no kernels called {name!r}.", where="kernels", hint=f"There are {known}.")
    return native_kernels(name, threads, folder, announce, cache=cache)
