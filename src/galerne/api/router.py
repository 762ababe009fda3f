"""The addresses of one subject, which an application takes as they are.

FastAPI's `include_router` makes every route a second time when the first request comes, and then looks for an address
in one router after the other: more than half of a start, and of a short request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.params import Depends as Dependency

from galerne.api.access import authorise
from galerne.api.parameters import say_once


async def _gate(http: Request) -> None:
    await authorise(http)
    say_once(http)


GATE: Dependency = Depends(_gate)
"""Before every route: who may call it, and no parameter twice. One dependency, as each one costs on every request."""


class Router(APIRouter):
    """Has the gate before each of its routes, as an application has before those that are its own."""

    def __init__(
        self,
        *,
        tags: Sequence[str] = (),
        dependencies: Sequence[Dependency] = (),
        responses: Mapping[int | str, dict[str, Any]] | None = None,
        include_in_schema: bool = True,
    ) -> None:
        super().__init__(
            tags=list(tags),
            dependencies=[GATE, *dependencies],
            responses=dict(responses or {}),
            include_in_schema=include_in_schema,
        )


def add_routes(to: FastAPI | Router, router: Router) -> None:
    """An address is looked for in the order of these calls."""
    to.routes.extend(router.routes)
