"""The default model, on real text: what transformers computes from the dequantised weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from tests.models.gguf_file import unrotated
from tests.models.steps import run_steps

from galerne import models
from galerne.evaluation.perplexity import measure_perplexity
from galerne.prompt import open_tokenizer
from galerne.weights import open_checkpoint

TEXTS = Path(__file__).parents[1] / "golden" / "texts"


@dataclass(frozen=True)
class Golden:
    """A text, and what transformers makes of it."""

    tokens: list[int]
    best: NDArray[np.int64]  # after each token
    nll: float


@pytest.fixture(scope="session", params=["english", "french"])
def golden(request, default_model, independent) -> Golden:
    tokens = open_tokenizer(open_checkpoint(default_model)).encode((TEXTS / f"{request.param}.txt").read_text())
    with torch.no_grad():
        output = independent(torch.tensor([tokens]), labels=torch.tensor([tokens]))
    return Golden(tokens, output.logits[0].argmax(-1).numpy(), output.loss.item() * (len(tokens) - 1))


@pytest.fixture(scope="session")
def independent(default_model) -> transformers.LlamaForCausalLM:
    """Built from the file by the gguf package alone: nothing of Galerne takes part."""
    reader = gguf.GGUFReader(default_model)

    def value(key: str):
        return reader.fields[f"llama.{key}"].contents()

    config = transformers.LlamaConfig(
        vocab_size=value("vocab_size"),
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=value("attention.head_count"),
        num_key_value_heads=value("attention.head_count_kv"),
        max_position_embeddings=value("context_length"),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("rope.freq_base")},
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    state = {}
    for name in model.state_dict():
        tensor = tensors.get(names.get_name(name, (".weight",)), tensors["token_embd.weight"])  # the output is tied
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        state[name] = torch.from_numpy(np.array(unrotated(name, values, config)))
    model.load_state_dict(state, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # it has buffers that no file holds
    return model.eval()


@pytest.fixture(scope="module")
def model(default_model, kernels) -> models.Model:
    return models.load(open_checkpoint(default_model), kernels, blocks=32, max_rows=256)


def test_the_best_tokens_are_those_of_transformers(model, golden):
    rounds, rest = divmod(len(golden.tokens), 200)
    (logits,) = run_steps(model, [golden.tokens], [[200]] * rounds + [[rest]])
    assert len(golden.tokens) >= 500
    assert (logits.argmax(-1) == golden.best).mean() >= 0.99


def test_the_perplexity_is_that_of_transformers(model, golden):
    *_, result = measure_perplexity(model, golden.tokens, context=len(golden.tokens))
    assert result.tokens == len(golden.tokens) - 1
    assert result.perplexity == pytest.approx(exp(golden.nll / result.tokens), rel=0.01)
