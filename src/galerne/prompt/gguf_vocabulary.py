"""The vocabulary in a GGUF file's metadata (`tokenizer.ggml.*`).

Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from galerne.errors import BadFile
from galerne.prompt.vocabulary import END_SPELLINGS, MAX_TOKENS, looks_like_control

_PREFIX = "tokenizer.ggml."


class TokenType(IntEnum):
    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class GgufVocabulary:
    """The arrays, checked: as many types as tokens, no spelling twice, every named token there."""

    spellings: list[str]
    types: list[int]
    control: dict[str, int]
    whole: dict[str, int]  # user-defined tokens, which are never cut, in whoever's text
    bos: int | None
    eos: int | None
    stop_tokens: frozenset[int]
    where: str
    metadata: Mapping[str, Any]

    def flag(self, name: str, default: bool) -> bool:
        value = self.metadata.get(_PREFIX + name, default)
        if not isinstance(value, bool):
            raise BadFile(f"is {value!r:.200}, not true or false.", where=f"{self.where}: {_PREFIX}{name}")
        return value

    def strings(self, name: str, most: int) -> list[str]:
        return _array(self.metadata, name, str, most, self.where)

    def numbers(self, name: str, most: int) -> list[float]:
        return _array(self.metadata, name, (int, float), most, self.where)


def read_vocabulary(metadata: Mapping[str, Any], where: str) -> GgufVocabulary:
    """Read the arrays that every kind of vocabulary has. `where` names the file. Raises `BadFile`."""
    spellings: list[str] = _array(metadata, "tokens", str, MAX_TOKENS, where)
    if not spellings:
        raise BadFile("the file has no vocabulary (tokenizer.ggml.tokens).", where=where)
    spellings = [text or f"[EMPTY_{token}]" for token, text in enumerate(spellings)]
    ids = {text: token for token, text in enumerate(spellings)}
    if len(ids) != len(spellings):
        twice = next(text for token, text in enumerate(spellings) if ids[text] != token)
        raise BadFile(f"the token {twice!r:.200} is there twice.", where=f"{where}: {_PREFIX}tokens")
    types: list[int] = _array(metadata, "token_type", int, MAX_TOKENS, where) or [TokenType.NORMAL] * len(spellings)
    if len(types) != len(spellings):
        raise BadFile(f"there are {len(types)} for {len(spellings)} tokens.", where=f"{where}: {_PREFIX}token_type")
    if unknown := set(types).difference(TokenType):
        raise BadFile(f"{min(unknown)} is not a type of token.", where=f"{where}: {_PREFIX}token_type")

    bos, eos, eot, eom = (
        _token(metadata, f"{name}_token_id", len(spellings), where) for name in ("bos", "eos", "eot", "eom")
    )
    stop_tokens = {token for token in (eos, eot, eom) if token is not None}
    stop_tokens |= {ids[text] for text in END_SPELLINGS if text in ids}
    marked = {
        token
        for token, kind in enumerate(types)
        if kind in (TokenType.CONTROL, TokenType.UNKNOWN)
        or (kind == TokenType.USER_DEFINED and looks_like_control(spellings[token]))
    }
    control = marked | stop_tokens | ({bos} if bos is not None else set())
    return GgufVocabulary(
        spellings=spellings,
        types=types,
        control={spellings[token]: token for token in sorted(control)},
        whole={
            spellings[token]: token
            for token, kind in enumerate(types)
            if kind == TokenType.USER_DEFINED and token not in control
        },
        bos=bos,
        eos=eos,
        stop_tokens=frozenset(stop_tokens),
        where=where,
        metadata=metadata,
    )


def _array(metadata: Mapping[str, Any], name: str, kind: Any, most: int, where: str) -> list[Any]:
    values = metadata.get(_PREFIX + name, [])
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise BadFile("is not the array that it should be.", where=f"{where}: {_PREFIX}{name}")
    if len(values) > most:
        raise BadFile(f"has {len(values)} entries; {most} can be right.", where=f"{where}: {_PREFIX}{name}")
    return values


def _token(metadata: Mapping[str, Any], name: str, size: int, where: str) -> int | None:
    token = metadata.get(_PREFIX + name)
    if token is None:
        return None
    if not isinstance(token, int) or isinstance(token, bool) or not 0 <= token < size:
        raise BadFile(f"is {token!r:.200}, but there are {size} tokens.", where=f"{where}: {_PREFIX}{name}")
    return token
