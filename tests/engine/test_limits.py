from __future__ import annotations

import math

import pytest

from galerne.engine.limits import EngineLimits
from galerne.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_batch_tokens", 0),
        ("max_running", 0),
        ("max_waiting", -1),
        ("step_seconds", 0.0),
        ("step_seconds", math.nan),
    ],
)
def test_limits_without_sense_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(SettingsError) as error:
        EngineLimits(**{name: value})  # type: ignore[arg-type]
    assert error.value.where == name
