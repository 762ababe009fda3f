"""`/v1/admin/audit`: who did what, and whether anybody changed that since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import StreamingResponse

from galerne.api.access import needs
from galerne.api.caller import caller_of
from galerne.api.documentation import fails
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, DiskFull, InvalidRequest
from galerne.flows.audit import Audit
from galerne.identity.permissions import Permission
from galerne.ledger.audit import AuditFilter
from galerne.protocol.audit import AuditFault, AuditQuery, AuditRecords, AuditReport
from galerne.settings import Settings

_READING = fails(InvalidRequest, DatabaseUnavailable, DiskFull)  # who reads is noted


class JsonLines(StreamingResponse):
    media_type = "application/x-ndjson"


def audit_routes(audit: Audit, settings: Settings) -> Router:
    router = Router(tags=["audit"], dependencies=[needs(Permission.AUDIT)])

    @router.get("/v1/admin/audit", responses=_READING)
    async def list_records(http: Request, query: Annotated[AuditQuery, Query()]) -> AuditRecords:
        """What was done, the newest first, readable where nobody has been erased."""
        if query.limit > settings.max_page_size:
            raise InvalidRequest(f"is at most {settings.max_page_size}.", where="limit")
        which = AuditFilter(query.actor, query.action, query.object, query.workspace, query.since, query.until)
        page = await audit.page(which, query.limit, query.before, caller_of(http))
        return AuditRecords(data=page.records, next_before=page.before)

    @router.get("/v1/admin/audit/verify", responses=_READING)
    async def verify() -> AuditReport:
        """Check every record's signature, place and order."""
        count, found = await audit.verify()
        faults = [AuditFault(**asdict(fault)) for fault in found]
        return AuditReport(records=count, faults=faults, checked_at=datetime.now(UTC))

    @router.get("/v1/admin/audit/head", responses=_READING)
    async def head() -> dict[str, Any]:
        """How far the log is, signed. Keep it in another place: it shows later that nothing was cut off the end."""
        return await audit.now()

    @router.get("/v1/admin/audit/export", response_class=JsonLines, responses=_READING)
    async def export(http: Request, format: Literal["signed", "ocsf"] = "signed") -> JsonLines:
        """The whole log, a line of JSON for each record: as it was signed, which is what `galerne audit verify` takes,
        or as events of OCSF, readable where nobody has been erased."""
        await audit.export(caller_of(http))
        return JsonLines(_with_breaks(audit.lines() if format == "signed" else audit.ocsf_lines()))

    return router


def _with_breaks(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line}\n"
