"""The model's file in the type that an engine runs fastest; a conversion is made once and kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.peers import LLAMA_CPP, Candidate, weights_folder
from benchmarks.process import EngineError


def weights_of(candidate: Candidate, model: Path) -> Path:
    """What the candidate is given to load. Raises `EngineError`."""
    if candidate.weights == "as shipped":
        return model
    converted = weights_folder() / f"{model.stem}-as-{candidate.weights}.gguf"
    if not converted.exists():
        if not LLAMA_CPP.python.exists():
            raise EngineError(f"llama-cpp-python is needed to convert the weights to {candidate.weights}")
        converted.parent.mkdir(parents=True, exist_ok=True)
        partial = converted.with_suffix(".partial")
        done = subprocess.run(
            [LLAMA_CPP.python, "-m", "benchmarks.engines.requantise", model, partial],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"the weights could not be converted to {candidate.weights}")
        partial.rename(converted)
    return converted
