"""The process that renders a template, seen from outside: started when needed, killed when it takes too long."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from galerne.child_process import ChildProcess
from galerne.errors import InvalidRequest, TemplateError

_PROGRAM = Path(__file__).with_name("renderer.py")
_START_SECONDS = 20.0  # a busy machine starts a process slowly; compiling counts as the template's own time
_ESCAPED = 12  # bytes of JSON that one character can need


class RenderProcess:
    """Renders one template, one conversation at a time. Safe to use from several threads."""

    def __init__(self, template: str, *, seconds: float, output_chars: int, where: str) -> None:
        self._first = {"template": template, "output_chars": output_chars}
        self._seconds = seconds
        self._where = where
        self._lock = threading.Lock()
        self._process = ChildProcess(_PROGRAM, most_bytes=_ESCAPED * output_chars + 65_536)

    def check(self) -> None:
        """Start the process and compile the template, if that is not done yet. Raises `TemplateError`."""
        with self._lock:
            self._start()

    def render(self, variables: dict[str, Any], now: datetime) -> str:
        """Raises `TemplateError`; `InvalidRequest` when the template itself refuses the conversation."""
        with self._lock:
            self._start()
            answer = self._ask({"variables": variables, "now": now.isoformat()}, self._seconds)
        if "refused" in answer:
            raise InvalidRequest(f"the model's chat template refuses this: {answer['refused']}", where="messages")
        return str(answer["text"])

    def close(self) -> None:
        """End the process; the next `render` would start another."""
        with self._lock:
            self._process.end()

    def _start(self) -> None:
        if self._process.running:
            return
        self._process.start()
        try:
            self._ask({}, _START_SECONDS)
            self._ask(self._first, self._seconds)
        except TemplateError:
            self._process.end()
            raise

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._process.ask(json.dumps(request).encode(), seconds))
        except TimeoutError:
            raise TemplateError(f"the chat template took more than {seconds:g} seconds.", where=self._where) from None
        except EOFError:
            raise TemplateError("the chat template used more memory than it may.", where=self._where) from None
        if "failed" in answer:
            raise TemplateError(f"the chat template failed: {answer['failed']}", where=self._where)
        return answer
