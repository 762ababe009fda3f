"""A SentencePiece model file, as the library reads it: its own normalisation, its own way of cutting."""

from __future__ import annotations

from pathlib import Path

from sentencepiece import SentencePieceProcessor

from galerne.errors import BadFile
from galerne.prompt.sentencepiece_ import piece_content
from galerne.prompt.vocabulary import Spellings, Vocabulary, VocabularyTokenizer


def open_sentencepiece_file(path: Path) -> VocabularyTokenizer:
    """Its tokenizer. Raises `BadFile`."""
    try:
        library = SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError) as error:
        raise BadFile(f"the vocabulary does not hold together: {error}", where=str(path)) from None
    tokens = range(library.get_piece_size())
    spellings = [library.id_to_piece(token) for token in tokens]
    control = {spellings[token]: token for token in tokens if library.is_control(token)}
    vocabulary = Vocabulary(
        spellings=spellings,
        contents=[
            b"" if library.is_control(token) or library.is_unknown(token) else piece_content(spellings[token])
            for token in tokens
        ],
        control=control,
        bos=library.bos_id() if library.bos_id() >= 0 else None,
        eos=library.eos_id() if library.eos_id() >= 0 else None,
        add_bos=library.bos_id() >= 0,
        stop_tokens=frozenset({library.eos_id()} if library.eos_id() >= 0 else ()),
        strips_space=True,
    )
    vocabulary.check(str(path))
    return VocabularyTokenizer(vocabulary, Spellings(control).splitting(library.encode))
