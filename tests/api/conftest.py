from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.identity_house import IdentityHouse


@pytest.fixture
def known(tmp_path: Path) -> Iterator[IdentityHouse]:
    """A server that wants to know who asks."""
    house = IdentityHouse(tmp_path)
    yield house
    house.close()
