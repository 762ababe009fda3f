"""The same weights in the GGUF type that llama.cpp runs fastest, made by llama.cpp. Run: SOURCE TARGET"""

from __future__ import annotations

import sys

import llama_cpp as llama


def requantise(source: str, target: str) -> None:
    """Write the weights of `source` to `target` as Q4_0."""
    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype = llama.LLAMA_FTYPE_MOSTLY_Q4_0
    parameters.allow_requantize = True
    if code := llama.llama_model_quantize(source.encode(), target.encode(), parameters):
        raise RuntimeError(f"llama_model_quantize gave {code}")


if __name__ == "__main__":
    requantise(sys.argv[1], sys.argv[2])
