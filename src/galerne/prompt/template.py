"""Chat templates: messages -> the tokens that a model was trained to see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from galerne.errors import InvalidRequest, TemplateError, UnsupportedField
from galerne.prompt.call_ids import paired
from galerne.prompt.conversation import check_length, check_tools, is_prefix, template_messages
from galerne.prompt.render_process import RenderProcess
from galerne.prompt.tokenizer import Tokenizer
from galerne.prompt.tool_format import HERMES, Thinking, ToolFormat, thinking_of, tool_format_of
from galerne.prompt.tool_prompt import told_in_words
from galerne.protocol.messages import Message
from galerne.settings import Settings

# Put behind the prefix of an answer, to find where it ends in the rendered text. A template that trims messages takes
# the space away. Noncharacters, as no person's text has them.
_END_OF_PREFIX = "\U0007fffe\U0007ffff "


class ChatTemplate(Protocol):
    """How a model wants to be told a conversation. `prompt.open_template` gives one."""

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the form of the prompt, in hexadecimal."""

    @property
    def tool_format(self) -> ToolFormat:
        """How the model writes calls of tools."""

    @property
    def thinking(self) -> Thinking | None:
        """How it thinks before it answers; None: it does not."""

    def check(self) -> None:
        """Raises `TemplateError` when the template cannot work at all."""

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        effort: str | None = None,
        context: int | None = None,
        now: datetime | None = None,
    ) -> list[int]:
        """The prompt, ready for the model's answer; with a `prefix`, ready for the rest of it.

        `tools` are JSON schemas of functions. `effort` says how much the model shall reason ("none": not at all), as
        far as it can be told; one that does not reason can only be told "none". What cannot fit into `context` tokens
        is refused before it is cut into tokens. `now` is what a template that tells the date tells. May take
        `template_seconds`: call it in a thread.

        Raises `InvalidRequest`, `UnsupportedField`, `PromptTooLong`, `TemplateError`.
        """

    def close(self) -> None:
        """Give back what the template holds; a later `render` takes it again."""


class NoTemplate:
    """A model that was never taught to converse."""

    digest = hashlib.sha256(b"").hexdigest()
    tool_format = HERMES
    thinking: Thinking | None = None

    def check(self) -> None:
        pass

    def render(
        self,
        messages: Sequence[Message],  # noqa: ARG002
        *,
        tools: Sequence[Mapping[str, Any]] = (),  # noqa: ARG002
        effort: str | None = None,  # noqa: ARG002
        context: int | None = None,  # noqa: ARG002
        now: datetime | None = None,  # noqa: ARG002
    ) -> list[int]:
        raise InvalidRequest(
            "this model has no chat template: it goes on with a text, but cannot converse.",
            hint="Use one whose name ends in 'instruct' or 'chat'.",
        )

    def close(self) -> None:
        pass


def refused_effort(thinking: Thinking | None) -> UnsupportedField:
    reason = "this model does not reason." if thinking is None else "how much this model reasons cannot be told to it."
    return UnsupportedField(reason, where="reasoning_effort", hint="Leave the field out.")


class JinjaTemplate:
    """A template in Jinja, as most models bring it. What people wrote cannot spell control tokens."""

    def __init__(self, text: str, tokenizer: Tokenizer, settings: Settings, *, where: str = "chat template") -> None:
        self.digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        known = tool_format_of(text)
        self.tool_format = known or HERMES
        self.thinking = thinking_of(text)
        self._knows_tools = known is not None
        self._can_be_told = "enable_thinking" in text or "reasoning_effort" in text
        self._tokenizer = tokenizer
        self._where = where
        self._process = RenderProcess(
            text, seconds=settings.template_seconds, output_chars=settings.template_output_chars, where=where
        )
        self._specials = {
            name: tokenizer.token_text(token)
            for name, token in (("bos_token", tokenizer.bos), ("eos_token", tokenizer.eos))
            if token is not None
        }

    def check(self) -> None:
        self._process.check()

    def close(self) -> None:
        self._process.close()

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        effort: str | None = None,
        context: int | None = None,
        now: datetime | None = None,
    ) -> list[int]:
        check_tools(tools)
        messages = paired(messages)
        plain = template_messages(messages)
        if not self._knows_tools:
            messages, tools = told_in_words(messages, tools), ()
            plain = template_messages(messages)
        if context is not None:
            check_length([plain, list(tools)], self._tokenizer.longest, context)
        told = [{**self._protected(message), "role": message["role"]} for message in plain]
        continues = is_prefix(messages[-1])
        if continues:
            told[-1]["content"] += _END_OF_PREFIX
        variables = {
            **self._specials,
            "messages": told,
            "tools": self._protected(list(tools)) or None,
            "documents": None,
            "add_generation_prompt": not continues,
            **self._effort(effort),
        }
        text = self._process.render(variables, now or datetime.now())
        return self._tokenizer.encode(self._prefix_end(text) if continues else text, control=True)

    def _effort(self, effort: str | None) -> dict[str, Any]:
        """The variables by which templates are told it. Raises `UnsupportedField`."""
        if effort is None or (effort == "none" and self.thinking is None):
            return {}
        if self.thinking is None or not self._can_be_told:
            raise refused_effort(self.thinking)
        return {"enable_thinking": effort != "none", "reasoning_effort": effort}

    def _protected(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._tokenizer.protect(value)
        if isinstance(value, Mapping):
            return {self._protected(key): self._protected(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._protected(item) for item in value]
        return value

    def _prefix_end(self, text: str) -> str:
        text, tag, rest = text.rpartition(_END_OF_PREFIX.strip())
        if not tag:
            raise TemplateError("the chat template does not show an answer's prefix.", where=self._where)
        return text if rest.startswith(" ") else text.rstrip()
