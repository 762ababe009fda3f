"""The table and the plot, put into the document between two marks; what people wrote around them stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import FIGURES, Result

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write(document: Path, results: Sequence[Result], facts: Sequence[str], missing: Sequence[str]) -> None:
    """Put the figures into `document`, and a plot of them beside it."""
    plot = document.with_suffix(".svg")
    draw(plot, results)
    lines = [
        *facts,
        "",
        *_table("tokens/s", results, lambda result, figure: result.speed(figure), "{:,.0f}"),
        "",
        *_table("CPU-ms/token", results, lambda result, figure: (result.cpu(figure) or 0) * 1000 or None, "{:.2f}"),
        "",
        *ratios(results),
        "",
        f"![Tokens per second of each engine]({plot.name})",
        *(f"\n{result.name} ({result.weights}) stopped: {result.failure}." for result in results if result.failure),
        *(f"\nNot measured: {line}" for line in missing),
    ]
    text = document.read_text() if document.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    document.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}")


def _table(unit: str, results: Sequence[Result], value: Callable[[Result, str], float | None], form: str) -> list[str]:
    rows = [f"| {unit} | weights | " + " | ".join(figure.title for figure in FIGURES) + " |"]
    rows.append("| --- | --- |" + " ---: |" * len(FIGURES))
    for result in results:
        cells = [value(result, figure.name) for figure in FIGURES]
        shown = " | ".join("-" if cell is None else form.format(cell) for cell in cells)
        rows.append(f"| {result.name} {result.version} | {result.weights} | {shown} |")
    return rows


def ratios(results: Sequence[Result]) -> list[str]:
    """The first engine beside the best of the others, for each figure."""
    ours, *others = results
    rows = ["| Galerne beside the best of the others | speed | CPU time of a token |", "| --- | ---: | ---: |"]
    for figure in FIGURES:
        speed, cpu = ours.speed(figure.name), ours.cpu(figure.name)
        speeds = [other for result in others if (other := result.speed(figure.name)) is not None]
        costs = [other for result in others if (other := result.cpu(figure.name)) is not None]
        if speed is not None and cpu is not None and speeds:
            rows.append(f"| {figure.title} | {speed / max(speeds):.2f}x | {cpu / min(costs):.2f}x |")
    return rows


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
