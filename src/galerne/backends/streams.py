"""From an engine elsewhere (a thread, a process) to whoever waits for a request's events in the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable

from galerne.backends.generator import Settle
from galerne.engine.events import EndEvent, EndReason, Event, TokenEvent, VectorEvent, Work
from galerne.engine.request import GenerationRequest
from galerne.errors import BadGrammar, EngineFailed, GalerneError, InvalidRequest


class Streams:
    """The requests under way. Everything here happens in one event loop."""

    def __init__(self) -> None:
        self._open: dict[str, _Stream] = {}
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    async def until_empty(self) -> None:
        """Return when no request is open."""
        while self._open:
            self._emptied.clear()
            await self._emptied.wait()

    async def follow(
        self,
        request: GenerationRequest,
        settle: Settle,
        submit: Callable[[GenerationRequest], None],
        cancel: Callable[[str], None],
    ) -> AsyncGenerator[Event]:
        """Submit a request and give its events; cancel it when iteration ends before it does."""
        if request.id in self._open:
            raise InvalidRequest(f"a request {request.id!r} is under way already.", where="id")
        stream = self._open[request.id] = _Stream(request, settle)
        submit(request)
        try:
            while True:
                event = await stream.next()
                if isinstance(event, EndEvent):
                    stream.settle(event)
                    _raise_failure(event)
                yield event
                if isinstance(event, EndEvent):
                    return
        finally:
            if request.id in self._open:
                stream.left = True
                cancel(request.id)
            elif (unread := stream.last) is not None:
                stream.settle(unread if isinstance(unread, EndEvent) else _no_work(request.id))

    def deliver(self, events: Iterable[Event]) -> None:
        """Hand events on, in order. An end that somebody waits for is settled when the tokens before it have been read:
        it may come at once with the last of them."""
        for event in events:
            stream = self._open.get(event.id)
            if stream is None:
                continue
            if isinstance(event, EndEvent):
                self._take(event.id)
                if stream.left:
                    stream.settle(event)
            stream.put(event)

    def refuse(self, id: str, error: GalerneError) -> None:
        """The engine did not take the request on."""
        stream = self._take(id)
        if stream is not None and stream.left:
            stream.settle(_no_work(id))
        elif stream is not None:
            stream.put(error)

    def end_all(self, reason: EndReason, error: str | None = None) -> None:
        """The engine is gone: every open request ends and is settled, with what is known of its work."""
        ends = [EndEvent(id, reason, stream.work(), error) for id, stream in self._open.items()]
        for end in ends:
            self._open[end.id].settle(end)
        self.deliver(ends)

    def _take(self, id: str) -> _Stream | None:
        stream = self._open.pop(id, None)
        if not self._open:
            self._emptied.set()
        return stream


class _Stream:
    """One request's events on their way."""

    def __init__(self, request: GenerationRequest, settle: Settle) -> None:
        self._settle: Settle | None = settle
        self.left = False  # nobody iterates any longer
        self._prompt_tokens = len(request.prompt)
        self._tokens = 0
        self._events: deque[Event | GalerneError] = deque()
        self._arrived = asyncio.Event()

    def settle(self, end: EndEvent) -> None:
        """The last word, which is said once."""
        if self._settle is not None:
            self._settle(end)
            self._settle = None

    def put(self, event: Event | GalerneError) -> None:
        if isinstance(event, TokenEvent):
            self._tokens += 1
        self._events.append(event)
        self._arrived.set()

    async def next(self) -> Event:
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        if isinstance(event, GalerneError):
            raise event
        return event

    @property
    def last(self) -> EndEvent | GalerneError | None:
        """The end or the refusal, where it waits to be read."""
        event = self._events[-1] if self._events else None
        return None if isinstance(event, TokenEvent | VectorEvent) else event

    def work(self) -> Work:
        """At least this was computed: what arrived here."""
        return Work(prompt_tokens=self._prompt_tokens, completion_tokens=self._tokens, cpu_seconds=None)


def _no_work(id: str) -> EndEvent:
    """For a request that was refused after whoever iterates had left: who waits for the last word gets one."""
    return EndEvent(id, EndReason.CANCELLED, Work())


def _raise_failure(end: EndEvent) -> None:
    if end.reason is EndReason.FAILED:
        raise EngineFailed(end.error or "the engine failed.", hint="Try again.")
    if end.reason is EndReason.REFUSED:
        raise BadGrammar(end.error or "the grammar cannot be followed.", hint="Ask for a simpler form of answer.")
