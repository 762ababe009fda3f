"""A form with one file in it (`multipart/form-data`, RFC 7578), taken apart while it arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from galerne.api.body import check_announced, too_large
from galerne.errors import InvalidRequest, TooLarge, TooSlow
from galerne.protocol.parsing import parse
from galerne.settings import Settings

Model = TypeVar("Model", bound=BaseModel)

MOST_FIELDS = 16
MOST_FIELD_BYTES = 4096
OVERHEAD = 1 << 20
"""Bytes of a form that are not its file's."""


class Sink(Protocol):
    """Takes a file's bytes as they come."""

    async def write(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class FilePart:
    """What a form says of its file. `read_form` sets every field."""

    name: str
    media_type: str  # "" where nothing was said


async def read_form(model: type[Model], request: Request, sink: Sink, settings: Settings) -> tuple[FilePart, Model]:
    """The form's fields, checked, once its file has gone into the sink.

    Raises `InvalidRequest`, `UnsupportedField`, `TooLarge`, `TooSlow`, what the sink raises, and Starlette's
    `ClientDisconnect` when the client leaves.
    """
    most = (settings.max_file_mb << 20) + OVERHEAD
    check_announced(request, most)
    form = _Form(_boundary(request))
    try:
        async with asyncio.timeout(settings.upload_seconds), aclosing(request.stream()) as chunks:
            await _feed(form, chunks, sink, most)
    except TimeoutError:
        raise TooSlow(f"the file did not arrive within {settings.upload_seconds:g} seconds.") from None
    if form.file is None:
        raise InvalidRequest("the form has no file.", where="file", hint="Send a part `file` with a `filename`.")
    fields = {name: value.decode(errors="replace") for name, value in form.fields.items()}
    return form.file, parse(model, json.dumps(fields).encode(), settings.max_body_items)


async def _feed(form: _Form, chunks: AsyncGenerator[bytes], sink: Sink, most: int) -> None:
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > most:
            raise too_large(most)
        data = form.feed(chunk)
        if data:
            await sink.write(data)
    if not form.ended:
        raise InvalidRequest("the form ends in the middle.", hint="Send all of it.")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest("must be multipart/form-data.", where="content-type", hint="Send a form with a file.")
    return boundary


@dataclass(slots=True)
class _Part:
    """The part of the form that is being read."""

    headers: dict[str, bytearray] = field(default_factory=dict)
    header: bytearray = field(default_factory=bytearray)  # the name of the one that is being read
    value: bytearray = field(default_factory=bytearray)
    kind: Literal["unknown", "file", "field"] = "unknown"
    name: str = ""


class _Form:
    """What has come of a form: fields are remembered, the file's bytes are handed on."""

    def __init__(self, boundary: bytes) -> None:
        self.ended = False
        self.file: FilePart | None = None
        self.fields: dict[str, bytearray] = {}
        self._part = _Part()
        self._data: list[bytes] = []
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header,
                    "on_header_value": self._value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._open,
                    "on_part_data": self._content,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise InvalidRequest(f"{error}.", where="content-type") from None

    def feed(self, chunk: bytes) -> bytes:
        """The file's bytes among these. Raises `InvalidRequest`, `TooLarge`."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest(f"the form cannot be read: {error}.") from None
        data = b"".join(self._data)
        self._data.clear()
        return data

    def _begin(self) -> None:
        self._part = _Part()

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header.decode("latin-1").lower()] = part.value
        part.header, part.value = bytearray(), bytearray()

    def _open(self) -> None:
        """The part's headers are complete: now it shows what it is."""
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", b"").decode("latin-1"))
        part.name = options.get(b"name", b"").decode(errors="replace")
        file_name = options.get(b"filename")
        if (part.name == "file") != (file_name is not None):
            raise InvalidRequest("the part `file`, and no other, has a `filename`.", where=part.name[:100] or None)
        if part.name in self.fields or (file_name is not None and self.file is not None):
            raise InvalidRequest("the form says it twice.", where=part.name[:100])
        if file_name is None:
            if len(self.fields) == MOST_FIELDS:
                raise TooLarge(f"the form has more than {MOST_FIELDS} fields.")
            part.kind, self.fields[part.name] = "field", bytearray()
        else:
            media_type = part.headers.get("content-type", bytearray()).decode("latin-1")
            part.kind, self.file = "file", FilePart(file_name.decode(errors="replace"), media_type)

    def _content(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.kind == "file":
            self._data.append(data[start:end])
            return
        value = self.fields[part.name]
        value += data[start:end]
        if len(value) > MOST_FIELD_BYTES:
            raise TooLarge(f"a field has {MOST_FIELD_BYTES} bytes at most.", where=part.name[:100])

    def _end(self) -> None:
        self.ended = True
