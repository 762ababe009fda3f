"""What a server and the process of an engine say to each other: JSON in frames, checked on arrival, never pickled.

A frame is a length (4 bytes, big-endian) and so many bytes of JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from galerne.engine.events import EndEvent, TokenEvent, VectorEvent
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, GalerneError

LENGTH_BYTES = 4
MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Load:
    """The server's first word."""

    model: str
    settings: dict[str, Any]  # the server's own, so that both decide alike
    kind: Literal["load"] = "load"


@dataclass(frozen=True, slots=True)
class Submit:
    request: GenerationRequest
    kind: Literal["submit"] = "submit"


@dataclass(frozen=True, slots=True)
class Cancel:
    id: str
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The worker's first word: it takes requests."""

    level: str  # of its kernels
    context_length: int  # the most tokens that one request can have
    kind: Literal["loaded"] = "loaded"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request (or, with no id, the model) was not taken on."""

    id: str | None
    code: str  # of the error's class
    message: str
    where: str | None
    hint: str | None
    kind: Literal["refused"] = "refused"

    @classmethod
    def because(cls, error: GalerneError, id: str | None = None) -> Refused:
        return cls(id, error.code, error.message, error.where, error.hint)

    def error(self) -> GalerneError:
        known = {failure.code: failure for failure in _tree(GalerneError)}
        return known.get(self.code, EngineFailed)(self.message, where=self.where, hint=self.hint)


@dataclass(frozen=True, slots=True)
class Stepped:
    """The engine made a step. Sent for every one, so that a silent engine that has work is known to hang."""

    tokens: tuple[TokenEvent, ...]
    vectors: tuple[VectorEvent, ...]
    ends: tuple[EndEvent, ...]  # of one request always after its tokens or vector
    statistics: dict[str, float]
    kind: Literal["stepped"] = "stepped"


ToWorker = Load | Submit | Cancel
ToServer = Loaded | Refused | Stepped

_finite_or_not = ConfigDict(ser_json_inf_nan="constants")  # a log-probability may be -inf
_to_worker: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="kind")], config=_finite_or_not)
_to_server: TypeAdapter[ToServer] = TypeAdapter(Annotated[ToServer, Field(discriminator="kind")], config=_finite_or_not)


def frame(message: ToWorker | ToServer) -> bytes:
    adapter: TypeAdapter[Any] = _to_worker if isinstance(message, ToWorker) else _to_server
    body = adapter.dump_json(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def frame_length(header: bytes | bytearray) -> int:
    """Raises `EngineFailed` for a length that no message has."""
    length = int.from_bytes(header, "big")
    if length > MOST_BYTES:
        raise EngineFailed(f"a message of {length} bytes came from the engine's process.")
    return length


def read_to_worker(body: bytes) -> ToWorker:
    return _to_worker.validate_json(body)


def read_to_server(body: bytes) -> ToServer:
    return _to_server.validate_json(body)


def _tree(root: type[GalerneError]) -> Iterator[type[GalerneError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)
