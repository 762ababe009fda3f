"""One file over HTTP, going on where an earlier attempt stopped."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

import httpx2

from galerne.errors import PullError
from galerne.weights.sources.source import Progress, disk_errors, need_space

ATTEMPTS = 5
PAUSE = 1.0  # seconds before the second attempt; then twice as long each time
TIMEOUT = 60.0  # seconds without a byte


def download(
    url: str,
    target: Path,
    progress: Progress,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    certificates: str | None = None,
    proxy: str | None = None,
) -> None:
    """Fetch `url` into `target`. What has arrived stays beside it, with `.partial` added, when it fails.

    `certificates` is a file of certificate authorities, `proxy` an address; without them, the environment's.
    Raises `PullError`, `DiskFull`.
    """
    partial = target.with_name(target.name + ".partial")
    with disk_errors(partial):
        verify = ssl.create_default_context(cafile=certificates) if certificates else True
        with httpx2.Client(
            headers=headers, verify=verify, proxy=proxy, timeout=TIMEOUT, follow_redirects=True
        ) as client:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    _go_on(client, url, partial, progress)
                    break
                except httpx2.HTTPError as error:
                    if attempt == ATTEMPTS or not isinstance(error, httpx2.TransportError):
                        raise PullError(
                            f"the connection was lost ({str(error) or type(error).__name__}).",
                            where=_host(url),
                            hint="Pull again: it goes on where it stopped.",
                        ) from None
                    time.sleep(PAUSE * 2 ** (attempt - 1))
        partial.replace(target)


def _go_on(client: httpx2.Client, url: str, partial: Path, progress: Progress) -> None:
    here = partial.stat().st_size if partial.exists() else 0
    # Not compressed on the way: the length and the ranges are those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    with client.stream("GET", url, headers=headers) as response:
        if here and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if response.headers.get("Content-Range") == f"bytes */{here}":
                return  # all of it was here already
            partial.unlink()
            raise httpx2.ReadError("what was here did not fit what is there")
        if response.is_error:
            raise PullError(f"the server answered {response.status_code} {response.reason_phrase}.", where=_host(url))
        resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            raise PullError("the server sent another part than the one that was asked for.", where=_host(url))
        done = here if resumed else 0
        left = response.headers.get("Content-Length", "")
        total = done + int(left) if left.isdecimal() else None
        need_space(partial.parent, (total or done) - done)
        with partial.open("ab" if resumed else "wb") as sink:
            for chunk in response.iter_raw():
                sink.write(chunk)
                done += len(chunk)
                progress(f"downloading {partial.stem}", done, total)
    if total is not None and done != total:
        raise httpx2.ReadError(f"{done} of {total} bytes arrived")


def _host(url: str) -> str:
    """An address without what may be a secret in it."""
    return httpx2.URL(url).host
