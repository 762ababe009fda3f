"""The only place that wires the parts together. Nothing imports it but `cli` and the tests.

Imports happen inside the functions: `galerne --help` must not pay for an engine that it does not start.
"""

from __future__ import annotations

from galerne.bootstrap.accounts import open_accounts, receipts_key
from galerne.bootstrap.engines import WORKER, build_engine, build_generator, run_worker
from galerne.bootstrap.identity import first_key, open_callers, open_identity
from galerne.bootstrap.keeping import (
    account_name,
    build_anchoring,
    note,
    open_audit,
    open_erasure,
    open_kept,
    open_receipts,
    operator,
)
from galerne.bootstrap.models import (
    Announce,
    LoadedModel,
    OpenModel,
    compile_kernels,
    load_local_model,
    open_local_model,
)
from galerne.bootstrap.replaying import Replay, replay_answer
from galerne.bootstrap.server import build_app, open_chat, running

__all__ = [
    "WORKER",
    "Announce",
    "LoadedModel",
    "OpenModel",
    "Replay",
    "account_name",
    "build_anchoring",
    "build_app",
    "build_engine",
    "build_generator",
    "compile_kernels",
    "first_key",
    "load_local_model",
    "note",
    "open_accounts",
    "open_audit",
    "open_callers",
    "open_chat",
    "open_erasure",
    "open_identity",
    "open_kept",
    "open_local_model",
    "open_receipts",
    "operator",
    "receipts_key",
    "replay_answer",
    "run_worker",
    "running",
]
