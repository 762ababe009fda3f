"""`/v1/usage` and `/v1/admin/usage`: who used how much, as JSON or as a table for spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import fails
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest
from galerne.flows.usage import UsageReports, usage_query
from galerne.identity.permissions import Permission
from galerne.ledger.prices import euros
from galerne.ledger.usage import By, UsageQuery, UsageSum
from galerne.ledger.usage_table import csv_text, usage_line, usage_names
from galerne.protocol.days import Day
from galerne.protocol.usage import UsageEntry, UsageList

CSV = "text/csv"

OwnBy = Literal["day", "model", "key", "user"]
Since = Annotated[Day | None, Query(description="By default the month's first day.")]
Until = Annotated[Day | None, Query(description="Included; by default today. Days are those of UTC.")]
Format = Annotated[Literal["json", "csv"] | None, Query(description="By default what `Accept` asks for.")]

_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}


def usage_routes(reports: UsageReports) -> Router:
    router = Router(tags=["usage"], responses=_ANSWERS | fails(InvalidRequest, DatabaseUnavailable))

    @router.get("/v1/usage", response_model=UsageList, dependencies=[needs(Permission.USAGE_OWN)])
    async def own_usage(
        http: Request, by: OwnBy = "day", since: Since = None, until: Until = None, format: Format = None
    ) -> Response:
        """What the caller's workspace used."""
        query = usage_query(by, since, until, datetime.now(UTC), caller_of(http).workspace)
        return _response(http, format, query, await reports.sums(query))

    @router.get("/v1/admin/usage", response_model=UsageList, dependencies=[needs(Permission.USAGE)])
    async def all_usage(
        http: Request, by: By = "day", since: Since = None, until: Until = None, format: Format = None
    ) -> Response:
        """What everybody used."""
        query = usage_query(by, since, until, datetime.now(UTC))
        return _response(http, format, query, await reports.sums(query))

    return router


def _response(
    http: Request, format: Literal["json", "csv"] | None, query: UsageQuery, sums: Sequence[UsageSum]
) -> Response:
    wants_csv = http.headers.get("accept", "").startswith(CSV)
    if format == "csv" or (format is None and wants_csv):
        table = csv_text(usage_names(query.by), [usage_line(query.by, each) for each in sums])
        name = f"usage-by-{query.by}-{query.since}-{query.until}.csv"
        return Response(table, media_type=CSV, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    listed = UsageList(by=query.by, since=query.since, until=query.until, data=[_entry(each) for each in sums])
    return Response(listed.model_dump_json(), media_type="application/json")


def _entry(total: UsageSum) -> UsageEntry:
    return UsageEntry(
        name=total.name,
        requests=total.requests,
        input_tokens=total.input_tokens,
        cached_tokens=total.cached_tokens,
        output_tokens=total.output_tokens,
        embedding_tokens=total.embedding_tokens,
        cpu_seconds=total.cpu_seconds,
        joules=total.joules,
        euros=euros(total.nano_euros),
    )
