"""Databases to test on: SQLite, and PostgreSQL where its server is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.postgres import Cluster, find_server

from galerne.store.database import Database
from galerne.store.schema import upgrade

KINDS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not find_server(), reason="no PostgreSQL server")),
]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/galerne.db"
    else:
        url = request.getfixturevalue("cluster").new_database()
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    upgrade(empty_database)
    return empty_database
