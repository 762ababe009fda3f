"""The program that renders a chat template, confined to a process of its own: a template is a program from a stranger.

Jinja's sandbox keeps a template from reaching for Python; what the sandbox cannot bound (memory, time in one operation)
the process does.

Source: https://huggingface.co/docs/transformers/chat_templating for what templates may expect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jinja2
import jinja2.debug  # imported by Jinja when a template fails: too late, once no file can be opened
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from galerne.prompt.confined import MAX_MESSAGE, serve


class Refused(jinja2.TemplateError):
    """The template calls `raise_exception`: the conversation is not one that the model can follow."""


class _Generation(Extension):
    """`{% generation %}` marks the answers for training; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 (Jinja declares it on the instance)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)


class _Sandbox(ImmutableSandboxedEnvironment):
    def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
        raise SecurityError(f"the template reaches for {attribute!r} of {type(obj).__name__!r}")


class _Namespace(Namespace):
    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"the template sets {name!r}")
        super().__setitem__(name, value)


def _raise_exception(message: Any) -> None:
    raise Refused(str(message))


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def compile_template(text: str) -> Callable[..., Any]:
    """The template's `generate`. Raises `jinja2.TemplateError`, or anything that Python's compiler raises."""
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _tojson
    environment.globals |= {"raise_exception": _raise_exception, "namespace": _Namespace}
    return environment.from_string(text).generate


def render(generate: Callable[..., Any], variables: dict[str, Any], now: datetime, most: int) -> str:
    """The rendered text, at most `most` characters. Raises what the template raises, `OverflowError` when too long."""
    pieces: list[str] = []
    length = 0
    for piece in generate(**variables, strftime_now=now.strftime):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise OverflowError(f"the template writes more than {most} characters")
    return "".join(pieces)


class _Renderer:
    """Is asked whether it is there, told the template, and then what to render."""

    def reply(self, question: dict[str, Any]) -> dict[str, Any]:
        if not question:
            return {}
        if "template" in question:
            self._generate = compile_template(question["template"])
            self._most = question["output_chars"]
            return {}
        try:
            now = datetime.fromisoformat(question["now"])
            return {"text": render(self._generate, question["variables"], now, self._most)}
        except Refused as error:
            return {"refused": str(error)[:MAX_MESSAGE]}


if __name__ == "__main__":
    serve(_Renderer().reply)
