"""What all tests share: the default model, fetched once, compiled kernels, databases, and how property tests run."""

from __future__ import annotations

import os

# One thread of torch's and of numpy's, read when they are imported: two of each process that runs tests would wait for
# each other on two cores, and those that wait compute all the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.store.postgres import Cluster, find_server
from tests.store.ready import lay_out

from galerne.open_files import allow_open_files
from galerne.store.database import Database
from galerne.weights.catalogue import load_catalogue
from galerne.weights.pull import pull
from galerne.weights.store import Store

allow_open_files()  # houses that tests build keep theirs until the process ends

settings.register_profile(
    "galerne", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("galerne")


def pytest_collection_finish() -> None:
    """What is imported by now stays: no need to look through it at every collection, which took a sixth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not find_server(), reason="no PostgreSQL server")),
]


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The default model's GGUF file, pulled into the user's cache the first time that a test run asks for it."""
    name = "smollm2-135m-instruct"
    store = Store(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galerne-tests" / "models")
    return store.path(name, pull(load_catalogue()[name], store, lambda *_: None))


@pytest.fixture(scope="session")
def kernels_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kernels are compiled once for all tests, and for the processes that run them side by side."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database with all tables."""
    yield from _opened(f"sqlite:///{lay_out(tmp_path)}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture(params=DATABASES)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Either one, SQLite or PostgreSQL, where its server is installed."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/galerne.db"
    else:
        url = request.getfixturevalue("cluster").new_database()
    yield from _opened(url)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The same, with all tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{lay_out(tmp_path)}"
    else:
        url = request.getfixturevalue("cluster").ready_database()
    yield from _opened(url)


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
