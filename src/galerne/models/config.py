"""What a model is made of, whichever file says it."""

from __future__ import annotations

from dataclasses import dataclass

from galerne.kernels.interface import Rope

# Far beyond any model that an ordinary machine could run; a larger number is a lie or an attack.
MAX_VOCABULARY = 1 << 22
MAX_WIDTH = 1 << 17
MAX_FEED_FORWARD = 1 << 20
MAX_LAYERS = 1024
MAX_HEADS = 1024
MAX_HEAD_DIM = 1024
MAX_EXPERTS = 1024
MAX_CONTEXT = 1 << 26


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a decoder. `gguf_config` or `hf_config` sets every field, within the bounds above."""

    architecture: str  # as the file calls it: "llama", "qwen2", ...
    vocabulary: int
    context_length: int
    width: int
    layers: int
    heads: int
    kv_heads: int  # divides heads
    head_dim: int  # even
    feed_forward: int  # width of the inner layer (of one expert, where there are several)
    epsilon: float  # of the norms
    rope: Rope
    windows: tuple[int | None, ...]  # per layer: positions that a query sees, itself included; None: all before it
    tied: bool  # the output matrix is the embedding
    attention_bias: bool = False  # on q, k and v
    output_bias: bool = False  # on attention's output
    feed_forward_bias: bool = False
    experts: int = 0  # 0: dense
    experts_used: int = 0
