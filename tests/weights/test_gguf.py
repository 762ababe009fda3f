from __future__ import annotations

from pathlib import Path

from galerne.weights import open_checkpoint


def test_the_default_model_opens(default_model: Path) -> None:
    checkpoint = open_checkpoint(default_model)
    assert checkpoint.metadata["general.architecture"] == "llama"
    assert checkpoint.tensors["token_embd.weight"].shape == (49152, 576)
