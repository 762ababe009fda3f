"""A file on its way in that is read and not kept: on the disk once it is large, and gone when it was read."""

from __future__ import annotations

import asyncio
import tempfile

from galerne.errors import TooLarge

IN_MEMORY = 1 << 20


class Arriving:
    """Takes a file's bytes as they come. To be closed."""

    def __init__(self, most_mb: int) -> None:
        self._most_mb = most_mb
        self.size = 0
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115

    async def write(self, data: bytes) -> None:
        """Raises `TooLarge`."""
        self.size += len(data)
        if self.size > self._most_mb << 20:
            raise TooLarge(f"the file is larger than {self._most_mb} MiB.", where="file")
        await asyncio.to_thread(self.file.write, data)

    def content(self) -> bytes:
        """All of it. Blocks."""
        self.file.seek(0)
        return self.file.read()

    def __enter__(self) -> Arriving:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
