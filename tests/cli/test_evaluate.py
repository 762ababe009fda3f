from __future__ import annotations

import json
from math import exp
from types import SimpleNamespace

import numpy as np
import pytest
from tests.models.tiny import CONFIGS, Tiny, random_model
from typer.testing import CliRunner

from galerne import bootstrap, models
from galerne.cli.evaluate import app
from galerne.errors import BadFile, TooLarge
from galerne.evaluation.perplexity import Perplexity
from galerne.kernels.reference import ReferenceKernels
from galerne.weights import open_checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(random_model(CONFIGS["llama"]()), tmp_path_factory.mktemp("llama"))


@pytest.fixture(autouse=True)
def loaded(tiny, monkeypatch):
    """A model whose tokens are bytes."""
    model = models.load(open_checkpoint(tiny.gguf()), ReferenceKernels(), blocks=4, max_rows=64)
    tokenizer = SimpleNamespace(encode=lambda text: list(text.encode("ascii")))
    asked = []

    def load_local_model(name, _):
        asked.append(name)
        return SimpleNamespace(model=model, tokenizer=tokenizer)

    monkeypatch.setattr(bootstrap, "load_local_model", load_local_model)
    return asked


def run(*arguments: object):
    return CliRunner().invoke(app, ["perplexity", *map(str, arguments)])


def test_the_figures_are_those_of_the_model(tiny, tmp_path, loaded):
    text = tmp_path / "text.txt"
    text.write_bytes(b"One line,\r\nand another one.\n")
    result = run(text, "--model", "some-model", "--context", 20, "--json")
    assert result.exit_code == 0
    assert loaded == ["some-model"]
    figures = json.loads(result.stdout)
    tokens = list(text.read_bytes())
    nll = 0.0
    for window in (tokens[:20], tokens[20:]):
        logits = tiny.logits(window).astype(np.float64)
        scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        nll -= sum(row[token] for row, token in zip(scores, window[1:], strict=False))
    assert figures["tokens"] == len(tokens) - 2
    assert figures["nll"] == pytest.approx(nll, rel=1e-4)
    assert figures["perplexity"] == pytest.approx(exp(nll / figures["tokens"]), rel=1e-4)


def test_people_read_the_same_figures(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("Some words.")
    figures = json.loads(run(text, "--context", 8, "--json").stdout)
    lines = dict(line.split() for line in run(text, "--context", 8).stdout.splitlines())
    assert {name: float(value) for name, value in lines.items()} == pytest.approx(figures, rel=1e-9)


def test_an_interruption_keeps_what_was_measured(tmp_path, monkeypatch):
    def interrupted(*_):
        yield Perplexity(tokens=10, nll=20.0)
        raise KeyboardInterrupt

    monkeypatch.setattr("galerne.evaluation.perplexity.measure_perplexity", interrupted)
    text = tmp_path / "text.txt"
    text.write_text("Some words.")
    result = run(text, "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {"tokens": 10, "nll": 20.0, "perplexity": pytest.approx(exp(2))}
    assert "Interrupted" in result.stderr


def test_a_text_that_is_not_utf_8(tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes(b"caf\xe9")
    error = run(text).exception
    assert isinstance(error, BadFile)
    assert str(error).endswith("text.txt: byte 3 is not UTF-8.")


def test_a_text_that_is_too_large(tmp_path):
    text = tmp_path / "text.txt"
    with text.open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert isinstance(run(text).exception, TooLarge)


def test_wrong_usage(tmp_path, loaded):
    text = tmp_path / "text.txt"
    text.write_text("Some words.")
    assert run(tmp_path / "absent.txt").exit_code == 2
    assert run(tmp_path).exit_code == 2
    assert run(text, "--context", 1).exit_code == 2
    assert loaded == []
