"""Vectors -> what goes over the wire: floats, fewer bits, base64."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from galerne.flows.embeddings import Embedded
from galerne.protocol.embeddings import Dtype, EmbeddingData, EmbeddingRequest, EmbeddingResponse, EmbeddingUsage

_FRAME = '"data":[]'


def quantised(vectors: NDArray[np.float32], dtype: Dtype) -> NDArray[np.float32] | NDArray[np.int8] | NDArray[np.uint8]:
    """The vectors in the numbers that were asked for.

    `int8`: each vector stretched so that its largest number is 127 or -127, and rounded; angles stay. `uint8`: the same
    plus 128. `ubinary`: a bit for each number, 1 where it is above 0, the first one in the highest bit of a byte.
    `binary`: the same minus 128.
    """
    if dtype == "float":
        return vectors
    if dtype in ("binary", "ubinary"):
        bits = np.packbits(vectors > 0, axis=1)
        return bits if dtype == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    stretched: NDArray[np.float32] = np.rint(vectors / largest * 127)
    return stretched.astype(np.int8) if dtype == "int8" else (stretched + 128).astype(np.uint8)


def written(request: EmbeddingRequest, embedded: Embedded) -> bytes:
    """The response in JSON. Made vector by vector, so that other threads may run in between: there can be a million
    numbers."""
    numbers = quantised(embedded.vectors, request.output_dtype or "float")
    in_base64 = request.encoding_format == "base64"
    data = (
        EmbeddingData(index=index, embedding=base64.b64encode(row.tobytes()).decode() if in_base64 else row.tolist())
        for index, row in enumerate(numbers)
    )
    frame = EmbeddingResponse(
        id=embedded.id,
        data=[],
        model=embedded.model,
        usage=EmbeddingUsage(prompt_tokens=embedded.tokens, total_tokens=embedded.tokens),
        metadata=request.metadata,
    ).model_dump_json()
    filled = ",".join(each.model_dump_json() for each in data)
    return frame.replace(_FRAME, f"{_FRAME[:-1]}{filled}]", 1).encode()
