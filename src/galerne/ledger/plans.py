"""Subscriptions: a price for each month, with some tokens in it; what goes beyond them is paid by use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Plan:
    """What a workspace pays each month, from a month on."""

    workspace: str
    since: date  # a month's first day
    name: str
    cents: int  # a month, without VAT
    included_tokens: int  # of all kinds together


def plan_of(plans: Iterable[Plan], workspace: str, day: date) -> Plan | None:
    """The one that is valid on that day; None: by use alone. One without a name ends those before it."""
    valid = [plan for plan in plans if plan.workspace == workspace and plan.since <= day]
    latest = max(valid, key=lambda plan: plan.since, default=None)
    return latest if latest is not None and latest.name else None


def free_of_charge(plan: Plan, tokens: int, nano_euros: int) -> int:
    """How much of the price of these tokens the plan covers: the share that its included tokens are of them, whole
    nano-euros."""
    return nano_euros if tokens <= plan.included_tokens else nano_euros * plan.included_tokens // tokens
