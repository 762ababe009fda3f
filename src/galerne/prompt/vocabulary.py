"""A vocabulary in memory, and the tokenizer that every file format ends in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from galerne.errors import BadFile, InvalidRequest
from galerne.prompt.panics import panics_as

# Noncharacters, which Unicode sets aside for a process's internal use. A mark inside the spelling of a control token
# makes it text; a person's own first half gets a mark behind it, so that taking the marks away gives back every text.
_FIRST, _SECOND = "\U0005fffe", "\U0006ffff"
MARK = _FIRST + _SECOND

# Some files do not mark the tokens that end a turn as such.
END_SPELLINGS = frozenset(
    {
        "<|endoftext|>",
        "<|end_of_text|>",
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end|>",
        "<end_of_turn>",
        "<|end_of_turn|>",
        "<EOT>",
        "<｜end▁of▁sentence｜>",
    }
)

MAX_TOKENS = 1 << 20
MAX_SPELLING = 1 << 12  # characters
MAX_CONTROL_SPELLING = 1 << 8
MAX_CONTROL_SPELLINGS = 1 << 20  # characters, all together


def looks_like_control(spelling: str) -> bool:
    """Whether it is spelled as control tokens are: some files mark them as ordinary ones."""
    return spelling.startswith(("<|", "<｜")) and spelling.endswith(("|>", "｜>"))


def can_be_spelled(control: str) -> bool:
    """Whether a mark can keep a person's text from spelling it: one fits inside, and none is there."""
    return len(control) > 1 and _FIRST not in control


class Spellings:
    """Finds the spellings of whole tokens in a text."""

    def __init__(self, tokens: Mapping[str, int]) -> None:
        # Others can be generated, but not spelled.
        self._tokens = {text: token for text, token in tokens.items() if can_be_spelled(text)}
        self._lengths: dict[str, list[int]] = {}
        for text in sorted(self._tokens, key=len, reverse=True):
            lengths = self._lengths.setdefault(text[0], [])
            if len(text) not in lengths:
                lengths.append(len(text))
        self._first = re.compile("|".join(map(re.escape, self._lengths))) if self._lengths else None

    def find(self, text: str, *, overlapping: bool = False) -> Iterator[tuple[int, int, int]]:
        """(start, end, token) of each spelling: the leftmost first, of those at one place the longest."""
        end = 0
        for candidate in self._first.finditer(text) if self._first else ():
            start = candidate.start()
            if start < end and not overlapping:
                continue
            for length in self._lengths[candidate[0]]:
                spelling = text[start : start + length]  # shorter at the text's end
                token = self._tokens.get(spelling)
                if token is not None:
                    end = start + len(spelling)
                    yield start, end, token
                    break

    def splitting(self, cut: Callable[[str], list[int]]) -> Callable[[str], list[int]]:
        """`cut`, which knows no control tokens, for marked text: spellings become tokens, marks vanish."""

        def encode(text: str) -> list[int]:
            tokens: list[int] = []
            done = 0
            for start, end, token in self.find(text):
                if start > done:
                    tokens += cut(text[done:start].replace(MARK, ""))
                tokens.append(token)
                done = end
            if done < len(text):
                tokens += cut(text[done:].replace(MARK, ""))
            return tokens

        return encode


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a tokenizer's file says of its tokens. The file's reader sets every field; lists are indexed by token."""

    spellings: Sequence[str]  # for people and, of control tokens, for templates
    contents: Sequence[bytes]  # what a token adds to a text; b"" for a control token
    control: Mapping[str, int]  # the spellings of control tokens
    bos: int | None
    eos: int | None
    add_bos: bool
    stop_tokens: frozenset[int]
    strips_space: bool = False

    def check(self, where: str) -> None:
        """Raises `BadFile` when a number is beyond its bounds or names no token."""
        size = len(self.spellings)
        if not 1 <= size <= MAX_TOKENS:
            raise BadFile(f"the vocabulary has {size} tokens; 1 to {MAX_TOKENS} can be right.", where=where)
        if max(map(len, self.spellings)) > MAX_SPELLING:
            raise BadFile(f"a token has more than {MAX_SPELLING} characters.", where=where)
        if max(map(len, self.control), default=0) > MAX_CONTROL_SPELLING:
            raise BadFile(f"a control token has more than {MAX_CONTROL_SPELLING} characters.", where=where)
        if sum(map(len, self.control)) > MAX_CONTROL_SPELLINGS:
            raise BadFile(f"the control tokens have more than {MAX_CONTROL_SPELLINGS} characters.", where=where)
        for token in {*self.stop_tokens, *self.control.values(), self.bos, self.eos}:
            if token is not None and not 0 <= token < size:
                raise BadFile(f"token {token} is named, but the vocabulary has {size}.", where=where)


class VocabularyTokenizer:
    """The port `Tokenizer` over a vocabulary and the library's function that cuts marked text into tokens."""

    def __init__(self, vocabulary: Vocabulary, encode_marked: Callable[[str], list[int]]) -> None:
        self._vocabulary = vocabulary
        self._encode_marked = encode_marked
        self._spellings = Spellings(vocabulary.control)
        self._beginnings = {text[:length] for text in vocabulary.control for length in range(1, len(text))}
        self._longest_control = max(map(len, vocabulary.control), default=0)
        self.vocabulary_size = len(vocabulary.spellings)
        self.bos = vocabulary.bos
        self.eos = vocabulary.eos
        self.add_bos = vocabulary.add_bos
        self.stop_tokens = vocabulary.stop_tokens
        self.strips_space = vocabulary.strips_space
        self.longest = max(1, *map(len, vocabulary.contents), *map(len, vocabulary.control))

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"character {error.start} of the text is half a surrogate pair.") from None
        with panics_as(InvalidRequest("the text is such that the tokenizer's library gives up on it.")):
            return self._encode_marked(text if control else self.protect(text))

    def protect(self, text: str) -> str:
        text = text.replace(_FIRST, _FIRST + MARK)
        pieces: list[str] = []
        done = 0
        for start, _, _ in self._spellings.find(text, overlapping=True):
            pieces += text[done : start + 1], MARK
            done = start + 1
        # The end may begin a spelling that a template's next words, or another person's, complete.
        open_end = any(text[-length:] in self._beginnings for length in range(1, self._longest_control))
        return "".join([*pieces, text[done:], MARK if open_end else ""])

    def decode(self, tokens: Sequence[int]) -> str:
        text = b"".join(map(self.token_bytes, tokens)).decode(errors="replace")
        return text.removeprefix(" ") if self.strips_space else text

    def token_bytes(self, token: int) -> bytes:
        # A model's output may have more rows than its vocabulary has tokens.
        return self._vocabulary.contents[token] if 0 <= token < self.vocabulary_size else b""

    def find(self, spelling: str) -> int | None:
        known = self._vocabulary
        if spelling in known.control:
            return known.control[spelling]
        return known.spellings.index(spelling) if spelling in known.spellings else None

    def token_text(self, token: int) -> str:
        content = self.token_bytes(token)
        if content:
            return content.decode(errors="replace")
        return self._vocabulary.spellings[token] if 0 <= token < self.vocabulary_size else f"[{token}]"
