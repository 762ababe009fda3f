"""What engines were asked. Fills the port `RequestStore`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Column, DateTime, String, Table, Text, delete, insert, select

from galerne.flows.kept_requests import KeptRequest
from galerne.store.database import Database
from galerne.store.metadata import metadata

kept_requests = Table(
    "kept_requests",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("user", String(64), index=True),
    Column("time", DateTime(timezone=True), nullable=False, index=True),
    Column("body", Text, nullable=False),  # JSON
)

_request = TypeAdapter(KeptRequest)


class SqlRequestStore:
    def __init__(self, database: Database, days: int) -> None:
        """Requests are kept for so many days."""
        self._database = database
        self._days = days

    def keep(self, request: KeptRequest) -> None:
        body = _request.dump_json(request).decode()
        row = {"id": request.id, "user": request.user, "time": datetime.now(UTC), "body": body}
        with self._database.write() as connection:
            connection.execute(insert(kept_requests).values(row))

    def find(self, id: str) -> KeptRequest | None:
        with self._database.read() as connection:
            body = connection.execute(select(kept_requests.c.body).where(kept_requests.c.id == id)).scalar()
        return None if body is None else _request.validate_json(body)

    def tidy(self) -> None:
        with self._database.write() as connection:
            old = kept_requests.c.time < datetime.now(UTC) - timedelta(days=self._days)
            connection.execute(delete(kept_requests).where(old))
