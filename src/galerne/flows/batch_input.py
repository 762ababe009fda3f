"""A job's requests: from what a client sends to a file of the job's own, and from there to one row after the other.

The job's file has a line for each request, with `custom_id` and `body`. So it is checked as a whole before it is taken,
and nobody can change or delete it while the job runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from galerne.errors import GalerneError, InvalidRequest, TooLarge
from galerne.flows.stored_files import OpenContent
from galerne.protocol.batches import BatchLine, InlineRequest
from galerne.protocol.parsing import parse
from galerne.settings import Settings

_WRITE = 1 << 20  # bytes that are written at a time


@dataclass(frozen=True, slots=True)
class Row:
    """A request of a job. `read_rows` sets every field."""

    number: int  # from 0
    custom_id: str | None
    body: bytes  # JSON


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a client named as input. The flow sets every field."""

    path: Path
    where: str  # the field that names it


def file_requests(sources: Iterable[Source], endpoint: str, settings: Settings) -> Iterator[tuple[str, InlineRequest]]:
    """The requests in these files, each with the place where it stands. Raises `InvalidRequest`, `TooLarge`."""
    longest = settings.max_body_mb << 20
    for source in sources:
        with source.path.open("rb") as file:
            number = 0
            while line := file.readline(longest + 1):
                number += 1
                where = f"{source.where}, line {number}"
                if len(line) > longest:
                    raise TooLarge(f"is longer than {settings.max_body_mb} MiB.", where=where)
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield where, _line(line, endpoint, where, settings)


def write_input(
    content: OpenContent, requests: Iterable[tuple[str, InlineRequest]], model: str | None, settings: Settings
) -> int:
    """Write the job's file; a request without a model gets the job's. Returns how many there are.

    Raises `InvalidRequest`, `TooLarge`, `DiskFull`.
    """
    total, ids, draft = 0, set[str](), bytearray()
    for where, request in requests:
        total += 1
        if total > settings.max_batch_requests:
            raise TooLarge(f"a job has {settings.max_batch_requests} requests at most.", where=where)
        if request.custom_id is not None and request.custom_id in ids:
            raise InvalidRequest(f"the custom_id {request.custom_id!r} came before.", where=where)
        if request.body.get("stream"):
            raise InvalidRequest("a request of a batch cannot be streamed.", where=where, hint="Leave `stream` out.")
        ids.update(() if request.custom_id is None else (request.custom_id,))
        body = request.body if model is None else {"model": model} | request.body
        draft += json.dumps({"custom_id": request.custom_id, "body": body}, separators=(",", ":")).encode() + b"\n"
        if len(draft) > _WRITE:
            content.write(bytes(draft))
            draft.clear()
    if not total:
        raise InvalidRequest("there are no requests.", hint="Send at least one.")
    content.write(bytes(draft))
    return total


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """The rows of a job's file, from its beginning."""
    file.seek(0)
    for number, line in enumerate(file):
        request: dict[str, Any] = json.loads(line)
        yield Row(number, request["custom_id"], json.dumps(request["body"], separators=(",", ":")).encode())


def _line(line: bytes, endpoint: str, where: str, settings: Settings) -> BatchLine:
    try:
        request = parse(BatchLine, line, settings.max_body_items)
    except GalerneError as error:
        raise type(error)(str(error), where=where) from None
    if request.url is not None and request.url != endpoint:
        raise InvalidRequest(f"its url is {request.url[:100]!r}, the batch's endpoint {endpoint}.", where=where)
    return request
