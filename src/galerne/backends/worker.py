"""The process of an engine: one thread, one socket, one loop. The server's side is `supervised`."""

from __future__ import annotations

import ctypes
import signal
import socket
import sys
from collections.abc import Callable

from galerne.backends.messages import (
    LENGTH_BYTES,
    Cancel,
    Load,
    Loaded,
    Refused,
    Stepped,
    Submit,
    ToServer,
    ToWorker,
    frame,
    frame_length,
    read_to_worker,
)
from galerne.core_files import forbid_core_files
from galerne.engine.engine import Engine
from galerne.engine.events import EndEvent, TokenEvent, VectorEvent
from galerne.errors import GalerneError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def work(server: socket.socket, load: Callable[[Load], tuple[Engine, str, int]]) -> None:
    """Load the model that the server names, and serve it until the server is gone.

    `load` gives an engine, the level of its kernels, and the most tokens that one request can have.
    """
    _die_with_parent()
    forbid_core_files()
    channel = _Channel(server)
    first = channel.receive(wait=True)
    if not first or not isinstance(first[0], Load):
        return
    try:
        engine, level, context_length = load(first[0])
    except GalerneError as error:
        channel.send(Refused.because(error))
        return
    channel.send(Loaded(level, context_length))
    _serve(channel, engine)


def _serve(channel: _Channel, engine: Engine) -> None:
    while True:
        commands = channel.receive(wait=not engine.has_work)
        if commands is None:
            return
        for command in commands:
            _obey(command, engine, channel)
        if engine.has_work:
            events = engine.step()
            tokens = tuple(event for event in events if isinstance(event, TokenEvent))
            ends = tuple(event for event in events if isinstance(event, EndEvent))
            vectors = tuple(event for event in events if isinstance(event, VectorEvent))
            channel.send(Stepped(tokens, vectors, ends, dict(engine.statistics())))


def _obey(command: ToWorker, engine: Engine, channel: _Channel) -> None:
    match command:
        case Submit(request):
            try:
                engine.submit(request)
            except GalerneError as error:
                channel.send(Refused.because(error, request.id))
        case Cancel(id):
            engine.cancel(id)


class _Channel:
    """Whole messages over a stream socket."""

    def __init__(self, server: socket.socket) -> None:
        self._socket = server
        self._received = bytearray()

    def send(self, message: ToServer) -> None:
        self._socket.sendall(frame(message))

    def receive(self, *, wait: bool) -> list[ToWorker] | None:
        """The messages that have arrived; None when the server is gone. With `wait`, at least one."""
        messages = list[ToWorker]()
        while True:
            try:
                data = self._socket.recv(1 << 20, 0 if wait and not messages else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return messages
            if not data:
                return None
            self._received += data
            messages += self._whole()

    def _whole(self) -> list[ToWorker]:
        messages = list[ToWorker]()
        while len(self._received) >= LENGTH_BYTES:
            end = LENGTH_BYTES + frame_length(self._received[:LENGTH_BYTES])
            if len(self._received) < end:
                break
            messages.append(read_to_worker(bytes(self._received[LENGTH_BYTES:end])))
            del self._received[:end]
        return messages


def _die_with_parent() -> None:
    """Never outlive the server, not even hanging, not even when it was killed. Elsewhere the socket's end must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
