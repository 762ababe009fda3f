"""The organisation and its workspaces. The methods block."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from galerne.errors import InvalidRequest
from galerne.flows.auditing import event_of
from galerne.flows.names import check_name
from galerne.identity.caller import DEFAULT_WORKSPACE, Caller
from galerne.identity.directory import Directory, Organisation, Workspace
from galerne.ledger.audit import Action, AuditLog, Party

ID = re.compile(r"[\w][\w .@-]{0,63}")


class Workspaces:
    """The flow behind `/v1/admin/workspaces`. What is not there is `NotFound`.

    A workspace is disabled, never deleted: receipts name it, and whoever took its id would own what it owns.
    """

    def __init__(
        self, directory: Directory, audit: AuditLog, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._directory = directory
        self._audit = audit
        self._clock = clock

    def organisation(self) -> Organisation:
        return self._directory.organisation()

    def rename_organisation(self, name: str, caller: Caller) -> Organisation:
        check_name(name)
        self._directory.rename_organisation(name)
        self._audit.record(event_of(caller, Action.SETTINGS_CHANGED, Party("organisation")))
        return self._directory.organisation()

    def create(self, id: str, name: str | None, caller: Caller) -> Workspace:
        """Raises `InvalidRequest`, `Taken`."""
        if not ID.fullmatch(id):
            raise InvalidRequest("is 1 to 64 letters, digits, spaces, dots, '@', '_' or '-'.", where="id")
        check_name(name or id)
        workspace = Workspace(id, self._directory.organisation().id, name or id, self._clock())
        self._directory.add_workspace(workspace)
        self._note(Action.WORKSPACE_MADE, workspace, caller)
        return workspace

    def page(self, page: int, size: int) -> Sequence[Workspace]:
        """By their ids."""
        return self._directory.workspaces(page * size, size)

    def get(self, id: str) -> Workspace:
        return self._directory.workspace(id)

    def change(self, id: str, caller: Caller, *, name: str | None = None, disabled: bool | None = None) -> Workspace:
        """Nobody of a disabled workspace may ask anything. Raises `InvalidRequest`."""
        workspace = self.get(id)
        check_name(name or workspace.name)
        if disabled and id == DEFAULT_WORKSPACE:
            raise InvalidRequest("this machine's own administrator is in this workspace.", where="disabled")
        when = {None: workspace.disabled, False: None, True: workspace.disabled or self._clock()}[disabled]
        changed = replace(workspace, name=name or workspace.name, disabled=when)
        self._directory.put_workspace(changed)
        self._note(Action.WORKSPACE_CHANGED, changed, caller)
        return changed

    def _note(self, action: Action, workspace: Workspace, caller: Caller) -> None:
        details = {} if workspace.disabled is None else {"disabled": True}
        self._audit.record(event_of(caller, action, Party("workspace", workspace.id), **details))
