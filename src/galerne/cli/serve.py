"""`galerne serve`: the HTTP API."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Annotated

import typer

from galerne.cli.options import Models
from galerne.errors import SettingsError

EXAMPLE = "Example: galerne serve --port 8080 --model smollm2-135m-instruct"


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.", show_default="8000")] = None,
    models: Models = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Let everybody in; only for an address of this machine alone.")
    ] = False,
) -> None:
    """Serve models over HTTP, for the official Mistral and OpenAI clients. Ctrl-C stops the server."""
    from galerne import bootstrap
    from galerne.api.server import Server
    from galerne.cli.log_lines import configure_logs
    from galerne.core_files import forbid_core_files
    from galerne.open_files import allow_open_files
    from galerne.settings import load_settings

    forbid_core_files()
    first, *others = models or (None,)
    settings = load_settings(
        {
            "host": host,
            "port": port,
            "model": first,
            "other_models": others or None,
            "auth": "none" if no_auth else None,
        }
    )
    configure_logs(settings.log_format, settings.log_level)
    with listen(settings.host, settings.port) as listener:
        server = Server(
            bootstrap.build_app(settings),
            allow_open_files(),
            headers_seconds=settings.headers_seconds,
            grace_seconds=settings.shutdown_seconds,
        )
        if (key := bootstrap.first_key(settings)) is not None:
            typer.echo(f"The first start. The administrator's key, shown this once: {key}")
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        named = ", ".join([settings.model, *settings.other_models])
        typer.echo(f"Serving {named} on http://{shown}:{settings.port} (its documentation: /docs)")
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(1)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `SettingsError` when the address is not ours, is taken, or is not allowed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise SettingsError(
            f"there is no host {host!r}.", where="host", hint="Give an address of this machine, such as 127.0.0.1."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _refusal(error, host, port) from None
    return listener


def _refusal(error: OSError, host: str, port: int) -> SettingsError:
    match error.errno:
        case errno.EADDRINUSE:
            return SettingsError(
                f"port {port} of {host} is in use.", where="port", hint="Stop what uses it, or choose another --port."
            )
        case errno.EACCES:
            return SettingsError(
                f"this user may not listen on port {port}.", where="port", hint="Choose a --port above 1023."
            )
        case errno.EADDRNOTAVAIL:
            return SettingsError(f"{host} is not an address of this machine.", where="host", hint="Try 127.0.0.1.")
        case _:
            return SettingsError(f"cannot listen on {host}:{port}: {error.strerror}.", where="host")
