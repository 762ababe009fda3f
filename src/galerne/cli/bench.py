"""`galerne bench`: how fast a model runs here."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Annotated

import typer

from galerne.cli.options import Json, Model
from galerne.cli.progress import announce

EXAMPLE = "Example: galerne bench --model smollm2-135m-instruct --json"


def bench(
    model: Model = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Each figure is the median of so many.")] = 5,
    seconds: Annotated[float, typer.Option(min=0, help="Start no further round after so long.")] = 60,
    as_json: Json = False,
) -> None:
    """Measure a model on this machine: prompts (prefill) and answers (decode) in tokens per second, start, memory."""
    from dataclasses import asdict

    from galerne import bootstrap
    from galerne.evaluation.speed import Bench, measure
    from galerne.settings import load_settings

    settings = load_settings({"model": model, "speculation": False})
    bootstrap.compile_kernels(settings, announce)
    began = time.perf_counter()
    loaded = bootstrap.load_local_model(settings.model, settings, announce)
    load_seconds = time.perf_counter() - began
    engine = bootstrap.build_engine(loaded.model, lambda: loaded.tokenizer, settings)
    speed = measure(Bench(engine, loaded.model), rounds=rounds, seconds=seconds, announce=announce)
    announce("")
    figures = asdict(speed) | {
        "load_seconds": load_seconds,
        "resident_bytes": resident_bytes(),
        "weights_bytes": loaded.size,
        "cache_bytes": loaded.model.blocks * loaded.model.cache_bytes_per_block,
    }
    if as_json:
        typer.echo(json.dumps({"model": loaded.name, "kernels": loaded.level, **figures}))
    else:
        typer.echo(f"{loaded.name} on {loaded.level} kernels")
        for name, figure in figures.items():
            typer.echo(f"  {name:<30} {_shown(name, figure)}")


def _shown(name: str, figure: float | None) -> str:
    if figure is None:
        return "the model's context or cache is too small"
    if name.endswith("_per_token"):
        return f"{figure * 1000:.3f} ms"
    if name.endswith("_bytes"):
        return f"{figure / 2**20:.0f} MiB"
    return f"{figure:.2f} s" if name.endswith("_seconds") else f"{figure:.1f} tokens/s"


def resident_bytes() -> int:
    """The memory that this process holds now (where the system does not tell: the most that it ever held)."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
