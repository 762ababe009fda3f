"""What is kept of people whom a provider vouches for, and which of them may do what here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from galerne.identity.permissions import Role
from galerne.identity.provider import SignInRequest


class SignInRequests(Protocol):
    """Who keeps those that wait. Its methods block."""

    def put(self, digest: str, request: SignInRequest, now: datetime, expires: datetime) -> None:
        """Under the hash of its state; those that are over go."""

    def take(self, digest: str, now: datetime) -> SignInRequest | None:
        """This once; None: there is none, or it is over."""


class Links(Protocol):
    """Who keeps who is who. Its methods block."""

    def user(self, issuer: str, subject: str) -> str | None:
        """The user whom a provider knows under this name."""

    def subject(self, issuer: str, user: str) -> str | None:
        """The name that the user has there; None: they never came from there."""

    def put(self, issuer: str, subject: str, user: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Which role the members of which groups have. `bootstrap` sets every field."""

    claim: str  # that lists the groups
    roles: Mapping[str, Role]
    default: Role | None  # of whoever is in none of them; None: they are not let in

    def role(self, claims: Mapping[str, Any]) -> Role | None:
        """The first of the person's roles, in the order of the table; None: they may not come in."""
        groups = claims.get(self.claim, ())
        named = {groups} if isinstance(groups, str) else set(map(str, groups)) if isinstance(groups, list) else set()
        given = {role for group, role in self.roles.items() if group in named}
        return next((role for role in Role if role in given), self.default)
