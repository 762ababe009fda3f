from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from benchmarks.engines.worker import Run
from benchmarks.measure import FIGURES, Result

from benchmarks import comparison


def result(name: str, seconds: float, cpu_seconds: float) -> Result:
    runs = {figure.name: [Run(1000, seconds * factor, cpu_seconds) for factor in (0.1, 1, 9)] for figure in FIGURES}
    return Result(name, "Q4_0", "1.0", runs)


def test_the_engines_stand_beside_one_another(tmp_path: Path) -> None:
    broken = Result("Broken", "as shipped", "2.0", failure="ended by SIGSEGV")
    results = [result("Ours", 1, 1), result("Theirs", 2, 4), broken]
    lines = comparison.lines(results, tmp_path / "engines.svg", ["`how to install`"])
    assert "| Ours 1.0 | Q4_0 | 1,000 | 1,000 | 1,000 | 1,000 |" in lines
    assert "| Theirs 1.0 | Q4_0 | 4.00 | 4.00 | 4.00 | 4.00 |" in lines
    assert "| Broken 2.0 | as shipped | - | - | - | - |" in lines
    assert "| prefill 512 | 2.00x | 0.25x |" in lines
    assert "\nBroken (as shipped) stopped: ended by SIGSEGV." in lines
    assert "\nNot measured: `how to install`" in lines
    assert (tmp_path / "engines.svg").exists()


def test_the_plot_names_every_engine_and_is_the_same_each_time(tmp_path: Path) -> None:
    results = [result("Ours", 1, 1), result("Theirs", 2, 4)]
    drawings = []
    for name in ("a.svg", "b.svg"):
        comparison.draw(tmp_path / name, results)
        drawings.append((tmp_path / name).read_text())
    assert drawings[0] == drawings[1]
    words = {"".join(element.itertext()).strip() for element in ElementTree.fromstring(drawings[0]).iter()}
    assert {"Ours (Q4_0)", "Theirs (Q4_0)", "prefill 512", "1,000", "500"} <= words
