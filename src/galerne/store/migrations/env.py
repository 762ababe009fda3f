"""Alembic's entry: runs the steps in the connection that `store.schema` gives."""

from __future__ import annotations

from alembic import context

from galerne.store import tables  # noqa: F401
from galerne.store.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
