"""The server that runs on this machine, asked as its own administrator, for what it alone knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galerne.errors import InvalidRequest, SettingsError, Unavailable

if TYPE_CHECKING:
    import httpx2

    from galerne.settings import Settings

SECONDS = 60.0
"""How long an answer may take: before a model is loaded, its files are checked."""

Port = Annotated[int | None, typer.Option(help="The port that it listens on.", show_default="the setting `port`")]
Ask = Callable[[str, str], Any]
"""A method and a path below `/v1/admin/`; gives what the JSON of the answer says."""


@contextmanager
def running_server(port: int | None) -> Iterator[Ask]:
    """Asks by a session of whoever may use this machine's database, which ends with it.

    Asking raises `Unavailable` where no server listens, `SettingsError` where it is one of another database, and
    `InvalidRequest` for what it refuses.
    """
    from galerne import bootstrap
    from galerne.cli.local_identity import local_admin
    from galerne.flows.sign_in import Origin
    from galerne.identity.caller import LOCAL_USER
    from galerne.identity.directory import UserKind
    from galerne.settings import load_settings

    settings = load_settings({"port": port})
    with bootstrap.open_identity(settings) as identity:
        user = identity.users.get(LOCAL_USER, UserKind.PERSON)
        origin = Origin(local_admin().address, "galerne admin", None)
        signed_in = identity.sign_in.open_session(user, origin, "terminal")
        try:
            yield lambda method, path: _ask(settings, signed_in.token, method, path)
        finally:
            identity.sign_in.end(signed_in.session.id, signed_in.caller)


def _ask(settings: Settings, token: str, method: str, path: str) -> Any:
    import httpx2

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    server = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx2.request(method, f"{server}/v1/admin/{path}", headers=headers, timeout=SECONDS)
        told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        hint = "Start it with `galerne serve`, or say its --port."
        raise Unavailable(f"no server answers at {server} ({type(error).__name__}).", where="port", hint=hint) from None
    if answer.is_error:
        raise _refusal(answer, told)
    return told


def _refusal(answer: httpx2.Response, told: Any) -> SettingsError | InvalidRequest:
    if answer.status_code == 401:
        hint = "Set data_dir or database as that server has it."
        return SettingsError(
            f"the server at {answer.url.netloc.decode()} has another database.", where="database", hint=hint
        )
    return InvalidRequest(str(told.get("message", answer.reason_phrase)) if isinstance(told, dict) else str(told))
