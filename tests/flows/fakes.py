"""A model made of fakes: a token is a byte, a prompt is what was said, and an answer is what a script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galerne.backends.embedder import Bill
from galerne.backends.generator import Settle
from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent, Work
from galerne.engine.request import GenerationRequest, Priority
from galerne.errors import EngineFailed, GalerneError, PromptTooLong
from galerne.flows.loading import OpenedModel
from galerne.flows.served import Footprint, Origin, ServedEmbedder, ServedModel, ServedModels
from galerne.prompt.fim import find_fim
from galerne.prompt.tool_format import HERMES, Thinking
from galerne.protocol.messages import Message, text_of

STOP = 256
GAP = {"<fim_prefix>": 0xF8, "<fim_suffix>": 0xF9, "<fim_middle>": 0xFA, "<file_sep>": 0xFB}  # bytes of no UTF-8 text
CONTEXT = 200

Script = Callable[[GenerationRequest], bytes | GalerneError]
"""What the model answers, or why it does not take the request on."""


class ByteTokenizer:
    """Token n is the byte n; `STOP` ends an answer, `GAP` marks the sides of one."""

    vocabulary_size = 257
    bos: int | None = None
    eos: int | None = STOP
    add_bos = False
    stop_tokens = frozenset({STOP})
    strips_space = False
    longest = 1

    def encode(self, text: str, *, control: bool = False) -> list[int]:  # noqa: ARG002
        return list(text.encode())

    def protect(self, text: str) -> str:
        return text

    def decode(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self.token_bytes, tokens)).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""

    def find(self, spelling: str) -> int | None:
        return GAP.get(spelling)

    def token_text(self, token: int) -> str:
        return self.token_bytes(token).decode(errors="replace")


class PlainTemplate:
    """Says the messages one after the other."""

    digest = "0" * 64
    tool_format = HERMES

    def __init__(self, thinking: Thinking | None = None) -> None:
        self.thinking = thinking
        self.tools: Sequence[Mapping[str, Any]] = ()  # of the last conversation
        self.effort: str | None = None

    def check(self) -> None: ...

    def close(self) -> None: ...

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        effort: str | None = None,
        context: int | None = None,
        now: datetime | None = None,  # noqa: ARG002
    ) -> list[int]:
        self.tools, self.effort = tools, effort
        tokens = [byte for message in messages for byte in text_of(message.content).encode()]
        if context is not None and len(tokens) > 10 * context:
            raise PromptTooLong(f"the prompt has {len(tokens)} characters.", where="messages")
        return tokens


class ScriptedGenerator:
    """Fills the port `Generator`. Gives a token each time the event loop comes round."""

    level = "fake"
    context_length = CONTEXT

    def __init__(self, script: Script, *, fails_after: int | None = None, hangs_after: int | None = None) -> None:
        self._script = script
        self._fails_after = fails_after
        self._hangs_after = hangs_after
        self._cancelled: set[str] = set()
        self.requests: list[GenerationRequest] = []
        self.running: set[str] = set()
        self.is_ready = True

    async def generate(self, request: GenerationRequest, settle: Settle) -> AsyncGenerator[Event]:
        self.requests.append(request)
        answer = self._script(request)
        if isinstance(answer, GalerneError):
            raise answer
        self.running.add(request.id)
        given, reason = 0, EndReason.CANCELLED
        try:
            for token in answer[: request.max_tokens]:
                await asyncio.sleep(0)
                if request.id in self._cancelled:
                    break
                if given == self._hangs_after:
                    await asyncio.Event().wait()
                if given == self._fails_after:
                    reason = EndReason.FAILED
                    raise EngineFailed("the engine broke.", hint="Try again.")
                given += 1
                yield self._event(request, token)
            else:
                reason = EndReason.LENGTH if len(answer) >= request.max_tokens else EndReason.STOP
        finally:
            self.running.discard(request.id)
            end = EndEvent(request.id, reason, Work(len(request.prompt), len(request.prompt) // 2, given))
            settle(end)
        yield end

    def _event(self, request: GenerationRequest, token: int) -> TokenEvent:
        if request.sampling.logprobs is None:
            return TokenEvent(request.id, token)
        best = ((token, -0.5), (STOP, float("-inf")))
        return TokenEvent(request.id, token, -0.5, best[: request.sampling.logprobs])

    def cancel(self, id: str) -> None:
        self._cancelled.add(id)

    async def ready(self) -> bool:
        return self.is_ready

    def statistics(self) -> Mapping[str, float]:
        return {"running": len(self.running)}

    async def close(self) -> None: ...


class ScriptedEngine(ScriptedGenerator):
    """Fills the port `Engine`: it is ready, or fails, when the test says so."""

    def __init__(self, script: Script = lambda _: b"Bonjour !", **misfortunes: int) -> None:
        super().__init__(script, **misfortunes)
        self.is_ready = False
        self.failure: str | None = None
        self.started = self.closed = 0
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self.started += 1

    def get_ready(self) -> None:
        self.is_ready = True
        self._begun.set_result(None)

    def fail(self, error: GalerneError) -> None:
        self.failure = str(error)
        self._begun.set_exception(error)

    async def begun(self) -> None:
        await asyncio.shield(self._begun)

    async def until_idle(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.running:
                    await asyncio.sleep(0)

    def statistics(self) -> Mapping[str, float]:
        return {"running": len(self.running), "open": len(self.running), "resident_bytes": 1000 * self.started}

    async def close(self) -> None:
        self.closed += 1
        self._cancelled |= self.running


class LetterEmbedder:
    """Fills the port `Embedder`: a vector counts the first letters of the alphabet. Told `fails`, it does at once."""

    level = "fake"
    dimensions = 8
    context_length = 30
    tokenizer = ByteTokenizer()

    def __init__(self, fails: GalerneError | None = None) -> None:
        self._fails = fails
        self.asked: list[Sequence[Sequence[int]]] = []
        self.priorities: list[Priority] = []

    async def embed(
        self, id: str, texts: Sequence[Sequence[int]], tenant: str, priority: Priority, bill: Bill
    ) -> NDArray[np.float32]:
        assert tenant
        self.priorities.append(priority)
        if self._fails is not None:
            raise self._fails
        self.asked.append(texts)
        await asyncio.sleep(0)
        counts = np.array([[text.count(97 + letter) for letter in range(8)] for text in texts], np.float32)
        for number, text in enumerate(texts):
            bill.settle(EndEvent(f"{id}-{number}", EndReason.STOP, Work(prompt_tokens=len(text))))
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    async def close(self) -> None: ...


def served_model(generator: ScriptedGenerator, name: str = "fake", *, fim: bool = False) -> ServedModel:
    return ServedModel(
        name=name,
        origin=Origin("d" * 64, 1_700_000_000, "nobody", "MIT", Footprint(98_000_000, 135_000_000, 400_000_000, True)),
        tokenizer=ByteTokenizer(),
        template=PlainTemplate(),
        fim=find_fim(ByteTokenizer()) if fim else None,
        generator=generator,
    )


def opened(engine: ScriptedEngine, name: str, *, listed: bool = True) -> OpenedModel:
    model = served_model(engine, name)
    return OpenedModel(model, ServedEmbedder(name, model.origin, LetterEmbedder()), engine, listed)


def served(
    generator: ScriptedGenerator,
    name: str = "fake",
    *,
    fim: bool = False,
    embedder: LetterEmbedder | None = None,
    is_here: Callable[[str], bool] = lambda _: False,
) -> ServedModels:
    letters = ServedEmbedder("letters", Origin("e" * 64, 1_700_000_000, "nobody", None), embedder or LetterEmbedder())
    return ServedModels(
        [served_model(generator, name, fim=fim)],
        {"alias": name, "elsewhere": "another", "mistral-embed": "letters"},
        [letters],
        is_here,
    )
