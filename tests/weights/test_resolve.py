from __future__ import annotations

from pathlib import Path

import pytest
from tests.weights.test_store import MANIFEST, keep

from galerne.errors import ModelNotFound
from galerne.settings import Settings
from galerne.weights.resolve import LocalModel, resolve
from galerne.weights.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    aliases = {"gpt-4o": "tiny", "here": str(tmp_path / "mine.gguf"), "small": "smollm2-135m-instruct"}
    return Settings(models_dir=tmp_path / "models", aliases=aliases)


def test_a_name_and_an_alias_mean_the_same_model(settings: Settings) -> None:
    path = keep(Store(settings.models_dir))
    assert resolve("tiny", settings) == resolve("gpt-4o", settings) == LocalModel("tiny", path, MANIFEST.entry)


def test_a_path_is_a_model_too(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"x")
    (tmp_path / "folder.v1").mkdir()
    monkeypatch.chdir(tmp_path)
    for asked in (str(tmp_path / "mine.gguf"), "mine.gguf", "./mine.gguf", "here"):
        found = resolve(asked, settings)
        assert found.name == "mine"
        assert found.path.samefile(tmp_path / "mine.gguf")
    assert resolve("folder.v1", settings).name == "folder.v1"


def test_a_model_that_is_only_in_the_catalogue_says_how_to_get_it(settings: Settings) -> None:
    with pytest.raises(ModelNotFound, match=r"small: .*galerne models pull smollm2-135m-instruct"):
        resolve("small", settings)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("smolm2-135m-instruct", "Did you mean smollm2-135m-instruct"),
        ("gpt4o", "Did you mean gpt-4o"),
        ("", "galerne models list"),
        ("\0", "galerne models list"),
        ("../../etc/shadow-that-is-not-there", "galerne models list"),
        ("x" * 100_000, "galerne models list"),
    ],
)
def test_an_unknown_name_shows_those_that_are_near(asked: str, hint: str, settings: Settings) -> None:
    with pytest.raises(ModelNotFound, match=hint) as caught:
        resolve(asked, settings)
    assert len(str(caught.value)) < 500
