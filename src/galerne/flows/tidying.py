"""Removes what has expired, and what killed processes left behind, from time to time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

SECONDS = 600
"""Between two times."""


async def keep_tidy(*parts: Callable[[], None]) -> None:
    """Call each part's `tidy` in a thread, at once and then from time to time, until cancelled."""
    while True:
        for tidy in parts:
            try:
                await asyncio.to_thread(tidy)
            except Exception:
                logger.exception("what has expired could not be removed")
        await asyncio.sleep(SECONDS)
