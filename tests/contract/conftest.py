from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.scripted import scripted_app
from tests.contract.server import serving, until_ready

from galerne.bootstrap import build_app
from galerne.settings import Settings


@pytest.fixture(scope="session")
def server(default_model: Path, kernels_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that runs the default model, under all its names."""
    settings = Settings(
        models_dir=default_model.parents[1],
        kernels_dir=kernels_folder,
        data_dir=tmp_path_factory.mktemp("data"),
        kv_cache_mb=256,
    )
    with serving(build_app(settings)) as url:
        until_ready(url)
        yield url


@pytest.fixture(scope="session")
def scripted() -> Iterator[str]:
    """The address of a server whose model fails as the prompt says."""
    with serving(scripted_app()) as url:
        yield url
