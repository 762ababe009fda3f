"""A server that keeps what is said, for two workspaces, over a model that answers as a script says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mistralai.client import Mistral
from openai import AsyncOpenAI, OpenAI
from tests.api.kept_house import KeptHouse
from tests.contract.server import serving
from tests.flows.fakes import PlainTemplate

from galerne.engine.request import GenerationRequest

GREETING = b"Bonjour !"


@dataclass(slots=True)
class Talking:
    """The server, and what its model answers next. `talking` sets every field."""

    url: str
    house: KeptHouse
    answers: list[bytes] = field(default_factory=list)  # those to come; when there is none, it is `GREETING`

    def will_say(self, *answers: bytes) -> None:
        self.answers[:] = answers

    def mistral(self, key: str = "anna") -> Mistral:
        return Mistral(api_key=key, server_url=self.url)

    def openai(self, key: str = "anna") -> OpenAI:
        return OpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0)

    def async_openai(self, key: str = "anna") -> AsyncOpenAI:
        return AsyncOpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0)

    @property
    def template(self) -> PlainTemplate:
        """What the model was told last."""
        template = self.house.app.state.models.find("fake").template
        assert isinstance(template, PlainTemplate)
        return template

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """The functions that the model was told of last."""
        return self.template.tools

    @property
    def prompt(self) -> str:
        """What the model was asked last."""
        return bytes(self.house.generator.requests[-1].prompt).decode()


@contextmanager
def talking(folder: Path, fails_after: int | None = None) -> Iterator[Talking]:
    def script(_: GenerationRequest) -> bytes:
        return server.answers.pop(0) if server.answers else GREETING

    house = KeptHouse(folder, script, fails_after=fails_after)
    house.generator.context_length = 1000
    with serving(house.app) as url:
        server = Talking(url, house)
        yield server
    house.database.close()


def call(name: str, **arguments: Any) -> bytes:
    """How the model calls a function."""
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments)}}}\n</tool_call>'.encode()
