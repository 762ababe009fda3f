"""How much energy an answer took, and how that is known. `docs/energy.md` explains the method and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

JOULES_PER_KWH = 3_600_000


class Method(StrEnum):
    MEASURED = "measured"  # by the machine's own counters, shared out by the engine's steps
    ESTIMATED = "estimated"  # from CPU time and a stated power, with a range
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Power:
    """Watts that one busy core takes, its share of memory and the rest of the machine included. From the settings."""

    watts: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Grid:
    """What the electricity's making gave off. From the settings."""

    grams_per_kwh: float  # of CO2 equivalents
    year: int
    source: str


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of one answer. What is not known is None, never 0."""

    method: Method
    joules: float | None = None
    least: float | None = None  # of an estimate
    most: float | None = None
    grams_co2: float | None = None
    grid: Grid | None = None

    def document(self) -> dict[str, Any]:
        """For a receipt, in millijoules and micrograms: integers, as canonical JSON likes them."""
        return {
            "method": self.method.value,
            "millijoules": _thousandths(self.joules),
            "millijoules_least": _thousandths(self.least),
            "millijoules_most": _thousandths(self.most),
            "co2_micrograms": None if self.grams_co2 is None else round(self.grams_co2 * 1_000_000),
            "grid": None
            if self.grid is None
            else {
                "grams_per_kwh": str(self.grid.grams_per_kwh),
                "year": self.grid.year,
                "source": self.grid.source,
            },
        }


def energy_of(joules: float | None, cpu_seconds: float | None, power: Power | None, grid: Grid | None) -> Energy:
    """What is known: `joules` when the machine measured them, else an estimate from `cpu_seconds`, else nothing."""
    if joules is not None:
        return Energy(Method.MEASURED, joules, grams_co2=_grams(joules, grid), grid=grid)
    if cpu_seconds is not None and power is not None:
        estimate = cpu_seconds * power.watts
        return Energy(
            Method.ESTIMATED,
            estimate,
            cpu_seconds * power.least,
            cpu_seconds * power.most,
            grams_co2=_grams(estimate, grid),
            grid=grid,
        )
    return Energy(Method.UNKNOWN)


def _grams(joules: float, grid: Grid | None) -> float | None:
    return None if grid is None else joules / JOULES_PER_KWH * grid.grams_per_kwh


def _thousandths(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)
