"""Counters of energy: read where they are, followed when they wrap, quietly not there where they are not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from galerne.backends.joules import open_joules, open_nvml, open_powercap

RANGE = 1_000_000


class Tree:
    """A powercap tree as the kernel shows it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def zone(self, place: str, name: str, microjoules: int) -> None:
        folder = self.root / f"intel-rapl:{place}"
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{RANGE - 1}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    for place, name in (("0", "package-0"), ("0:0", "core"), ("0:1", "dram"), ("1", "package-1"), ("2", "psys")):
        tree.zone(place, name, 900_000)
    return tree


def test_packages_and_memory_are_summed_and_their_parts_are_not(tree: Tree) -> None:
    joules = open_powercap(tree.root)
    assert joules is not None
    assert joules() == 0
    for place, name, more in (("0", "package-0", 50), ("0:0", "core", 7), ("0:1", "dram", 5), ("2", "psys", 99)):
        tree.zone(place, name, 900_000 + more * 1000)
    assert joules() == pytest.approx(0.055)


def test_a_counter_that_wraps_is_followed(tree: Tree) -> None:
    joules = open_powercap(tree.root)
    assert joules is not None
    for microjoules, total in ((999_999, 0.099999), (0, 0.1), (500_000, 0.6), (400_000, 1.5)):
        tree.zone("1", "package-1", microjoules)
        assert joules() == pytest.approx(total)


def test_what_is_not_there_or_not_readable_is_no_counter(tree: Tree, tmp_path: Path) -> None:
    assert open_powercap(tmp_path / "nothing") is None
    (tree.root / "intel-rapl:1" / "energy_uj").write_text("no number\n")
    assert open_powercap(tree.root) is None
    (tree.root / "intel-rapl:1" / "energy_uj").unlink()
    assert open_powercap(tree.root) is None


def test_a_counter_that_cannot_be_read_any_longer_is_unknown_and_not_nothing(tree: Tree) -> None:
    joules = open_powercap(tree.root)
    assert joules is not None
    (tree.root / "intel-rapl:0" / "energy_uj").write_text("")
    assert joules() is None


class Nvml(ModuleType):
    """Nvidia's library, on a machine with some cards."""

    class NVMLError(Exception):
        pass

    def __init__(self, *millijoules: int | None) -> None:
        super().__init__("pynvml")
        self.millijoules = list(millijoules)

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.millijoules:
            raise self.NVMLError("no driver")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.millijoules)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        counted = self.millijoules[handle]
        if counted is None:
            raise self.NVMLError("not supported")
        return counted


def test_cards_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml(1_000, 500)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    joules = open_nvml()
    assert joules is not None
    assert joules() == 1.5
    nvml.millijoules = [2_000, None]
    assert joules() is None


@pytest.mark.parametrize("nvml", [Nvml(), Nvml(1_000, None), None])
def test_without_a_driver_or_a_counter_there_is_none(monkeypatch: pytest.MonkeyPatch, nvml: Nvml | None) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert open_nvml() is None


def test_what_shall_be_measured_is_measured_as_a_whole_or_not_at_all(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    assert open_joules("none", tree.root) is None
    assert open_joules("cpu", tree.root) is not None
    assert open_joules("cpu+gpu", tree.root) is None
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(3_000))
    both = open_joules("cpu+gpu", tree.root)
    assert both is not None
    assert both() == 3.0
    assert open_joules("cpu+gpu", tmp_path / "nothing") is None
