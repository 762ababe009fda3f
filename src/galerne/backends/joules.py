"""Counters of energy that the machine has: of its processors (RAPL through powercap), of its graphics cards (NVML).

Both count since some time ago, for a whole package or card. What a span of time took is the difference of two readings.

Sources: https://docs.kernel.org/power/powercap/powercap.html,
https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

POWERCAP = Path("/sys/class/powercap")

Joules = Callable[[], float | None]
"""Joules since some time ago; None when that cannot be read any longer."""

Sources = Literal["cpu", "cpu+gpu", "none"]


def open_joules(sources: Sources, powercap: Path = POWERCAP) -> Joules | None:
    """What counts the energy of these parts of the machine; None unless each of them can be read."""
    if sources == "none":
        return None
    counters: list[Joules | None] = [open_powercap(powercap)]
    if sources == "cpu+gpu":
        counters.append(open_nvml())
    known = [counter for counter in counters if counter is not None]
    return _Sum(known) if len(known) == len(counters) else None


def open_powercap(root: Path = POWERCAP) -> Joules | None:
    """The processors' packages and their memory; None where there are none, or only the superuser may read them."""
    try:
        zones = [_Zone(path) for path in sorted(root.glob("intel-rapl:*")) if _counts((path / "name").read_text())]
        return _Sum([zone.joules for zone in zones]) if zones else None
    except (OSError, ValueError):
        return None


def open_nvml() -> Joules | None:
    """All graphics cards; None where there are none, no driver, or one that does not count."""
    try:
        import pynvml

        pynvml.nvmlInit()
        cards = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        counters = [_card(pynvml, card) for card in cards]
    except (ImportError, OSError):
        return None
    except pynvml.NVMLError:
        return None
    total = _Sum(counters)
    return total if counters and total() is not None else None


class _Sum:
    def __init__(self, counters: Iterable[Joules]) -> None:
        self._counters = list(counters)

    def __call__(self) -> float | None:
        total = 0.0
        for counter in self._counters:
            joules = counter()
            if joules is None:
                return None
            total += joules
        return total


class _Zone:
    """One of powercap's counters, in microjoules, which begins at 0 again behind its range."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`, `ValueError`."""
        self._range = int((path / "max_energy_range_uj").read_text()) + 1
        self._file = os.open(path / "energy_uj", os.O_RDONLY)
        self._last = self._read()
        self._total = 0

    def joules(self) -> float | None:
        try:
            now = self._read()
        except (OSError, ValueError):
            return None
        self._total += (now - self._last) % self._range
        self._last = now
        return self._total / 1e6

    def _read(self) -> int:
        return int(os.pread(self._file, 32, 0))


def _counts(name: str) -> bool:
    """A package, or its memory. What else there is is a part of a package, or (psys) the sum of everything."""
    return name.startswith("package") or name.strip() == "dram"


def _card(nvml: Any, handle: Any) -> Joules:
    def joules() -> float | None:
        try:
            return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
        except nvml.NVMLError:
            return None

    return joules
