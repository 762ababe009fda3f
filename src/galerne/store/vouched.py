"""Sign-ins that are under way at a provider, and whom it knows under which name. Fills their ports."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, String, Table, Text, delete, insert, select

from galerne.identity.provider import SignInRequest
from galerne.store.database import Database
from galerne.store.metadata import metadata

requests = Table(
    "sign_in_requests",
    metadata,
    Column("digest", String(64), primary_key=True),  # of its state
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("next", Text, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
)

links = Table(
    "user_links",
    metadata,
    Column("issuer", String(512), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
)


class SqlSignInRequests:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, digest: str, request: SignInRequest, now: datetime, expires: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(delete(requests).where(requests.c.expires <= now))
            connection.execute(insert(requests).values(**asdict(request), digest=digest, expires=expires))

    def take(self, digest: str, now: datetime) -> SignInRequest | None:
        this = delete(requests).where(requests.c.digest == digest, requests.c.expires > now)
        with self._database.write() as connection:
            row = connection.execute(this.returning(*(requests.c[name] for name in SignInRequest.__slots__))).first()
        return None if row is None else SignInRequest(**row._mapping)


class SqlLinks:
    def __init__(self, database: Database) -> None:
        self._database = database

    def user(self, issuer: str, subject: str) -> str | None:
        this = select(links.c.user).where(links.c.issuer == issuer, links.c.subject == subject)
        with self._database.read() as connection:
            return connection.execute(this).scalar()

    def subject(self, issuer: str, user: str) -> str | None:
        this = select(links.c.subject).where(links.c.issuer == issuer, links.c.user == user)
        with self._database.read() as connection:
            return connection.execute(this).scalar()

    def put(self, issuer: str, subject: str, user: str) -> None:
        with self._database.write() as connection:
            connection.execute(insert(links).values(issuer=issuer, subject=subject, user=user))
