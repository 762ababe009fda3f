"""`galerne admin`, typed."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from galerne.cli import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["admin", *arguments])


def done(*arguments: str) -> str:
    answer = run(*arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout
