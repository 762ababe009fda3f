"""Text <-> tokens: tokenizers, chat templates, incremental detokenising, stop strings."""
