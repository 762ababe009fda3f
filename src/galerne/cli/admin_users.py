"""`galerne admin users` and `galerne admin services`: people, and accounts for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from galerne.cli.local_identity import MOST, local_admin, local_identity
from galerne.cli.options import Json
from galerne.cli.tables import plain, print_row, print_rows

if TYPE_CHECKING:
    from galerne.flows.users import UserChange
    from galerne.identity.directory import User

PEOPLE = "Example: galerne admin users create anna@town.example 'Anna Le Goff' --workspace town-hall"
SERVICES = "Example: galerne admin services create intranet --workspace town-hall"

people = typer.Typer(help="People.", epilog=PEOPLE, no_args_is_help=True)
services = typer.Typer(help="Service accounts, for programs.", epilog=SERVICES, no_args_is_help=True)

RoleName = Literal["admin", "billing", "auditor", "member", "guest"]
Id = Annotated[str, typer.Argument(help="As `list` shows it.")]
Workspace = Annotated[str, typer.Option(help="Whose user it is.")]
Role = Annotated[RoleName, typer.Option(help="What it may do.")]


@people.command("create", epilog=PEOPLE)
def create_person(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    name: Annotated[str, typer.Argument(help="What they are called.")],
    workspace: Workspace = "default",
    role: Role = "member",
) -> None:
    """Let a person in."""
    from galerne.identity import permissions

    with local_identity() as identity:
        user = identity.users.create_person(email, name, workspace, permissions.Role(role), local_admin())
        token, expires = identity.sign_in.invite(user.id, local_admin())
    _tell(user)
    _tell_invitation(token, expires)


@people.command("invite", epilog="Example: galerne admin users invite user-0d9e6a51c4b27f38")
def invite(id: Id) -> None:
    """Print a new word with which a person sets their password: this once."""
    with local_identity() as identity:
        token, expires = identity.sign_in.invite(id, local_admin())
    _tell_invitation(token, expires)


@services.command("create", epilog=SERVICES)
def create_service(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    workspace: Workspace = "default",
    role: Role = "member",
) -> None:
    """Make an account for a program, which holds keys."""
    from galerne.identity import permissions

    with local_identity() as identity:
        user = identity.users.create_service(name, workspace, permissions.Role(role), local_admin())
    _tell(user)


def _for_each(app: typer.Typer, kind: Literal["person", "service"], command: str) -> None:
    """What is the same for people and for programs."""

    @app.command("list", epilog=f"Example: {command} list --workspace town-hall")
    def list_users(
        workspace: Annotated[str | None, typer.Option(help="Those of this one.", show_default="all")] = None,
        as_json: Json = False,
    ) -> None:
        """The newest first."""
        from galerne.identity.directory import UserKind

        with local_identity() as identity:
            found = identity.users.page(UserKind(kind), workspace, 0, MOST)
        print_rows([plain(asdict(user)) for user in found], as_json)

    @app.command("show", epilog=f"Example: {command} show ID")
    def show_user(id: Id, as_json: Json = False) -> None:
        """What is known of it."""
        from galerne.identity.directory import UserKind

        with local_identity() as identity:
            print_row(plain(asdict(identity.users.get(id, UserKind(kind)))), as_json)

    @app.command("change", epilog=f"Example: {command} change ID --role guest")
    def change_user(
        id: Id,
        name: Annotated[str | None, typer.Option(help="What it will be called.")] = None,
        role: Annotated[RoleName | None, typer.Option(help="What it may do.")] = None,
        workspace: Annotated[str | None, typer.Option(help="Whose user it will be.")] = None,
    ) -> None:
        """Change the name, the role or the workspace."""
        from galerne.flows.users import UserChange
        from galerne.identity import permissions

        _tell(_change(id, kind, UserChange(name, permissions.Role(role) if role else None, workspace)))

    @app.command("disable", epilog=f"Example: {command} disable ID")
    def disable_user(id: Id) -> None:
        """From now on it is refused, and what is under way for it ends."""
        from galerne.flows.users import UserChange

        _tell(_change(id, kind, UserChange(disabled=True)))

    @app.command("enable", epilog=f"Example: {command} enable ID")
    def enable_user(id: Id) -> None:
        """It may ask again."""
        from galerne.flows.users import UserChange

        _tell(_change(id, kind, UserChange(disabled=False)))

    @app.command("delete", epilog=f"Example: {command} delete ID")
    def delete_user(id: Id) -> None:
        """Delete it and its keys. What it made is its workspace's, and stays."""
        from galerne.identity.directory import UserKind

        with local_identity() as identity:
            identity.users.delete(id, UserKind(kind), local_admin())
        typer.echo(f"{id} is deleted")


def _change(id: str, kind: str, change: UserChange) -> User:
    from galerne.identity.directory import UserKind

    with local_identity() as identity:
        return identity.users.change(id, UserKind(kind), change, local_admin())


def _tell_invitation(token: str, expires: datetime) -> None:
    typer.echo(f"Until {expires:%Y-%m-%d %H:%M} UTC they set their password at /invitation#{token} of this server.")


def _tell(user: User) -> None:
    state = "" if user.disabled is None else ", disabled"
    typer.echo(f"{user.id}: {user.name}, {user.role} of the workspace {user.workspace}{state}")


_for_each(people, "person", "galerne admin users")
_for_each(services, "service", "galerne admin services")
