"""The application over a scripted model: what the tests of the API ask."""

from __future__ import annotations

from typing import Any

from tests.api.client import Answer, Client, Exchange
from tests.flows.fakes import Script, ScriptedGenerator, served

from galerne.api.application import create_app
from galerne.errors import GalerneError
from galerne.identity.caller import Everyone
from galerne.settings import Settings

CHAT = "/v1/chat/completions"


class House:
    def __init__(
        self,
        answer: bytes | GalerneError | Script = b"Bonjour !",
        *,
        fails_after: int | None = None,
        hangs_after: int | None = None,
        fim: bool = False,
        **settings: Any,
    ) -> None:
        script: Script = answer if callable(answer) else lambda _: answer
        self.generator = ScriptedGenerator(script, fails_after=fails_after, hangs_after=hangs_after)
        self.settings = Settings(**{"model": "fake"} | settings)
        self.app = create_app(served(self.generator, fim=fim), Everyone(), self.settings)
        self.client = Client(self.app)

    async def ask(self, content: str = "Hello", **fields: Any) -> Answer:
        return await self.client.post(CHAT, question(content, **fields))

    def open(self, content: str = "Hello", **fields: Any) -> Exchange:
        return self.client.send(CHAT, question(content, **fields))


async def metric(client: Client, sample: str) -> float:
    """The value of `name{label="value",...}`, as Prometheus reads it; 0 when there is none."""
    lines = (await client.get("/metrics")).body.decode().splitlines()
    return next((float(line.removeprefix(sample)) for line in lines if line.startswith(f"{sample} ")), 0.0)


def question(content: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": content}]} | fields
