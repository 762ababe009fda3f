"""Who may call a route, in OpenAPI's words: `/docs` asks for a key by them, and a generated client sends it.

FastAPI knows dependencies that look for a key in a header; ours (`access`) say what a route takes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from galerne.api.access import Access, declared
from galerne.api.caller import PREFIX
from galerne.api.cookie import COOKIE, CSRF, SAFE
from galerne.errors import DatabaseUnavailable, Forbidden, GalerneError, NotAuthenticated

SCHEMES: dict[str, dict[str, str]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, of a person or a service account."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A browser has it from `POST /v1/sessions`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF,
        "description": "The `csrf_token` of the session; whatever changes something by a cookie needs it.",
    },
}
"""The ways to show who asks."""

Security = list[dict[str, list[str]]]


def accesses(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str, list[Access]]]:
    """Path, method (in OpenAPI's lower case) and declaration of each documented route."""
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route.path_format, method.lower(), declared(route.dependencies)


def security(method: str, access: Sequence[Access], *, open_door: bool) -> Security:
    """What to show: one of these; [] for nothing at all. The words behind a way are permissions."""
    if not any(each.known for each in access):
        return []
    permissions = sorted(each.permission.value for each in access if each.permission)
    session: dict[str, list[str]] = {"session": permissions}
    if method.upper() not in SAFE:
        session["csrf"] = []
    nothing: Security = [{}] if open_door else []
    return [{"key": permissions}, session, *nothing]


def refusals(path: str, access: Sequence[Access]) -> tuple[type[GalerneError], ...]:
    """How finding out who asks may fail."""
    known = (NotAuthenticated, Forbidden) if any(each.known for each in access) else ()
    return (*known, DatabaseUnavailable) if path.startswith(PREFIX) else known
