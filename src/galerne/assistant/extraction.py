"""Files -> their text, by a process of its own for each: it has little time and memory, and cannot reach anything."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from galerne.child_process import ChildProcess
from galerne.errors import InvalidRequest

PROCESSES = 2
"""That read at once."""

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

_PROGRAM = Path(__file__).with_name("file_text.py")
_START_SECONDS = 20.0  # a busy machine starts a process slowly
_BYTES_OF_A_CHARACTER = 12  # as JSON escapes it at worst


@dataclass(frozen=True, slots=True)
class FileText:
    """What was read. The process sets every field."""

    text: str
    kind: str  # "text", "pdf", "docx"
    encoding: str | None  # of a text
    pages: int | None  # of a PDF


class Extraction:
    """Reads files. To be used from one event loop."""

    def __init__(self, *, seconds: float, most_characters: int) -> None:
        """A file may take so long to read, and have so many characters."""
        self._seconds = seconds
        self._most = most_characters
        self._turns = asyncio.Semaphore(PROCESSES)

    async def read(self, data: bytes) -> FileText:
        """Raises `InvalidRequest` for what cannot be read, or takes too much."""
        async with self._turns:
            answer = await asyncio.to_thread(self._ask, data)
        if "text" not in answer:
            raise _refusal(str(answer.get("refused") or answer.get("failed")))
        return FileText(answer["text"], answer["kind"], answer.get("encoding"), answer.get("pages"))

    def _ask(self, data: bytes) -> dict[str, Any]:
        process = ChildProcess(_PROGRAM, most_bytes=self._most * _BYTES_OF_A_CHARACTER + 65_536)
        question = {"data": base64.b64encode(data).decode(), "most": self._most}
        try:
            process.start()
            process.ask(json.dumps({"data": "", "most": 0}).encode(), _START_SECONDS)  # it is there
            answer: dict[str, Any] = json.loads(process.ask(json.dumps(question).encode(), self._seconds))
        except TimeoutError:
            raise _refusal(f"reading it takes more than {self._seconds:g} seconds.") from None
        except EOFError:
            raise _refusal("reading it takes too much memory.") from None
        finally:
            process.end()
        return answer


def _refusal(why: str) -> InvalidRequest:
    return InvalidRequest(why, where="file")
