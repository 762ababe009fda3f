"""`/v1/admin/limits`, `/v1/admin/allowed-models`, `/v1/admin/prices`: on which terms models may be asked."""

from __future__ import annotations

import asyncio

from fastapi import Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable
from galerne.flows.terms import Terms, subject_of
from galerne.identity.permissions import Permission
from galerne.ledger.prices import Kind, Price, euros, parse_price
from galerne.ledger.quota import Allowance, Limit, Measure, Subject
from galerne.protocol.terms import (
    AllowanceCard,
    AllowanceFields,
    AllowanceList,
    LimitCard,
    LimitFields,
    LimitList,
    PriceCard,
    PriceFields,
    PriceList,
)
from galerne.settings import Settings

_READING = [needs(Permission.BILLING_READ)]
_MANAGING = [needs(Permission.BILLING)]
_CHANGING = fails(*READING, *KEEPING)


def terms_routes(terms: Terms, settings: Settings) -> Router:
    router = Router(tags=["admin"], responses=fails(DatabaseUnavailable))

    @router.get("/v1/admin/limits", dependencies=_READING)
    async def list_limits() -> LimitList:
        """Who may use how much."""
        return LimitList(data=[_limit(each) for each in await asyncio.to_thread(terms.limits)])

    @router.put("/v1/admin/limits", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(LimitFields))
    async def set_limit(http: Request) -> LimitCard:
        """Set or remove a limit. What was used since the minute or month began counts."""
        wanted = await read(LimitFields, http, settings)
        subject, measure = subject_of(wanted.subject), Measure(wanted.measure)
        await asyncio.to_thread(terms.set_limit, subject, measure, wanted.most, caller_of(http))
        return LimitCard(**dict(wanted))

    @router.get("/v1/admin/allowed-models", dependencies=_READING)
    async def list_allowed_models() -> AllowanceList:
        """Who may use which models. Whoever is not there may use all."""
        return AllowanceList(data=[_allowance(each) for each in await asyncio.to_thread(terms.allowances)])

    @router.put(
        "/v1/admin/allowed-models", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(AllowanceFields)
    )
    async def set_allowed_models(http: Request) -> AllowanceCard:
        """Say which models somebody may use; with an empty list, all again."""
        wanted = await read(AllowanceFields, http, settings)
        await asyncio.to_thread(terms.allow, subject_of(wanted.subject), wanted.models, caller_of(http))
        return AllowanceCard(**dict(wanted))

    @router.get("/v1/admin/prices", dependencies=_READING)
    async def list_prices() -> PriceList:
        """What tokens cost. A model without a price costs nothing."""
        return PriceList(data=[_price(each) for each in await asyncio.to_thread(terms.prices)])

    @router.put("/v1/admin/prices", dependencies=_MANAGING, responses=_CHANGING, openapi_extra=takes(PriceFields))
    async def set_price(http: Request) -> PriceCard:
        """Set what a million tokens cost from a day on."""
        wanted = await read(PriceFields, http, settings)
        nano = parse_price(wanted.euros_per_million)
        kind, caller = Kind(wanted.kind), caller_of(http)
        return _price(await asyncio.to_thread(terms.set_price, wanted.model, kind, nano, wanted.since, caller))

    return router


def _limit(limit: Limit) -> LimitCard:
    return LimitCard(subject=_name(limit.subject), measure=limit.measure.value, most=limit.most)


def _allowance(allowance: Allowance) -> AllowanceCard:
    return AllowanceCard(subject=_name(allowance.subject), models=sorted(allowance.models))


def _price(price: Price) -> PriceCard:
    cost = euros(price.nano_euros * 10**6)
    return PriceCard(model=price.model, kind=price.kind.value, euros_per_million=cost, since=price.since)


def _name(subject: Subject) -> str:
    return f"{subject.holder.value}:{subject.id}"
