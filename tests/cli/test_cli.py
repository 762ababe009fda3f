from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import galerne.cli
from galerne import __version__
from galerne.errors import SettingsError


def test_the_version_is_told() -> None:
    answer = CliRunner().invoke(galerne.cli.app, ["--version"])
    assert (answer.exit_code, answer.output) == (0, f"galerne {__version__}\n")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["chat", "--temperature", "9"], ["bench", "--rounds", "x"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(galerne.cli.app, arguments).exit_code == 2


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["galerne", *arguments])
    with pytest.raises(SystemExit) as end:
        galerne.cli.main()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_a_failure_is_one_line_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise SettingsError("is wrong\nin two lines.", where="port", hint="Choose another.")

    monkeypatch.setattr(galerne.cli, "app", app)
    assert run_main(monkeypatch) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "galerne: port: is wrong in two lines. Choose another.\n")


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(galerne.cli, "app", app)
    assert run_main(monkeypatch) == 130


def test_a_bad_setting_is_a_failure_like_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GALERNE_PORT", "many")
    assert run_main(monkeypatch, "chat", "hello") == 1
    assert capsys.readouterr().err.startswith("galerne: port: ")


@pytest.mark.parametrize("command", [[], ["chat"], ["serve"], ["bench"], ["models"], ["models", "pull"], ["eval"]])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    program = (
        "import json, sys; from galerne.cli import app\n"
        f"try: app({[*command, '--help']!r})\n"
        "finally: print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not loaded & {
        "numpy",
        "llvmlite",
        "fastapi",
        "uvicorn",
        "prompt_toolkit",
        "jinja2",
        "tokenizers",
    }
