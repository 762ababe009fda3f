"""`hf:OWNER/REPO[/FILE][@REVISION]`: a repository on a Hugging Face hub, through `huggingface_hub`.

That library keeps half a file, goes on from it and shows how far it is; the hub's address, token and cache are set by
its own variables (HF_ENDPOINT, HF_TOKEN, ...).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from galerne.errors import PullError
from galerne.weights.safetensors import CONFIG, INDEX, TEXT_FILES
from galerne.weights.sources.source import Progress, disk_errors, need_space

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
FORM = re.compile(rf"({PART}/{PART})(?:/({PART}(?:/{PART})*))?(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")
FOLDER_FILES = (CONFIG, INDEX, *TEXT_FILES, "model.safetensors", "model-*.safetensors")


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    repository: str  # owner/name
    file: str | None  # None: the whole folder
    revision: str | None  # branch, tag or commit; None: the newest

    @classmethod
    def parse(cls, text: str) -> Self:
        found = FORM.fullmatch(text)
        if found is None:
            raise ValueError("this source has the form hf:OWNER/REPO/FILE@REVISION; FILE and REVISION may be left out")
        return cls(*found.groups())

    def fetch(self, work: Path, progress: Progress) -> Path:
        from huggingface_hub import HfApi, hf_hub_download

        folder = work / "model"
        with disk_errors(work), self._errors():
            progress(f"looking for {self.repository}", 0, None)
            info = HfApi().model_info(self.repository, revision=self.revision, files_metadata=True)
            wanted = self._wanted(info.siblings or [])
            here = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            need_space(work, sum(sibling.size or 0 for sibling in wanted) - here)
            # One commit for all files, though the repository may change meanwhile.
            for sibling in wanted:
                hf_hub_download(
                    self.repository, sibling.rfilename, revision=info.sha, local_dir=folder, tqdm_class=_bar(progress)
                )
            shutil.rmtree(folder / ".cache", ignore_errors=True)  # the library's own notes
        return folder / self.file if self.file else folder

    def _wanted(self, siblings: list[RepoSibling]) -> list[RepoSibling]:
        if self.file is not None:
            wanted = [sibling for sibling in siblings if sibling.rfilename == self.file]
        else:
            plain = [sibling for sibling in siblings if re.fullmatch(PART, sibling.rfilename)]
            wanted = [one for one in plain if any(fnmatch(one.rfilename, pattern) for pattern in FOLDER_FILES)]
        if not wanted:
            raise PullError(f"has no {self.file or 'config.json'}.", where=f"hf:{self.repository}")
        return wanted

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx2
        from huggingface_hub import errors

        where = f"hf:{self.repository}"
        try:
            yield
        except errors.GatedRepoError:
            raise PullError(
                "its owner asks you to accept a licence first.",
                where=where,
                hint="Do so on the repository's page, then pull again with your token in HF_TOKEN.",
            ) from None
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
            name = f"revision {self.revision}" if self.revision else "repository"
            raise PullError(f"there is no such {name}, or it is private.", where=where) from None
        except (errors.HfHubHTTPError, httpx2.HTTPError, errors.LocalEntryNotFoundError) as error:
            raise PullError(
                f"the hub cannot be reached or does not answer as it should: {_first_line(error)}",
                where=where,
                hint="Pull again: it goes on where it stopped.",
            ) from None


def _bar(progress: Progress) -> type[Any]:
    """The library's progress bar, telling `progress` instead of drawing."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"file": StringIO()})  # type: ignore[no-untyped-call]

        def display(self, *_arguments: Any, **_options: Any) -> None:
            progress(f"downloading {self.desc}", int(self.n), int(self.total) if self.total else None)

    return Bar


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
