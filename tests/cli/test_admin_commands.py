"""Whatever an administrator may do over HTTP, they may do in the terminal: each address has its command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from tests.api.kept_house import KeptHouse

from galerne.cli import app

COMMANDS = {
    "GET /v1/admin/allowed-models": "admin limits list",
    "PUT /v1/admin/allowed-models": "admin limits models",
    "GET /v1/admin/audit": "audit show",
    "GET /v1/admin/audit/export": "audit export",
    "GET /v1/admin/audit/head": "audit head",
    "GET /v1/admin/audit/verify": "audit verify",
    "GET /v1/admin/customers/{id}": "admin invoices customer",
    "PUT /v1/admin/customers/{id}": "admin invoices customer",
    "POST /v1/admin/erasures": "audit erase",
    "GET /v1/admin/health": "admin health",
    "GET /v1/admin/invoices": "admin invoices list",
    "POST /v1/admin/invoices": "admin invoices issue",
    "GET /v1/admin/invoices/{id}": "admin invoices show",
    "POST /v1/admin/invoices/{id}/credit": "admin invoices credit",
    "GET /v1/admin/invoices/{id}/pdf": "admin invoices pdf",
    "GET /v1/admin/keys": "admin keys list",
    "POST /v1/admin/keys": "admin keys create",
    "GET /v1/admin/keys/{id}": "admin keys show",
    "DELETE /v1/admin/keys/{id}": "admin keys revoke",
    "POST /v1/admin/keys/{id}/rotate": "admin keys rotate",
    "GET /v1/admin/limits": "admin limits list",
    "PUT /v1/admin/limits": "admin limits set",
    "GET /v1/admin/models": "admin models list",
    "POST /v1/admin/models/{name}/load": "admin models load",
    "POST /v1/admin/models/{name}/pull": "models pull",
    "POST /v1/admin/models/{name}/unload": "admin models unload",
    "GET /v1/admin/organisation": "admin workspaces organisation",
    "PATCH /v1/admin/organisation": "admin workspaces organisation",
    "GET /v1/admin/plans": "admin invoices plans",
    "POST /v1/admin/plans": "admin invoices plan",
    "GET /v1/admin/prices": "admin prices list",
    "PUT /v1/admin/prices": "admin prices set",
    "GET /v1/admin/roles": "admin roles",
    "GET /v1/admin/service-accounts": "admin services list",
    "POST /v1/admin/service-accounts": "admin services create",
    "GET /v1/admin/service-accounts/{id}": "admin services show",
    "PATCH /v1/admin/service-accounts/{id}": "admin services change",
    "DELETE /v1/admin/service-accounts/{id}": "admin services delete",
    "GET /v1/admin/settings": "admin settings",
    "GET /v1/admin/usage": "admin usage",
    "GET /v1/admin/users": "admin users list",
    "POST /v1/admin/users": "admin users create",
    "GET /v1/admin/users/{id}": "admin users show",
    "PATCH /v1/admin/users/{id}": "admin users change",
    "DELETE /v1/admin/users/{id}": "admin users delete",
    "POST /v1/admin/users/{id}/invitation": "admin users invite",
    "GET /v1/admin/workspaces": "admin workspaces list",
    "POST /v1/admin/workspaces": "admin workspaces create",
    "GET /v1/admin/workspaces/{id}": "admin workspaces show",
    "PATCH /v1/admin/workspaces/{id}": "admin workspaces rename",
}


def commands(app: typer.Typer, *path: str) -> Iterator[str]:
    for command in app.registered_commands:
        yield " ".join([*path, command.name or getattr(command.callback, "__name__", "")])
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, *path, str(group.name))


def test_each_address_has_its_command(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    house.database.close()
    said = house.app.openapi()["paths"]
    addresses = {f"{verb.upper()} {path}" for path in said if path.startswith("/v1/admin/") for verb in said[path]}
    assert addresses == COMMANDS.keys()
    assert set(COMMANDS.values()) <= set(commands(app))
