"""`galerne models`, run as a program is run: arguments in, text and an exit code out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.weights.gguf_bytes import gguf
from tests.weights.test_catalogue import VALID, catalogue

from galerne import cli

DEFAULT = "smollm2-135m-instruct"


class Galerne:
    """The program, with a models' folder and a catalogue of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object, exit_code: int = 0) -> tuple[str, str]:
        self.monkeypatch.setattr(sys, "argv", ["galerne", "models", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = self.capsys.readouterr()
        assert (left.value.code or 0) == exit_code, err
        return out, err

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json")[0])

    def fails(self, *arguments: object) -> str:
        """The one line that it says, after any progress."""
        out, err = self(*arguments, exit_code=1)
        assert out == ""
        (line,) = [line for line in err.splitlines() if line.startswith("galerne: ")]
        assert err.endswith(f"{line}\n")
        return line


@pytest.fixture
def galerne(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, default_model: Path
) -> Galerne:
    (tmp_path / "bad.gguf").write_bytes(gguf() + b"x")
    own = catalogue(
        tmp_path,
        VALID | {"name": DEFAULT, "source": f"file:{default_model}", "context": 8192},
        VALID | {"name": "bad", "source": f"file:{tmp_path / 'bad.gguf'}", "sha256": "0" * 64},
        VALID | {"name": "blind", "unsupported": "it cannot see."},
        VALID | {"name": "huge", "parameters": 10**14, "licence": "MNPL-0.1", "commercial": False},
    )
    monkeypatch.setenv("GALERNE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GALERNE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("GALERNE_CATALOGUE", str(own))
    monkeypatch.chdir(tmp_path)
    return Galerne(capsys, monkeypatch)


def test_a_model_s_life(galerne: Galerne, default_model: Path, tmp_path: Path) -> None:
    """Listed, pulled, shown, removed."""
    assert galerne.json("list", "--here") == {"models": []}
    out, err = galerne("pull")
    path = tmp_path / "models" / DEFAULT / default_model.name
    assert out == f"{DEFAULT} is at {path}\n"
    assert err == f"copying {default_model.name} (98 MB)\nchecking (98 MB)\n"
    assert galerne("pull", DEFAULT) == (out, "")  # it is here
    assert galerne.json("pull", "gpt-4o-mini") == {"name": "gpt-4o-mini", "path": str(path)}
    (known,) = galerne.json("list", "--here")["models"]
    assert known == galerne.json("show", "gpt-4o-mini")
    assert known["name"] == DEFAULT
    assert known["path"] == str(path)
    assert known["sha256"] == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert known["size"] == default_model.stat().st_size
    assert known["fits"] is True
    assert "gpt-4o-mini" in known["aliases"]
    assert galerne("remove", DEFAULT)[0] == f"{DEFAULT} is removed\n"
    assert galerne.json("list", "--here") == {"models": []}
    assert default_model.exists()


def test_the_list_says_what_a_person_needs_to_choose(galerne: Galerne) -> None:
    headings, *lines, _ = galerne("list")[0].splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert headings.split()[2:] == ["params", "context", "size", "memory", "fits", "here", "hash", "runs"]
    assert rows["huge"] == ["MNPL-0.1", "*", "100000.0B", "128", "200000.0", "260000.3", "no", "-", "-", "yes"]
    assert rows["bad"][-4:] == ["yes", "-", "yes", "yes"]
    assert rows["blind"][-1] == "no"
    assert rows["pixtral-12b-2409"][0] == "Apache-2.0"


def test_show_is_readable(galerne: Galerne) -> None:
    shown = dict(line.split(maxsplit=1) for line in galerne("show", "huge")[0].splitlines())
    assert shown["commercial"] == shown["fits"] == "no"
    assert shown["cache"] == "1 layers, 1 key/value heads of 8"
    assert shown["sha256"] == shown["unsupported"] == shown["path"] == "-"
    assert shown["size"] == "200000.00 GB"


def test_what_cannot_be_pulled_says_why(galerne: Galerne, tmp_path: Path) -> None:
    assert "galerne: bad: what arrived has the SHA-256" in galerne.fails("pull", "bad")
    assert "cannot run it: it cannot see." in galerne.fails("pull", "blind")
    assert "Did you mean blind?" in galerne.fails("pull", "blint")
    assert "Did you mean blind?" in galerne.fails("show", "blint")
    assert list((tmp_path / "models").rglob("*.gguf")) == []


def test_a_path_has_nothing_to_pull(galerne: Galerne, default_model: Path) -> None:
    assert galerne.json("pull", default_model)["path"] == str(default_model)
    assert "galerne models import" in galerne.fails("show", default_model)


def test_a_model_of_one_s_own_is_imported(galerne: Galerne, default_model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "My Model (v1).gguf"
    mine.symlink_to(default_model)
    imported = galerne.json("import", mine, "--licence", "MIT", "--link")
    assert imported["name"] == "my-model-v1"
    known = galerne.json("show", "my-model-v1")
    assert known["path"] == str(mine)
    assert (known["licence"], known["architecture"], known["context"]) == ("MIT", "llama", 8192)
    assert known["parameters"] == 134_515_008
    assert known["cache"] == {"layers": 30, "kv_heads": 3, "head_dim": 64}
    assert "of that name already" in galerne.fails("import", mine)
    galerne("remove", "my-model-v1")
    assert default_model.exists()
    copied = galerne.json("import", mine, "--name", "mine")["path"]
    assert copied == str(tmp_path / "models" / "mine" / mine.name)
    assert Path(copied).stat().st_size == default_model.stat().st_size


def test_an_import_under_a_catalogue_s_name_must_be_that_model(galerne: Galerne, default_model: Path) -> None:
    assert "the catalogue promises 0000" in galerne.fails("import", default_model, "--name", "bad", "--link")
    galerne("import", default_model, "--name", DEFAULT, "--link")
    assert galerne.json("show", DEFAULT)["licence"] == "MIT"  # as the catalogue has it


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "none.gguf"], "none.gguf: there is no such file"),
        (["import", "bad.gguf"], "bad.gguf: "),
        (["import", "DEFAULT", "--licence", ""], "licence: String should have at least 1 character"),
        (["import", "bad.gguf", "--name", "../escape"], "a model's name is made of"),
        (["remove", "huge"], "not on this machine"),
        (["remove", "gpt-4o"], f"gpt-4o is an alias of {DEFAULT}"),
        (["remove", "../models"], "a model's name is made of"),
        (["show", "../../etc/passwd"], "there is no model of that name"),
    ],
)
def test_a_failure_is_one_line(arguments: list[str], message: str, galerne: Galerne, default_model: Path) -> None:
    assert message in galerne.fails(*(default_model if argument == "DEFAULT" else argument for argument in arguments))


def test_a_bad_catalogue_is_a_bad_setting(galerne: Galerne, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GALERNE_CATALOGUE", str(catalogue(tmp_path, VALID | {"size": 0})))
    assert "mine.toml: model 1 tiny size: " in galerne.fails("list")


@pytest.mark.parametrize(
    "arguments", [["pull", "a", "b"], ["show"], ["import"], ["remove"], ["list", "--no"], ["burn"]]
)
def test_wrong_usage_is_told(arguments: list[str], galerne: Galerne) -> None:
    assert "Usage:" in galerne(*arguments, exit_code=2)[1]


@pytest.mark.parametrize("command", ["list", "show", "pull", "import", "remove"])
def test_help_shows_an_example(command: str, galerne: Galerne) -> None:
    assert f"Example: galerne models {command}" in galerne(command, "--help")[0]
