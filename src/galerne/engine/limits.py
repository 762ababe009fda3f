"""The bounds of one engine; bootstrap builds them from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.errors import SettingsError


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How much one engine takes on, and which of its mechanisms are on. None of them changes a single token."""

    max_batch_tokens: int = 512  # rows of one step, prompts and answers together
    max_running: int = 64  # sequences that hold cache blocks at the same time
    max_waiting: int = 256  # requests beyond those; the next one is refused
    step_seconds: float = 0.1  # how long a prompt may hold up the answers that run beside it
    prefix_cache: bool = True  # share the blocks of equal prompts
    speculation: bool = True  # guess what comes next, and check several tokens at once

    def __post_init__(self) -> None:
        for name, least in (("max_batch_tokens", 1), ("max_running", 1), ("max_waiting", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"must be at least {least}, is {getattr(self, name)}.", where=name)
        if not self.step_seconds > 0:
            raise SettingsError(f"must be more than 0 seconds, is {self.step_seconds}.", where="step_seconds")
