"""The program that renders a chat template, run in a process of its own: a template is a program from a stranger.

It is started as a file and imports nothing but Jinja, so that it is ready in a tenth of a second. Jinja's sandbox keeps
a template from reaching for Python; what the sandbox cannot bound (memory, time in one operation) the process does: it
has little memory, can open no file or connection, and is killed when it takes too long.

Source: https://huggingface.co/docs/transformers/chat_templating for what templates may expect.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

import jinja2
import jinja2.debug  # imported by Jinja when a template fails: too late, once no file can be opened
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

MEMORY_BYTES = 512 << 20
REQUEST_BYTES = 256 << 20


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


def _confine(connection: Connection) -> None:
    time.localtime()  # reads the time zone's file
    resource.setrlimit(resource.RLIMIT_NOFILE, (connection.fileno() + 1,) * 2)
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        try:
            resource.setrlimit(limit, (most, most))
        except (OSError, ValueError):  # not every system can bound a process's memory
            continue


def main() -> None:
    """Answer requests until the other end closes. The first message is the template, the others are its variables."""
    connection = Connection(int(sys.argv[1]))
    _confine(connection)
    first = json.loads(connection.recv_bytes(REQUEST_BYTES))
    try:
        generate = compile_template(first["template"])
        answer: dict[str, str] = {}
    except Exception as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    while True:
        connection.send_bytes(json.dumps(answer).encode())
        try:
            request = json.loads(connection.recv_bytes(REQUEST_BYTES))
        except EOFError:
            return
        try:
            now = datetime.fromisoformat(request["now"])
            answer = {"text": render(generate, request["variables"], now, first["output_chars"])}
        except Refused as error:
            answer = {"refused": str(error)}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
