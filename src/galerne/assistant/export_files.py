"""Export files of assistants -> their chats, one after the other: at no time are all of them in memory as objects."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, Literal

from galerne.assistant.arrivals import Arrival, Unreadable, title
from galerne.assistant.chatgpt import is_chatgpt, read_chatgpt
from galerne.assistant.galerne_export import is_galerne, read_galerne
from galerne.assistant.open_webui import is_open_webui, read_open_webui
from galerne.errors import InvalidRequest, TooLarge

Format = Literal["chatgpt", "open-webui", "galerne"]

_LISTS = re.compile(r"(?:.*/)?(?:conversations(?:-\d+)?|chats)\.json")
_SPACE = re.compile(r"[ \t\n\r]*")
_CHATS = re.compile(r'\s*\{\s*"object"\s*:\s*"galerne\.chats".*?"chats"\s*:\s*(?=\[)', re.DOTALL)
_READERS: Mapping[Format, tuple[Callable[[Any], bool], Callable[[Mapping[str, Any]], Arrival]]] = {
    "chatgpt": (is_chatgpt, read_chatgpt),
    "open-webui": (is_open_webui, read_open_webui),
    "galerne": (is_galerne, read_galerne),
}
_HINT = "Choose the zip file or the JSON that ChatGPT, Open WebUI or Galerne exported."


@dataclass(frozen=True, slots=True)
class Unread:
    """A chat that could not be read, and why. The reader sets every field."""

    title: str | None
    why: str


def read_export(file: IO[bytes], most_bytes: int) -> tuple[Format, Iterator[Arrival | Unread]]:
    """Whose export it is, and the chats in it. Both raise `InvalidRequest` for what is no export, `TooLarge`."""
    documents = _documents(file, most_bytes)
    first = next(documents, None)
    kind = _kind(first)
    return kind, (_read(kind, document) for document in chain([first], documents))


def _read(kind: Format, document: Any) -> Arrival | Unread:
    matches, read = _READERS[kind]
    if not matches(document):
        return Unread(None, "it is no chat.")
    try:
        return read(document)
    except Unreadable as fault:
        return Unread(title(document.get("title")), str(fault))


def _kind(document: Any) -> Format:
    for kind, (matches, _) in _READERS.items():
        if matches(document):
            return kind
    raise InvalidRequest("is no export of an assistant that is known.", where="file", hint=_HINT)


def _documents(file: IO[bytes], most_bytes: int) -> Iterator[Any]:
    """Whatever is listed, without its list."""
    for data in _json_files(file, most_bytes):
        try:
            yield from _items(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"is not JSON: {str(error)[:200]}.", where="file", hint=_HINT) from None


def _items(listing: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    head = _CHATS.match(listing[:10_000])
    place = _skip(listing, head.end() if head else 0)
    if listing[place : place + 1] != "[":
        yield decoder.raw_decode(listing, place)[0]
        return
    place = _skip(listing, place + 1)
    while listing[place : place + 1] != "]":
        item, place = decoder.raw_decode(listing, place)
        yield item
        place = _skip(listing, place)
        if listing[place : place + 1] == ",":
            place = _skip(listing, place + 1)
        elif listing[place : place + 1] != "]":
            raise ValueError(f"a list ends in the middle, at {place}")


def _skip(listing: str, place: int) -> int:
    space = _SPACE.match(listing, place)
    assert space is not None  # it matches nothing, too
    return space.end()


def _json_files(file: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    """The file, or what an archive has of the names that ChatGPT and Galerne give."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        yield _bounded(file, most_bytes)
        return
    left = most_bytes
    try:
        with zipfile.ZipFile(file) as archive:
            for name in sorted(filter(_LISTS.fullmatch, archive.namelist())):
                with archive.open(name) as part:
                    data = _bounded(part, left)
                left -= len(data)
                yield data
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InvalidRequest(f"is an archive that cannot be read: {error}.", where="file", hint=_HINT) from None


def _bounded(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise TooLarge(f"it has more than {most >> 20} MiB when it is unpacked.", where="file")
    return data
