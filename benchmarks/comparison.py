"""The engines beside one another: tables, ratios and a plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import FIGURES, Result
from benchmarks.report import table


def lines(results: Sequence[Result], plot: Path, missing: Sequence[str]) -> list[str]:
    """What the document says of them. The plot is drawn into a file beside it."""
    draw(plot, results)
    return [
        *_figures("tokens/s", results, Result.speed, "{:,.0f}"),
        "",
        *_figures("CPU-ms/token", results, lambda result, figure: (result.cpu(figure) or 0) * 1000 or None, "{:.2f}"),
        "",
        *ratios(results),
        "",
        f"![Tokens per second of each engine]({plot.name})",
        *(f"\n{result.name} ({result.weights}) stopped: {result.failure}." for result in results if result.failure),
        *(f"\nNot measured: {line}" for line in missing),
    ]


def _figures(
    unit: str, results: Sequence[Result], value: Callable[[Result, str], float | None], form: str
) -> list[str]:
    rows = []
    for result in results:
        cells = [value(result, figure.name) for figure in FIGURES]
        shown = ["-" if cell is None else form.format(cell) for cell in cells]
        rows.append([f"{result.name} {result.version}", result.weights, *shown])
    return table([unit, "weights", *(figure.title for figure in FIGURES)], rows, words=2)


def ratios(results: Sequence[Result]) -> list[str]:
    """The first engine beside the best of the others, for each figure."""
    ours, *others = results
    rows = []
    for figure in FIGURES:
        speed, cpu = ours.speed(figure.name), ours.cpu(figure.name)
        speeds = [other for result in others if (other := result.speed(figure.name)) is not None]
        costs = [other for result in others if (other := result.cpu(figure.name)) is not None]
        if speed is not None and cpu is not None and speeds:
            rows.append([figure.title, f"{speed / max(speeds):.2f}x", f"{cpu / min(costs):.2f}x"])
    return table(["Galerne beside the best of the others", "speed", "CPU time of a token"], rows)


def draw(path: Path, results: Sequence[Result]) -> None:
    """A bar for each engine, a panel for each figure; the first engine stands out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "galerne", "font.size": 8.0}):
        drawing = Figure(figsize=(9, 0.6 + 0.3 * len(results)), layout="constrained")
        names = [f"{result.name} ({result.weights})" for result in results]
        for panel, figure in zip(drawing.subplots(1, len(FIGURES), sharey=True), FIGURES, strict=True):
            bars = panel.barh(
                names,
                [result.speed(figure.name) or 0 for result in results],
                color=["#c2410c", *["#94a3b8"] * (len(results) - 1)],
            )
            panel.bar_label(bars, fmt="{:,.0f}", padding=2)
            panel.margins(x=0.25)
            panel.set_title(figure.title)
            panel.set_xticks([])
            panel.spines[["top", "right", "bottom"]].set_visible(False)
        drawing.axes[0].invert_yaxis()
        drawing.savefig(path, metadata={"Date": None})
