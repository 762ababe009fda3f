"""Labels: the metadata that clients give to what they own, kept so that it can be found by them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, String, Table, Text, and_, delete, exists, insert

from galerne.protocol.metadata import Metadata
from galerne.store.metadata import metadata

labels = Table(
    "labels",
    metadata,
    Column("owner", String, primary_key=True),  # the id of what is labelled
    Column("name", String, primary_key=True),  # as JSON, which spells what a database cannot hold
    Column("value", Text, nullable=False),  # as JSON: equal values, equal texts
)


def put_labels(connection: Connection, owner: str, values: Metadata) -> None:
    """Give the owner these labels, and no others."""
    connection.execute(delete(labels).where(labels.c.owner == owner))
    if values:
        rows = [{"owner": owner, "name": _text(name), "value": _text(value)} for name, value in values.items()]
        connection.execute(insert(labels), rows)


def labelled(owner: ColumnElement[str], values: Metadata) -> ColumnElement[bool]:
    """Whether the owner has all of these labels."""
    return and_(
        True,
        *(
            exists().where(labels.c.owner == owner, labels.c.name == _text(name), labels.c.value == _text(value))
            for name, value in values.items()
        ),
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
