"""The arithmetic of the models: `open_kernels` gives the way of doing it that suits this machine."""

from __future__ import annotations

from pathlib import Path

from galerne.errors import SettingsError
from galerne.kernels.interface import Kernels
from galerne.kernels.reference import ReferenceKernels


def open_kernels(name: str, threads: int, folder: Path) -> Kernels:  # noqa: ARG001 - numpy has threads of its own
    """The kernels called `name` ("auto": the fastest that this CPU can run).

    `threads` is how many threads they use (0: one per usable CPU), `folder` where compiled code is kept.
    Raises `SettingsError` for a name that does not exist.
    """
    if name in ("auto", "reference"):
        return ReferenceKernels()
    raise SettingsError(f"there are no kernels called {name!r}.", where="kernels", hint="Use auto or reference.")
