"""`/v1/admin/invoices`, `/v1/admin/plans`, `/v1/admin/customers`: what is owed, by whom."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, InvalidRequest, NotFound, SettingsError, Taken
from galerne.flows.invoice_card import invoice_card
from galerne.flows.invoicing import Invoicing
from galerne.identity.permissions import Permission
from galerne.ledger.plans import Plan
from galerne.ledger.vat import Party
from galerne.protocol.invoices import (
    Customer,
    InvoiceCard,
    InvoiceList,
    InvoiceRequest,
    PlanCard,
    PlanFields,
    PlanList,
)
from galerne.settings import Settings

_READING = [needs(Permission.BILLING_READ)]
_MANAGING = [needs(Permission.BILLING)]
_FINDING = fails(NotFound, DatabaseUnavailable)
_CHANGING = fails(*READING, *KEEPING, NotFound, Taken, SettingsError)


class Pdf(Response):
    media_type = "application/pdf"


def invoice_routes(invoicing: Invoicing, settings: Settings) -> Router:
    router = Router(tags=["invoices"])

    @router.put("/v1/admin/customers/{id}", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(Customer))
    async def set_customer(id: Id, http: Request) -> Customer:
        """Say who pays for a workspace."""
        customer = await read(Customer, http, settings)
        await asyncio.to_thread(invoicing.set_customer, id, Party(**dict(customer)), caller_of(http))
        return customer

    @router.get("/v1/admin/customers/{id}", dependencies=_READING, responses=_FINDING)
    async def show_customer(id: Id) -> Customer:
        """Who pays for a workspace."""
        return Customer(**asdict(await asyncio.to_thread(invoicing.customer, id)))

    @router.post("/v1/admin/plans", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(PlanFields))
    async def set_plan(http: Request) -> PlanCard:
        """Set what a workspace pays each month from a month on."""
        plan = Plan(**dict(await read(PlanFields, http, settings)))
        await asyncio.to_thread(invoicing.set_plan, plan, caller_of(http))
        return PlanCard(**asdict(plan))

    @router.get("/v1/admin/plans", dependencies=_READING, responses=fails(DatabaseUnavailable))
    async def list_plans() -> PlanList:
        """All plans, those that are over or have not begun included."""
        return PlanList(data=[PlanCard(**asdict(plan)) for plan in await asyncio.to_thread(invoicing.plans)])

    @router.post("/v1/admin/invoices", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(InvoiceRequest))
    async def issue_invoice(http: Request) -> InvoiceCard:
        """Issue the invoice of a workspace for a month that is over."""
        request = await read(InvoiceRequest, http, settings)
        return invoice_card(
            await asyncio.to_thread(invoicing.issue, request.workspace, request.period, caller_of(http))
        )

    @router.get("/v1/admin/invoices", dependencies=_READING, responses=fails(InvalidRequest, DatabaseUnavailable))
    async def list_invoices(workspace: Annotated[str | None, Query(max_length=64)] = None) -> InvoiceList:
        """Invoices and credit notes, in the order of their numbers."""
        return InvoiceList(data=[invoice_card(each) for each in await asyncio.to_thread(invoicing.all, workspace)])

    @router.get("/v1/admin/invoices/{id}", dependencies=_READING, responses=_FINDING)
    async def show_invoice(id: Id) -> InvoiceCard:
        """An invoice or a credit note, by its number."""
        return invoice_card(await asyncio.to_thread(invoicing.find, id))

    @router.get("/v1/admin/invoices/{id}/pdf", dependencies=_READING, responses=_FINDING, response_class=Pdf)
    async def print_invoice(id: Id) -> Pdf:
        """The same on paper."""
        document = await asyncio.to_thread(invoicing.pdf, id)
        return Pdf(document, headers={"Content-Disposition": f'attachment; filename="{id}.pdf"'})

    @router.post("/v1/admin/invoices/{id}/credit", dependencies=_MANAGING, responses=_CHANGING)
    async def take_back(id: Id, http: Request) -> InvoiceCard:
        """Take a whole invoice back with a credit note. Its month can be invoiced again then."""
        return invoice_card(await asyncio.to_thread(invoicing.take_back, id, caller_of(http)))

    return router
