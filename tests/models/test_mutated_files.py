"""Files with a few bytes changed: refused with a clear error, or computed; never anything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.steps import run_steps
from tests.models.tiny import CONFIGS, Tiny, random_model

from galerne import models
from galerne.errors import BadFile
from galerne.kernels.reference import ReferenceKernels
from galerne.weights import open_checkpoint

CHANGES = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(random_model(CONFIGS["mixtral"]()), tmp_path_factory.mktemp("mutated"))


@pytest.fixture(scope="module")
def config_json(tiny) -> bytes:
    return (tiny.safetensors() / "config.json").read_bytes()


def refused_or_computed(path):
    try:
        model = models.load(open_checkpoint(path), ReferenceKernels(), blocks=2, max_rows=16)
    except BadFile as error:
        refusal = str(error)
    else:
        (logits,) = run_steps(model, [[1, 2, 3]])
        assert logits.shape == (3, model.vocabulary)
        return
    assert path.name in refusal or "config.json" in refusal


@given(changes=CHANGES)
def test_gguf(changes, tiny):
    original = np.fromfile(tiny.gguf(), np.uint8)
    for place, value in changes:
        original[place] = value
    path = tiny.folder / "mutated.gguf"
    original.tofile(path)
    refused_or_computed(path)


@given(changes=CHANGES)
def test_config_json(changes, tiny, config_json):
    text = bytearray(config_json)
    for place, value in changes:
        text[place % len(text)] = value
    (tiny.safetensors() / "config.json").write_bytes(text)
    refused_or_computed(tiny.safetensors())
