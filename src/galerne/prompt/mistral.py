"""Mistral's own tokenizer files (tekken.json, tokenizer.model.v3, ...) and forms of conversation, by `mistral-common`.

A conversation is put together token by token there, so that no text of a person can spell a control token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import mistral_common
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from pydantic import ValidationError

from galerne.errors import BadFile, InvalidRequest, UnsupportedFile
from galerne.prompt.call_ids import paired
from galerne.prompt.control_spellings import ControlSpellings
from galerne.prompt.conversation import check_length, check_messages, check_tools
from galerne.prompt.instructions import told_to_reason
from galerne.prompt.panics import panics_as
from galerne.prompt.pretokenizers import PATTERNS
from galerne.prompt.sentencepiece_ import maps_characters, piece_content
from galerne.prompt.template import refused_effort
from galerne.prompt.tool_format import HERMES, MISTRAL_LIST, MISTRAL_NAMED, MISTRAL_THINKING
from galerne.prompt.tool_prompt import told_in_words
from galerne.prompt.vocabulary import MAX_TOKENS, Spellings, Vocabulary, VocabularyTokenizer
from galerne.protocol.messages import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    Part,
    ThinkingPart,
    ToolMessage,
    text_of,
    thinking_of,
)
from galerne.weights.json_text import parse_object
from galerne.weights.mapped_file import map_file

MAX_BYTES = 1 << 26


class MistralTokens(VocabularyTokenizer):
    """The tokenizer of Mistral's file; `library` also knows the forms of a conversation."""

    def __init__(self, file: Path) -> None:
        self.digest = hashlib.sha256(_checked(file) + mistral_common.__version__.encode()).hexdigest()
        try:
            self.library: MistralTokenizer = MistralTokenizer.from_file(file, mode=ValidationMode.serving)
            tokens = self.library.instruct_tokenizer.tokenizer
            vocabulary = _vocabulary(tokens)
        except Exception as error:  # whatever the library stumbles over: it does not expect a hostile file
            raise BadFile(f"the tokenizer does not hold together: {error!s:.500}", where=str(file)) from None
        vocabulary.check(str(file))
        spellings = Spellings(vocabulary.control)
        super().__init__(vocabulary, spellings.splitting(lambda text: tokens.encode(text, bos=False, eos=False)))


def _checked(file: Path) -> bytes:
    """The file's bytes, when nothing in them takes forever or fills the memory. Raises `BadFile`, `UnsupportedFile`."""
    view = map_file(file)
    if len(view) > MAX_BYTES:
        raise BadFile(f"has {len(view)} bytes; at most {MAX_BYTES} are read.", where=str(file))
    data = view.tobytes()
    if file.suffix == ".json":
        _check_tekken(parse_object(data, str(file)), str(file))
    else:
        _check_model(data, str(file))
    return data


def _check_tekken(read: Mapping[str, Any], where: str) -> None:
    config = read.get("config")
    pattern, size, control = (
        config.get(name) if isinstance(config, dict) else None
        for name in ("pattern", "default_vocab_size", "default_num_special_tokens")
    )
    if not isinstance(pattern, str) or PATTERNS.get(pattern) != pattern:
        raise UnsupportedFile(f"the pattern {pattern!r:.200} is not known.", where=where)
    if not isinstance(control, int) or not 0 <= control <= MAX_TOKENS:
        raise BadFile(f"has {control!r:.200} control tokens; 0 to {MAX_TOKENS} can be right.", where=where)
    if not isinstance(size, int) or size < control + 256:  # the library would give up on a text
        raise BadFile(f"has {size!r:.200} tokens, which cannot be control tokens and one for each byte.", where=where)


def _check_model(data: bytes, where: str) -> None:
    try:
        if maps_characters(data):
            raise UnsupportedFile("a table that turns characters into others is not known.", where=where)
    except ValueError as error:
        raise BadFile(f"is not a model of SentencePiece: it {error}.", where=where) from None


def _vocabulary(tokens: Tekkenizer | SentencePieceTokenizer) -> Vocabulary:
    return Vocabulary(
        spellings=[tokens.id_to_piece(token) for token in range(tokens.n_words)],
        contents=_contents(tokens),
        control={tokens.id_to_piece(token): token for token in sorted(tokens.special_ids)},
        bos=tokens.bos_id,
        eos=tokens.eos_id,
        add_bos=True,
        stop_tokens=frozenset({tokens.eos_id}),
        strips_space=isinstance(tokens, SentencePieceTokenizer),
    )


def _contents(tokens: Tekkenizer | SentencePieceTokenizer) -> list[bytes]:
    if isinstance(tokens, Tekkenizer):
        return [tokens.id_to_byte_piece(token) for token in range(tokens.n_words)]
    return [
        b"" if token in tokens.special_ids or token == tokens.unk_id else piece_content(tokens.id_to_piece(token))
        for token in range(tokens.n_words)
    ]


class MistralTemplate:
    """The form of a conversation that belongs to a version of Mistral's tokenizers."""

    def __init__(self, tokenizer: MistralTokens) -> None:
        self.digest = tokenizer.digest
        self._tokenizer = tokenizer
        version = tokenizer.library.instruct_tokenizer.tokenizer.version
        self._knows_tools = version > TokenizerVersion.v1
        self._has_settings = version.supports_model_settings
        listed = MISTRAL_LIST if self._knows_tools else HERMES
        self.tool_format = MISTRAL_NAMED if version >= TokenizerVersion.v11 else listed
        thinks = ControlSpellings(tokenizer, [MISTRAL_THINKING.closing]).tokens
        self.thinking = MISTRAL_THINKING if thinks else None

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        effort: str | None = None,
        context: int | None = None,
        now: datetime | None = None,  # noqa: ARG002 (these forms tell no date)
    ) -> list[int]:
        check_messages(messages)
        check_tools(tools)
        messages = paired(messages)
        if not self._knows_tools:
            messages, tools = told_in_words(messages, tools), ()
        settings = self._settings(effort)
        if effort is not None and self.thinking is not None and not settings:
            messages = told_to_reason(messages)
        plain = [_plain(message) for message in messages]
        if context is not None:
            check_length([plain, list(tools)], self._tokenizer.longest, context)
        try:
            request = ChatCompletionRequest.model_validate(
                {"model": "local", "messages": plain, "tools": list(tools) or None, **settings}
            )
            with panics_as(InvalidRequest("the tokenizer's library gives up on this text.", where="messages")):
                tokens: list[int] = self._tokenizer.library.encode_chat_completion(request).tokens
        except RecursionError:  # the library reads arguments and tools' answers as JSON
            raise InvalidRequest("what a tool is told or answers is nested too deep.", where="messages") from None
        except MistralCommonException as error:
            raise InvalidRequest(f"the model cannot follow this: {error.message}", where="messages") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidRequest(f"the model cannot follow this: {first['msg']}.", where=where) from None
        return tokens

    def _settings(self, effort: str | None) -> dict[str, Any]:
        """What the library is told of it: the first versions that reason have no setting, but words for it. Raises
        `UnsupportedField`."""
        if effort is None or (effort == "none" and self.thinking is None):
            return {}
        if self.thinking is None or (effort == "none" and not self._has_settings):
            raise refused_effort(self.thinking)
        return {"reasoning_effort": effort} if self._has_settings else {}


def _plain(message: Message) -> dict[str, Any]:
    """A message in the library's own form."""
    role = "system" if isinstance(message, DeveloperMessage) else message.role
    plain: dict[str, Any] = {"role": role, "content": text_of(message.content)}
    if role == "system" and thinking_of(message.content):
        parts = message.content if isinstance(message.content, list) else []
        return plain | {"content": [_chunk(part) for part in parts]}
    if isinstance(message, ToolMessage):
        return plain | {"tool_call_id": message.tool_call_id, "name": message.name}
    if isinstance(message, AssistantMessage):
        plain["prefix"] = message.prefix
        if thinking := message.reasoning:
            text = [{"type": "text", "text": plain["content"]}] if plain["content"] else []
            plain["content"] = [{"type": "thinking", "thinking": thinking}, *text]
        if message.tool_calls:
            plain["tool_calls"] = [
                {"id": call.id, "function": call.function.model_dump()} for call in message.tool_calls
            ]
    return plain


def _chunk(part: Part) -> dict[str, Any]:
    if isinstance(part, ThinkingPart):
        return {"type": "thinking", "thinking": thinking_of([part])}
    return {"type": "text", "text": text_of([part])}
