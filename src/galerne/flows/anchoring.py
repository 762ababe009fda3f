"""Anchors: a log's newest head is taken where whoever holds the log cannot reach it. Its tail cannot go unseen then.

signed head -> timestamp of an authority -> a line in a file elsewhere -> another installation, which keeps it, too
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from galerne.errors import BadFile, GalerneError
from galerne.flows.signed_log import SignedLog
from galerne.ledger.heads import read_head

logger = logging.getLogger(__name__)


class HeadFile(Protocol):
    def append(self, line: Mapping[str, Any]) -> None:
        """Raises `BadFile` when it cannot be written."""


class Authority(Protocol):
    def stamp(self, document: Mapping[str, Any]) -> str:
        """Its timestamp, in base64. Raises `Unavailable`, `BadFile`."""


class Peer(Protocol):
    def keep(self, head: Mapping[str, Any], public_key: str) -> Mapping[str, Any]:
        """The head of the longest log that it was ever given by the holder of this key. Raises `Unavailable`."""


class Anchoring:
    """Its methods block."""

    def __init__(
        self, log: SignedLog, file: HeadFile | None = None, authority: Authority | None = None, peer: Peer | None = None
    ) -> None:
        self._log = log
        self._file = file
        self._authority = authority
        self._peer = peer

    @property
    def is_set_up(self) -> bool:
        """Whether there is any place to take heads to."""
        return self._file is not None or self._peer is not None

    def anchor(self) -> dict[str, Any]:
        """Take the newest head there, and return the line that was kept. Raises `GalerneError`.

        `BadFile` says that the peer remembers more than this log has: its tail was cut off.
        """
        head = self._log.head()
        line: dict[str, Any] = {"head": head}
        if self._authority is not None:
            line["timestamp"] = self._authority.stamp(head)
        if self._file is not None:
            self._file.append(line)
        if self._peer is not None:
            longest = read_head(self._peer.keep(head, self._log.key.pem), self._log.key, "the peer's answer").head
            if longest.size > head["size"]:
                raise BadFile(
                    f"had {longest.size} records when its peer was given a head, and has {head['size']} now.",
                    where=f"the {self._log.name} log",
                )
        return line


async def keep_anchored(anchoring: Anchoring, minutes: float) -> None:
    """Anchor at once and then from time to time, until cancelled."""
    while True:
        try:
            await asyncio.to_thread(anchoring.anchor)
        except GalerneError as error:
            logger.error("the audit log's head could not be anchored: %s", error)
        await asyncio.sleep(minutes * 60)
