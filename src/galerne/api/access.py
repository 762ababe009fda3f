"""Who may call a route. Each one below /v1 declares it, and whatever does not is refused.

router = Router(tags=["files"], dependencies=[needs(Permission.FILES)])
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.params import Depends

from galerne.api.caller import PREFIX, caller_of
from galerne.api.refusals import Refusals
from galerne.errors import Forbidden, NotAuthenticated
from galerne.identity.permissions import Permission


@dataclass(frozen=True, slots=True)
class Access:
    """A declaration, which `authorise` reads among a route's dependencies."""

    permission: Permission | None  # None: none in particular
    known: bool = True  # False: nobody is asked who they are

    async def __call__(self) -> None:
        """FastAPI wants something to call."""


def needs(permission: Permission) -> Depends:
    """For callers with this permission; a route may have several of these, and needs all then."""
    return Depends(Access(permission))


KNOWN = Depends(Access(None))
"""For every caller that is known."""

ANYBODY = Depends(Access(None, known=False))
"""For everybody: to sign in, for example."""


def declared(dependencies: list[Depends]) -> list[Access]:
    """What a route says of who may call it."""
    return [each.dependency for each in dependencies if isinstance(each.dependency, Access)]


async def authorise(http: Request) -> None:
    """Runs before every route. Raises `NotAuthenticated`, `Forbidden`."""
    try:
        _authorise(http)
    except (NotAuthenticated, Forbidden) as refusal:
        refusals: Refusals | None = http.app.state.refusals
        if refusals is not None:
            await refusals.note(http, refusal)
        raise


def _authorise(http: Request) -> None:
    if not http.scope["path"].startswith(PREFIX):
        return
    access = declared(http.scope["route"].dependencies)
    if not access:
        raise Forbidden("nobody may call this address: it does not say who may.")
    for each in access:
        if each.known:
            caller_of(http).check(*([each.permission] if each.permission else []))
