"""Log lines: one event, one line, on stderr; for people (`text`) or for a log collector (`json`)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class _Line(logging.Formatter):
    """A record's own words first, then what was given as `extra` (request_id, status, ...)."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return fields


class _JsonLine(_Line):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False, default=str)


class _TextLine(_Line):
    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        exception = fields.pop("exception", None)
        head = [fields.pop("time"), fields.pop("level"), fields.pop("logger"), _escaped(fields.pop("message"))]
        rest = [f"{name}={_escaped(value)}" for name, value in fields.items()]
        return " ".join(head + rest) + (f"\n{exception}" if exception else "")


def _escaped(value: object) -> str:
    """What a client sent may hold line breaks: it must not be able to forge a line of the log."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(value))


def configure_logs(style: Literal["text", "json"], level: str) -> None:
    """Send the log of this process to stderr. Called once, by the command that serves."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if style == "json" else _TextLine())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("alembic", "fontTools"):  # else they tell every detail of a start, and of a PDF
        logging.getLogger(chatty).setLevel(logging.WARNING)
