"""Text <-> tokens: tokenizers, chat templates, incremental detokenising, stop strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galerne.errors import BadFile, UnsupportedFile
from galerne.prompt.tokenizer import Tokenizer, same_tokens

if TYPE_CHECKING:
    from galerne.prompt.template import ChatTemplate
    from galerne.settings import Settings
    from galerne.weights.checkpoint import Checkpoint


def open_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer that a model's file or folder brings. Raises `BadFile`, `UnsupportedFile`."""
    from galerne.prompt.panics import panics_as

    with panics_as(BadFile("the vocabulary does not hold together.", where=str(checkpoint.path))):
        return _open_gguf(checkpoint) if checkpoint.format == "gguf" else _open_folder(checkpoint)


def _open_gguf(checkpoint: Checkpoint) -> Tokenizer:
    from galerne.prompt.bpe import open_bpe
    from galerne.prompt.sentencepiece_ import open_sentencepiece

    match checkpoint.metadata.get("tokenizer.ggml.model"):
        case "gpt2":
            return open_bpe(checkpoint.metadata, checkpoint.path)
        case "llama":
            return open_sentencepiece(checkpoint.metadata, checkpoint.path)
        case kind:
            where = f"{checkpoint.path}: tokenizer.ggml.model"
            raise UnsupportedFile(f"the vocabulary {kind!r:.200} is not known.", where=where)


def _open_folder(checkpoint: Checkpoint) -> Tokenizer:
    from galerne.prompt.chosen import mistral_file

    if file := mistral_file(checkpoint.path, checkpoint.metadata):
        from galerne.prompt.mistral import MistralTokens

        return MistralTokens(file)
    from galerne.prompt.hf import open_hf

    return open_hf(checkpoint.path, checkpoint.metadata)


def open_template(checkpoint: Checkpoint, tokenizer: Tokenizer, settings: Settings) -> ChatTemplate:
    """How the model wants to be told a conversation. A model without a template gets one that refuses to render.

    The template is not compiled yet: `check` does that. Raises `BadFile`.
    """
    from galerne.prompt.chosen import mistral_file, template_text
    from galerne.prompt.template import JinjaTemplate, NoTemplate

    if checkpoint.format != "gguf" and mistral_file(checkpoint.path, checkpoint.metadata):
        from galerne.prompt.mistral import MistralTemplate, MistralTokens

        assert isinstance(tokenizer, MistralTokens)
        return MistralTemplate(tokenizer)
    text = template_text(checkpoint)
    return JinjaTemplate(text, tokenizer, settings, where=str(checkpoint.path)) if text else NoTemplate()


__all__ = ["Tokenizer", "open_template", "open_tokenizer", "same_tokens"]
