from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from galerne.errors import SettingsError
from galerne.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_arguments_go_before_variables_before_the_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "galerne.toml").write_text('port = 1111\nhost = "::1"\nthreads = 3\n')
    monkeypatch.setenv("GALERNE_PORT", "2222")
    monkeypatch.setenv("GALERNE_HOST", "127.0.0.2")
    settings = load_settings({"port": 3333, "model": None})
    assert (settings.port, settings.host, settings.threads) == (3333, "127.0.0.2", 3)
    assert settings.model == "smollm2-135m-instruct"


def test_a_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.toml").write_text('[aliases]\n"gpt-4o" = "mistral-7b"\n')
    monkeypatch.setenv("GALERNE_CONFIG", str(tmp_path / "elsewhere.toml"))
    assert load_settings().aliases == {"gpt-4o": "mistral-7b"}


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_a_path_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GALERNE_MODELS_DIR", "~/models")
    assert load_settings().models_dir == tmp_path / "models"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GALERNE_PROT", "8000", "GALERNE_PROT: there is no such setting"),
        ("GALERNE_PORT", "eighty", "port: "),
        ("GALERNE_PORT", "0", "port: "),
        ("GALERNE_PORT", "65536", "port: "),
        ("GALERNE_THREADS", "-1", "threads: "),
        ("GALERNE_TEMPLATE_SECONDS", "nan", "template_seconds: "),
        ("GALERNE_KERNELS", "magic", "kernels: "),
        ("GALERNE_ALIASES", "{not json", "aliases"),
        ("GALERNE_CONFIG", "nowhere.toml", "GALERNE_CONFIG: no file at nowhere.toml"),
    ],
)
def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as failure:
        load_settings()
    assert words in str(failure.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 8000", "prot: "),
        ("port = ", "galerne.toml: "),
        ("port = 'x'", "port: "),
        ("aliases = 3", "aliases: "),
        ("[aliases]\na = 3", "aliases.a: "),
        ("\udcff", "galerne.toml: "),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "galerne.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError) as failure:
        load_settings()
    assert words in str(failure.value)


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "galerne.toml").write_text("port = 1")
    monkeypatch.setattr(tomllib, "load", _refuse)
    with pytest.raises(SettingsError, match=r"galerne\.toml: cannot be read: Permission denied"):
        load_settings()


def _refuse(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_every_alias_points_at_a_model_and_no_alias_at_another() -> None:
    aliases = Settings().aliases
    assert not set(aliases) & set(aliases.values())


@pytest.mark.parametrize(
    "origin", ["*", "https://a.example/", "https://a.example; script-src *", "a.example", "https://a b"]
)
def test_an_origin_is_nothing_that_a_policy_would_take_for_more(origin: str) -> None:
    assert load_settings({"embed_origins": ("https://a.example:8443",)}).embed_origins == ("https://a.example:8443",)
    with pytest.raises(SettingsError, match="embed_origins"):
        load_settings({"embed_origins": (origin,)})
