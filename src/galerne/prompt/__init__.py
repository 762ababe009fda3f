"""Text <-> tokens: tokenizers, chat templates, incremental detokenising, stop strings."""

from __future__ import annotations

from galerne.errors import UnsupportedFile
from galerne.prompt.tokenizer import Tokenizer
from galerne.weights.checkpoint import Checkpoint


def open_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer that a model's file or folder brings. Raises `BadFile`, `UnsupportedFile`."""
    kind = checkpoint.metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        from galerne.prompt.bpe import open_bpe

        return open_bpe(checkpoint.metadata, checkpoint.path)
    raise UnsupportedFile(f"the vocabulary {kind!r} is not known.", where=f"{checkpoint.path}: tokenizer.ggml.model")


__all__ = ["Tokenizer", "open_tokenizer"]
