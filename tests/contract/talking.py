"""A server that keeps what is said, for two workspaces, over a model that answers as a script says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mistralai.client import Mistral
from openai import AsyncOpenAI, OpenAI
from tests.api.kept_house import KeptHouse
from tests.contract.server import serving

from galerne.engine.request import GenerationRequest
from galerne.errors import GalerneError


@dataclass(slots=True)
class Talking:
    """The server, and what its model answers next. `talking` sets every field."""

    url: str
    house: KeptHouse
    answer: bytes | GalerneError = b"Bonjour !"

    def mistral(self, key: str = "anna") -> Mistral:
        return Mistral(api_key=key, server_url=self.url)

    def openai(self, key: str = "anna") -> OpenAI:
        return OpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0)

    def async_openai(self, key: str = "anna") -> AsyncOpenAI:
        return AsyncOpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0)

    @property
    def prompt(self) -> str:
        """What the model was asked last."""
        return bytes(self.house.generator.requests[-1].prompt).decode()


@contextmanager
def talking(folder: Path, fails_after: int | None = None) -> Iterator[Talking]:
    def script(_: GenerationRequest) -> bytes | GalerneError:
        return server.answer

    house = KeptHouse(folder, script, fails_after=fails_after)
    with serving(house.app) as url:
        server = Talking(url, house)
        yield server
    house.database.close()
