"""`hf:OWNER/REPO[/FILE][@REVISION]`: a repository on a Hugging Face hub.

`huggingface_hub` says what there is, where, and with which token (its own variables set that: HF_ENDPOINT, HF_TOKEN,
...); the files are fetched here, because it throws half a file away when it is interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Self

from galerne.errors import DigestMismatch, PullError
from galerne.weights.digest import digest
from galerne.weights.safetensors import CONFIG, INDEX, SINGLE, TEXT_FILES
from galerne.weights.sources.download import download
from galerne.weights.sources.source import Progress, disk_errors, need_space

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
FORM = re.compile(rf"({PART}/{PART})(?:/({PART}(?:/{PART})*))?(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")
FOLDER_FILES = (CONFIG, INDEX, SINGLE, "model-*.safetensors", *TEXT_FILES)


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
        progress(f"looking for {self.repository}", 0, None)
        with self._errors():
            info = self._look()
        wanted = self._wanted(info.siblings or [])
        # One commit for all files, and a folder for each, though the repository may change between two attempts.
        folder = work / str(info.sha) / "model"
        with disk_errors(work):
            folder.mkdir(parents=True, exist_ok=True)
            here = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            need_space(work, sum(sibling.size or 0 for sibling in wanted) - here)
            for sibling in wanted:
                self._fetch_file(sibling, str(info.sha), folder, progress)
        return folder / self.file if self.file else folder

    def _look(self) -> ModelInfo:
        from huggingface_hub import HfApi, constants

        constants.HF_HUB_DISABLE_TELEMETRY = True  # the hub is asked for the model, and told nothing of this machine
        api = HfApi()
        info = api.model_info(self.repository, revision=self.revision, files_metadata=True)
        if info.gated:
            api.auth_check(self.repository)
        if not re.fullmatch("[0-9a-f]{40}", info.sha or ""):
            raise PullError("the hub names no commit.", where=f"hf:{self.repository}")
        return info

    def _wanted(self, siblings: list[RepoSibling]) -> list[RepoSibling]:
        if self.file is not None:
            wanted = [sibling for sibling in siblings if sibling.rfilename == self.file]
        else:
            plain = [sibling for sibling in siblings if re.fullmatch(PART, sibling.rfilename)]
            wanted = [one for one in plain if any(fnmatch(one.rfilename, pattern) for pattern in FOLDER_FILES)]
        if not wanted:
            raise PullError(f"has no {self.file or CONFIG}.", where=f"hf:{self.repository}")
        return wanted

    def _fetch_file(self, sibling: RepoSibling, commit: str, folder: Path, progress: Progress) -> None:
        from huggingface_hub import get_token, hf_hub_url

        target = folder / sibling.rfilename
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            url, token = hf_hub_url(self.repository, sibling.rfilename, revision=commit), get_token()
            download(url, target, progress, headers={"Authorization": f"Bearer {token}"} if token else {})
        if sibling.lfs is not None and digest(target) != sibling.lfs.sha256:
            target.unlink()
            raise DigestMismatch(
                "the file that arrived is not the one that the hub promises.",
                where=f"hf:{self.repository}/{sibling.rfilename}",
                hint="It was not kept. Pull again; if it stays so, do not trust the hub.",
            )

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
        except (OSError, ValueError, httpx2.HTTPError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise PullError(f"the hub cannot be asked: {reason}.", where=where, hint="Try again later.") from None
