"""Two models on one machine: the default one, and another that differs from it by one byte."""

from __future__ import annotations

from pathlib import Path

from galerne.flows.catalogue import import_model
from galerne.settings import Settings

SECOND = "second"
BROKEN = "broken"


def import_both(default_model: Path, folder: Path) -> None:
    """Put both into a folder of models, and a third one whose weights are no numbers."""
    settings = Settings(models_dir=folder / "models")
    content = default_model.read_bytes()
    files = {SECOND: content.replace(b"<repo_name>", b"<repo_mane>", 1), BROKEN: _broken(content)}
    _take(default_model, default_model.parent.name, settings)
    for name, bytes in files.items():
        file = folder / f"{name}.gguf"
        file.write_bytes(bytes)
        _take(file, name, settings)


def _broken(content: bytes) -> bytes:
    return content[:-4096] + b"\xff" * 4096  # the last tensor: scales that are no numbers


def _take(path: Path, name: str, settings: Settings) -> None:
    import_model(path, name, "Apache-2.0", settings, lambda *_: None, linked=True)
