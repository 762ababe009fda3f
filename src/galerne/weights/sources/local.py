"""`file:PATH`: a file or a folder that is on this machine already."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from galerne.errors import PullError
from galerne.weights import open_checkpoint
from galerne.weights.sources.source import CHUNK, Progress, disk_errors, need_space


@dataclass(frozen=True, slots=True)
class LocalSource:
    path: Path  # absolute, without `..`

    @classmethod
    def parse(cls, text: str) -> Self:
        if not text or "\0" in text:
            raise ValueError("this source has the form file:PATH")
        return cls(Path(os.path.abspath(Path(text).expanduser())))

    def fetch(self, work: Path, progress: Progress) -> Path:
        """Copy the file, or the files of a model that a folder holds: nothing else that lies there."""
        if not self.path.exists():
            raise PullError("there is no such file or folder.", where=str(self.path))
        files = open_checkpoint(self.path).files
        target = work / (self.path.name or "model")
        with disk_errors(work):
            total = sum(file.stat().st_size for file in files)
            need_space(work, total)
            done = 0
            for file in files:
                copy = target / file.name if self.path.is_dir() else target
                copy.parent.mkdir(exist_ok=True)
                with file.open("rb") as source, copy.open("wb") as sink:
                    while chunk := source.read(CHUNK):
                        sink.write(chunk)
                        done += len(chunk)
                        progress(f"copying {file.name}", done, total)
        return target
