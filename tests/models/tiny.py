"""Small random models of every architecture, made with transformers, and written in both file formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tests.models.gguf_file import write_gguf

SMALL = {
    "vocab_size": 160,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.15,
    "attn_implementation": "eager",
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
    "rope_theta": 500.0,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 1000.0}


def _config(family: str, **changes: object) -> transformers.PreTrainedConfig:
    return getattr(transformers, f"{family}Config")(**SMALL | changes)


CONFIGS: dict[str, Callable[[], transformers.PreTrainedConfig]] = {
    "llama": lambda: _config("Llama"),
    "llama-tied": lambda: _config("Llama", tie_word_embeddings=True, num_key_value_heads=4),
    "llama-biased": lambda: _config("Llama", attention_bias=True, mlp_bias=True),
    "llama-linear": lambda: _config("Llama", rope_parameters={"rope_type": "linear", "factor": 2.5, "rope_theta": 1e4}),
    "llama-yarn": lambda: _config("Llama", rope_parameters=YARN),
    "llama-llama3": lambda: _config("Llama", rope_parameters=LLAMA3),
    "mistral": lambda: _config("Mistral", sliding_window=11),
    "mistral-wide": lambda: _config("Mistral", sliding_window=40, head_dim=16),
    "mistral-full": lambda: _config("Mistral", sliding_window=None),
    "ministral": lambda: _config(
        "Ministral",
        sliding_window=9,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "ministral3": lambda: _config(
        "Ministral3",
        rope_parameters=YARN
        | {
            "original_max_position_embeddings": 80,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
            "llama_4_scaling_beta": 0.1,
        },
    ),
    "qwen2": lambda: _config("Qwen2", rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
    "qwen2-window": lambda: _config("Qwen2", use_sliding_window=True, sliding_window=13, max_window_layers=1),
    "mixtral": lambda: _config("Mixtral", num_local_experts=6, num_experts_per_tok=2),
    "mixtral-window": lambda: _config("Mixtral", num_local_experts=4, num_experts_per_tok=3, sliding_window=10),
}
NOT_IN_SAFETENSORS = ("ministral3",)
NOT_IN_GGUF = ("ministral", "qwen2-window")  # llama.cpp's files have no windows that differ by layer


@dataclass(frozen=True)
class Tiny:
    """A small random model: what transformers makes of it, and its files."""

    torch_model: transformers.PreTrainedModel
    folder: Path

    def logits(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """What transformers computes, float32 [len(tokens), vocabulary]."""
        with torch.no_grad():
            return self.torch_model(torch.tensor([list(tokens)])).logits[0].numpy()

    def final_states(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The last hidden states that transformers computes, float32 [len(tokens), width]."""
        with torch.no_grad():
            return self.torch_model.model(torch.tensor([list(tokens)])).last_hidden_state[0].numpy()

    def safetensors(self, *, shard_size: str = "1GB") -> Path:
        path = self.folder / f"hf-{shard_size}"
        if not path.exists():
            self.torch_model.save_pretrained(path, max_shard_size=shard_size)
        return path

    def gguf(self, *, stacked_experts: bool = True) -> Path:
        path = self.folder / f"model-{stacked_experts}.gguf"
        if not path.exists():
            write_gguf(path, self.torch_model, stacked_experts=stacked_experts)
        return path


def random_model(config: transformers.PreTrainedConfig) -> transformers.PreTrainedModel:
    torch.manual_seed(20)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.5)
    return model
