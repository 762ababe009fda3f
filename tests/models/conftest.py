"""Small random models of every architecture, made with transformers, and written in both file formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from galerne.kernels import open_kernels
from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import Kernels
from galerne.models import Model

LEVELS = ("reference",)

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
    "qwen2": lambda: _config("Qwen2", rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
    "qwen2-window": lambda: _config("Qwen2", use_sliding_window=True, sliding_window=13, max_window_layers=1),
    "mixtral": lambda: _config("Mixtral", num_local_experts=6, num_experts_per_tok=2),
    "mixtral-window": lambda: _config("Mixtral", num_local_experts=4, num_experts_per_tok=3, sliding_window=10),
}
IN_GGUF = tuple(name for name in CONFIGS if name not in ("ministral", "qwen2-window"))


@dataclass(frozen=True)
class Tiny:
    """A small random model: what transformers makes of it, and its files."""

    torch_model: transformers.PreTrainedModel
    folder: Path

    def logits(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """What transformers computes, float32 [len(tokens), vocabulary]."""
        with torch.no_grad():
            return self.torch_model(torch.tensor([list(tokens)])).logits[0].numpy()

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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tiny]:
    """The tiny model of that name."""
    made: dict[str, Tiny] = {}

    def make(name: str) -> Tiny:
        if name not in made:
            made[name] = Tiny(random_model(CONFIGS[name]()), tmp_path_factory.mktemp(name))
        return made[name]

    return make


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


@pytest.fixture(scope="session", params=LEVELS)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return open_kernels(request.param, threads=2, folder=tmp_path_factory.getbasetemp() / "kernels")


@pytest.fixture
def assert_close(kernels: Kernels) -> Callable[[NDArray[np.float32], NDArray[np.float32]], None]:
    """Logits agree, relative to the largest one. The only place that says how well each level must do."""
    tolerance = {"reference": 1e-4}[kernels.level]

    def check(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()

    return check


@pytest.fixture(scope="session")
def compute() -> Callable[..., list[NDArray[np.float32]]]:
    return run_steps


def run_steps(
    model: Model, sequences: Sequence[Sequence[int]], steps: Sequence[Sequence[int]] | None = None
) -> list[NDArray[np.float32]]:
    """Logits of all positions of all sequences, their blocks scattered over the cache.

    Each step says how many tokens of each sequence are computed together; None: all in one step.
    """
    steps = steps or [[len(sequence) for sequence in sequences]]
    scattered = np.random.default_rng(7).permutation(model.blocks).astype(np.int32)
    tables = np.array_split(scattered, len(sequences))
    done = [0] * len(sequences)
    results: list[list[NDArray[np.float32]]] = [[] for _ in sequences]
    for step in steps:
        taking = [s for s, count in enumerate(step) if count]
        spans = [(done[s], done[s] + step[s]) for s in taking]
        counts = [last - first for first, last in spans]
        batch = Batch(
            tokens=np.concatenate(
                [sequences[s][first:last] for s, (first, last) in zip(taking, spans, strict=True)]
            ).astype(np.int32),
            positions=np.concatenate([np.arange(first, last) for first, last in spans]).astype(np.int32),
            starts=np.cumsum([0, *counts]).astype(np.int32),
            lengths=np.array([last for _, last in spans], np.int32),
            blocks=np.stack([tables[s][: model.blocks // len(sequences)] for s in taking]),
            outputs=np.arange(sum(counts), dtype=np.int32),
        )
        parts = np.split(model.forward(batch).copy(), np.cumsum(counts)[:-1])
        for s, part, (_, last) in zip(taking, parts, spans, strict=True):
            results[s].append(part)
            done[s] = last
    assert done == [len(sequence) for sequence in sequences]
    assert all(len(sequence) <= len(tables[0]) * BLOCK for sequence in sequences)
    return [np.concatenate(parts) for parts in results]


def write_gguf(path: Path, model: transformers.PreTrainedModel, *, stacked_experts: bool) -> None:
    """Write the model as llama.cpp's converter does: its names, and q and k permuted for rotating neighbours."""
    config = model.config
    arch = "qwen2" if config.model_type == "qwen2" else "llama"
    writer = gguf.GGUFWriter(path, arch)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if hasattr(config, "num_local_experts"):
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    _write_rope(writer, model)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2 if arch == "qwen2" else gguf.MODEL_ARCH.LLAMA, 99)
    for name, parameter in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        for part, count in heads.items():
            if part in name and arch == "llama":
                rotated = values.reshape(count, 2, config.head_dim // 2, -1).swapaxes(1, 2)
                values = np.ascontiguousarray(rotated).reshape(values.shape)
        if ".experts." in name:
            _write_experts(writer, name, values, stacked_experts)
        else:
            router = name.replace("mlp.gate.weight", "block_sparse_moe.gate.weight")
            writer.add_tensor(names.get_name(router, (".weight", ".bias")), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_rope(writer: gguf.GGUFWriter, model: transformers.PreTrainedModel) -> None:
    rope = model.config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    match rope["rope_type"]:
        case "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        case "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        case "llama3":
            scaled = model.model.rotary_emb.inv_freq.numpy()
            plain = rope["rope_theta"] ** (-np.arange(0, 2 * len(scaled), 2) / (2 * len(scaled)))
            writer.add_tensor("rope_freqs.weight", (plain / scaled).astype(np.float32))


def _write_experts(writer: gguf.GGUFWriter, name: str, values: NDArray[np.float32], stacked: bool) -> None:
    layer = int(name.split(".")[2])
    parts = {"ffn_down": values}
    if "gate_up" in name:
        gate, up = np.split(values, 2, axis=1)
        parts = {"ffn_gate": np.ascontiguousarray(gate), "ffn_up": np.ascontiguousarray(up)}
    for part, experts in parts.items():
        if stacked:
            writer.add_tensor(f"blk.{layer}.{part}_exps.weight", experts)
        else:
            for expert, weights in enumerate(experts):
                writer.add_tensor(f"blk.{layer}.{part}.{expert}.weight", weights)
