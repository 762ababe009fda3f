"""A team of threads that goes through a program in step, and sleeps in between."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field

from galerne.kernels.native.library import Library


@dataclass(slots=True)
class _Call:
    """What the other threads are woken for."""

    gates: list[threading.Lock] = field(default_factory=list)  # one for each of them: released, it may go once
    context: int = 0  # 0: go home


class Team:
    """`threads` threads, the calling one among them. The others end with the team."""

    def __init__(self, library: Library, threads: int) -> None:
        self.threads = threads
        self._library = library
        self._running = threading.Lock()
        self._call = _Call()
        for number in range(1, threads):
            gate = threading.Lock()
            gate.acquire()
            self._call.gates.append(gate)
            arguments = (library, self._call, number, gate)  # not the team: it must be able to end
            threading.Thread(target=_work, args=arguments, name=f"kernels-{number}", daemon=True).start()
        weakref.finalize(self, _go, self._call, 0).atexit = False

    def run(self, context: int) -> None:
        """Execute the program of the context at this address; when this returns, no thread looks at it any longer.

        Callers on several threads take turns.
        """
        with self._running:
            _go(self._call, context)
            self._library.run(context, 0)


def _go(call: _Call, context: int) -> None:
    call.context = context
    for gate in call.gates:
        gate.release()


def _work(library: Library, call: _Call, number: int, gate: threading.Lock) -> None:
    while True:
        gate.acquire()
        context = call.context
        if not context:
            return
        library.run(context, number)
