"""schemathesis against a server of our own: requests made up from `/openapi.json`, right and wrong ones.

What it finds decides (`schemathesis.toml`), and what the server itself counts: there must be no answer of 5xx.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from tests.contract.server import serving, until_ready
from tests.fuzz.worker import COMMAND

from galerne.bootstrap import build_app
from galerne.settings import Settings

ROOT = Path(__file__).parents[2]
_COUNTED = re.compile(r'^galerne_http_requests_total\{.*route="(.*?)",status="(\d+)"\} (\S+)$', re.MULTILINE)


@contextmanager
def server(models: Path, data: Path) -> Iterator[str]:
    """The address of the real application, but for the model's arithmetic."""
    with serving(build_app(Settings(models_dir=models, data_dir=data), COMMAND)) as url:
        until_ready(url)
        warm = {"model": "mistral-embed", "input": "warm"}  # its first request loads it
        httpx2.post(f"{url}/v1/embeddings", json=warm, timeout=60).raise_for_status()
        yield url


def attack(url: str, folder: Path, seed: int, *options: str, seconds: float = 5) -> subprocess.CompletedProcess[str]:
    """One run. Its exit code is 0 when every answer is as it must be, and came within so many seconds."""
    config = str(Path(__file__).with_name("schemathesis.toml"))
    run = ["run", f"{url}/openapi.json", "--seed", str(seed), "--request-timeout", str(seconds), *options]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", config, *run],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def answers(url: str) -> Counter[tuple[str, int]]:
    """How many answers there were so far, by route and status. `/readyz` says 503 until the model is loaded."""
    text = httpx2.get(f"{url}/metrics").text
    return Counter(
        {(route, int(status)): int(float(n)) for route, status, n in _COUNTED.findall(text) if route != "/readyz"}
    )
