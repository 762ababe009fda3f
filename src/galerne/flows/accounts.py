"""What an administrator does about money."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.flows.invoicing import Invoicing
from galerne.flows.terms import Terms
from galerne.flows.usage import UsageReports


@dataclass(frozen=True, slots=True)
class Accounts:
    """`bootstrap` sets every field."""

    terms: Terms
    usage: UsageReports
    invoicing: Invoicing
