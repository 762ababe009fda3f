"""`galerne eval`: how good a model is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from galerne.cli.options import Json, Model
from galerne.cli.progress import announce
from galerne.errors import BadFile, TooLarge

EXAMPLE = "Example: galerne eval perplexity --model smollm2-135m-instruct article.txt"
LARGEST_TEXT = 64 << 20  # bytes

app = typer.Typer(help="Measure how good a model is.", epilog=EXAMPLE, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """With a callback, `perplexity` stays a command of its own, though it is the only one."""


@app.command(epilog=EXAMPLE)
def perplexity(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A text, in UTF-8.")],
    model: Model = None,
    context: Annotated[int, typer.Option(min=2, help="Tokens in one window.")] = 512,
    as_json: Json = False,
) -> None:
    """Print how surprised a model is by a text: tokens scored, their negative log-likelihood, and perplexity.

    The text is cut into windows that do not overlap; each is scored from its second token, the last one as long as it
    is. No special tokens are added.
    """
    from galerne import bootstrap
    from galerne.evaluation.perplexity import measure_perplexity
    from galerne.settings import load_settings

    text = _read(file)
    settings = load_settings({"model": model, "speculation": False})
    loaded = bootstrap.load_local_model(settings.model, settings)
    tokens = loaded.tokenizer.encode(text)
    result, interrupted = None, False
    try:
        for result in measure_perplexity(loaded.model, tokens, context):
            announce(f"{result.tokens} of {len(tokens)} tokens, perplexity {result.perplexity:.4f}")
    except KeyboardInterrupt:
        interrupted = True
    announce("")
    if result is not None:
        figures = {"tokens": result.tokens, "nll": result.nll, "perplexity": result.perplexity}
        typer.echo(json.dumps(figures) if as_json else "\n".join(f"{name:<12}{figures[name]:.10g}" for name in figures))
    if interrupted:
        typer.echo("Interrupted: these figures are those of the text's beginning.", err=True)
        raise typer.Exit(130)


def _read(file: Path) -> str:
    if file.stat().st_size > LARGEST_TEXT:
        raise TooLarge(f"the text has more than {LARGEST_TEXT >> 20} MiB.", where=str(file), hint="Give a part of it.")
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BadFile(f"byte {error.start} is not UTF-8.", where=str(file)) from None
