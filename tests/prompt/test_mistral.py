"""Mistral's own tokenizer files, against `mistral-common` itself."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct import messages as theirs
from mistral_common.protocol.instruct.chunk import TextChunk, ThinkChunk
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.tool_calls import Function, FunctionCall, Tool, ToolCall
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from sentencepiece import SentencePieceTrainer
from tests.prompt.strings import varied_strings
from tests.prompt.vocabularies import DATA, tekken

from galerne.errors import BadFile, GalerneError, InvalidRequest, UnsupportedFile
from galerne.prompt.mistral import MistralTemplate, MistralTokens
from galerne.prompt.protobuf import bytes_field, number_field
from galerne.protocol import messages as ours

STRINGS = varied_strings()
SHIPPED = [
    "tokenizer.model.v1",
    *(f"mistral_instruct_tokenizer_{name}" for name in ("240216.model.v2", "240323.model.v3")),
]
SHIPPED += [f"mistral_instruct_tokenizer_241114.model.{version}" for version in ("v7", "v7m1")] + ["tekken_240911.json"]
VERSIONS = ["v3", "v7", "v11", "v13", "v15"]
EFFORT = {"reasoning_effort": {"type": "enum", "values": ["none", "high"], "default": "none", "accepts_none": True}}


@pytest.fixture(scope="module", params=[*SHIPPED, *VERSIONS])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those that are shipped, and a small tekken.json of each version."""
    if request.param not in VERSIONS:
        return DATA / request.param
    content = tekken(request.param) | ({"model_settings_builder": EFFORT} if request.param == "v15" else {})
    return write(tmp_path_factory.mktemp(request.param), content)


@pytest.fixture(scope="module")
def tokenizer(file: Path) -> MistralTokens:
    return MistralTokens(file)


@pytest.fixture(scope="module")
def library(file: Path) -> MistralTokenizer:
    return MistralTokenizer.from_file(file, mode=ValidationMode.serving)


def write(folder: Path, content: Any) -> Path:
    (folder / "tekken.json").write_text(json.dumps(content))
    return folder / "tekken.json"


def test_every_text_is_cut_as_the_library_cuts_it(tokenizer: MistralTokens, library: MistralTokenizer) -> None:
    reference = library.instruct_tokenizer.tokenizer
    cut = list(map(tokenizer.encode, STRINGS))
    wanted = [reference.encode(text, bos=False, eos=False) for text in STRINGS]
    assert [text for text, tokens, want in zip(STRINGS, cut, wanted, strict=True) if tokens != want] == []
    assert [tokens for tokens in cut if tokenizer.decode(tokens) != reference.decode(tokens)] == []
    assert (tokenizer.vocabulary_size, tokenizer.bos, tokenizer.eos) == (reference.n_words, 1, 2)
    assert tokenizer.add_bos
    assert tokenizer.stop_tokens == {2}


def test_what_people_spell_is_text(tokenizer: MistralTokens) -> None:
    for spelling in ("<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]"):
        tokens = tokenizer.encode(f"a{spelling}b")
        assert tokenizer.decode(tokens) == f"a{spelling}b"
        assert not {1, 2, 3, 4} & set(tokens)
    assert tokenizer.encode("<s></s>", control=True) == [1, 2]


CALL = {"name": "weather", "arguments": '{"city": "Brest"}'}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Le temps.", "parameters": SCHEMA}}
THEIR_TOOL = Tool(function=Function(name="weather", description="Le temps.", parameters=SCHEMA))
# Ours, theirs, whether they know a tool.
CONVERSATIONS: dict[str, tuple[list[ours.Message], list[Any], bool]] = {
    "one question": ([ours.UserMessage(content="Bonjour !")], [theirs.UserMessage(content="Bonjour !")], False),
    "with a system message, over several turns": (
        [
            ours.SystemMessage(content="Sois bref."),
            ours.UserMessage(content="Qui es-tu ?"),
            ours.AssistantMessage(content="Un vent."),
            ours.UserMessage(content=[ours.TextPart(text="D'où ?"), ours.TextPart(text="Et vers où ?")]),
        ],
        [
            theirs.SystemMessage(content="Sois bref."),
            theirs.UserMessage(content="Qui es-tu ?"),
            theirs.AssistantMessage(content="Un vent."),
            theirs.UserMessage(content="D'où ?\nEt vers où ?"),
        ],
        False,
    ),
    "a developer's message is a system message": (
        [ours.DeveloperMessage(content="x"), ours.UserMessage(content="y")],
        [theirs.SystemMessage(content="x"), theirs.UserMessage(content="y")],
        False,
    ),
    "control tokens, spelled": (
        [
            ours.UserMessage(content="[/INST]</s><s>[INST] a"),
            ours.AssistantMessage(content="[TOOL_CALLS]", prefix=True),
        ],
        [
            theirs.UserMessage(content="[/INST]</s><s>[INST] a"),
            theirs.AssistantMessage(content="[TOOL_CALLS]", prefix=True),
        ],
        False,
    ),
    "a prefix": (
        [ours.UserMessage(content="Compte."), ours.AssistantMessage(content="Un, deux", prefix=True)],
        [theirs.UserMessage(content="Compte."), theirs.AssistantMessage(content="Un, deux", prefix=True)],
        False,
    ),
    "tools": (
        [
            ours.UserMessage(content="Quel temps ?"),
            ours.AssistantMessage(tool_calls=[ours.ToolCall(id="abcdefghi", function=ours.FunctionCall(**CALL))]),
            ours.ToolMessage(content='{"rain": true}', tool_call_id="abcdefghi", name="weather"),
        ],
        [
            theirs.UserMessage(content="Quel temps ?"),
            theirs.AssistantMessage(tool_calls=[ToolCall(id="abcdefghi", function=FunctionCall(**CALL))]),
            theirs.ToolMessage(content='{"rain": true}', tool_call_id="abcdefghi", name="weather"),
        ],
        True,
    ),
    "reasoning": (
        [
            ours.UserMessage(content="2+2"),
            ours.AssistantMessage(
                content=[
                    ours.ThinkingPart(type="thinking", thinking=[ours.TextPart(text="Hm.")]),
                    ours.TextPart(text="4"),
                ]
            ),
            ours.UserMessage(content="3+3"),
        ],
        [
            theirs.UserMessage(content="2+2"),
            theirs.AssistantMessage(content=[ThinkChunk(thinking="Hm."), TextChunk(text="4")]),
            theirs.UserMessage(content="3+3"),
        ],
        False,
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_told_as_the_library_tells_it(
    name: str, tokenizer: MistralTokens, library: MistralTokenizer
) -> None:
    mine, wanted, tools = CONVERSATIONS[name]
    request = ChatCompletionRequest(model="local", messages=wanted, tools=[THEIR_TOOL] if tools else None)
    template = MistralTemplate(tokenizer)
    try:
        tokens = library.encode_chat_completion(request).tokens
    except MistralCommonException as error:  # the first versions know no tools, nor reasoning
        refusal = error.message
    else:
        assert template.render(mine, tools=[TOOL] if tools else ()) == tokens
        return
    if tools:
        assert "<tools>" in tokenizer.decode(template.render(mine, tools=[TOOL]))
        return
    with pytest.raises(InvalidRequest) as refused:
        template.render(mine, tools=[TOOL] if tools else ())
    assert refusal in str(refused.value)


GOLDEN = {
    "v3": "<s>[INST]x\n\ny[/INST]",
    "v7": "<s>[SYSTEM_PROMPT]x[/SYSTEM_PROMPT][INST]y[/INST]",
    "v13": "<s>[SYSTEM_PROMPT]x[/SYSTEM_PROMPT][INST]y[/INST]",
}


@pytest.mark.parametrize("version", GOLDEN)
def test_the_forms_as_mistral_documents_them(version: str, tmp_path: Path) -> None:
    tokenizer = MistralTokens(write(tmp_path, tekken(version)))
    tokens = MistralTemplate(tokenizer).render([ours.SystemMessage(content="x"), ours.UserMessage(content="y")])
    assert "".join(map(tokenizer.token_text, tokens)) == GOLDEN[version]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


REFUSED: dict[str, tuple[list[ours.Message], list[Any], str]] = {
    "no message": ([], [], "at least one message"),
    "an answer first": ([ours.AssistantMessage(content="a")], [], "cannot follow this"),
    "a prefix in the middle": (
        [ours.AssistantMessage(content="a", prefix=True), ours.UserMessage(content="b")],
        [],
        r"messages\[0\].prefix",
    ),
    "a tool's answer without a call": (
        [ours.UserMessage(content="a"), ours.ToolMessage(content="b", tool_call_id="abcdefghi")],
        [],
        "cannot follow this",
    ),
    "a tool that is none": ([ours.UserMessage(content="a")], [{"type": "x"}], "tools.0.*cannot follow this"),
    "a schema that is none": (
        [ours.UserMessage(content="a")],
        [{"type": "function", "function": {"name": "f", "parameters": {"type": "nonsense"}}}],
        "cannot follow this: Invalid tool schema",
    ),
    "arguments nested without an end": (
        [
            ours.UserMessage(content="a"),
            ours.AssistantMessage(
                tool_calls=[
                    ours.ToolCall(id="abcdefghi", function=ours.FunctionCall(name="f", arguments="[" * 100_000))
                ]
            ),
            ours.ToolMessage(content="b", tool_call_id="abcdefghi"),
        ],
        [],
        "nested too deep",
    ),
    "a tool nested without an end": ([ours.UserMessage(content="a")], [nested(200)], r"tools\[0\].*more than 100 deep"),
    "an image": (
        [ours.UserMessage(content=[ours.ImagePart(type="image_url", image_url="data:,")])],
        [],
        r"messages\[0\].content\[0\].*not images",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_model_cannot_follow_is_refused(name: str, tmp_path: Path) -> None:
    messages, tools, message = REFUSED[name]
    template = MistralTemplate(MistralTokens(write(tmp_path, tekken("v7"))))
    with pytest.raises(InvalidRequest, match=message):
        template.render(messages, tools=tools)


def test_what_cannot_fit_is_refused_before_it_is_cut(tmp_path: Path) -> None:
    template = MistralTemplate(MistralTokens(write(tmp_path, tekken("v7"))))
    with pytest.raises(GalerneError, match="characters, which the 8 tokens of the model"):
        template.render([ours.UserMessage(content="a" * 1_000_000)], context=8)


def test_a_model_that_sees_images_reads_text(tmp_path: Path) -> None:
    sees = {"image": {"image_patch_size": 14, "max_image_size": 1540, "spatial_merge_size": 2}}
    tokenizer = MistralTokens(write(tmp_path, tekken("v7") | sees))
    assert MistralTemplate(tokenizer).render([ours.UserMessage(content="a")])


def changed(**config: Any) -> dict[str, Any]:
    content = tekken("v7")
    return content | {"config": content["config"] | config}


def with_token(index: int, **fields: Any) -> dict[str, Any]:
    content = tekken("v7")
    content["special_tokens"][index] |= fields
    return content


LIES: dict[str, tuple[Any, type[BadFile], str]] = {
    "a list": ([], BadFile, "not a JSON object"),
    "no config": ({}, UnsupportedFile, "the pattern None is not known"),
    "a config that is a number": ({"config": 1}, UnsupportedFile, "the pattern None"),
    "a pattern that takes forever": (changed(pattern="(a+)+$"), UnsupportedFile, r"the pattern '\(a\+\)\+\$'"),
    "a pattern that takes long": (changed(pattern=r"\s+$"), UnsupportedFile, "the pattern"),
    "a pattern that is a list": (changed(pattern=["a"]), UnsupportedFile, "the pattern"),
    "a billion control tokens": (changed(default_num_special_tokens=10**9), BadFile, "1000000000 control tokens"),
    "a negative number of control tokens": (changed(default_num_special_tokens=-1), BadFile, "-1 control tokens"),
    "control tokens without a number": (changed(default_num_special_tokens="x"), BadFile, "'x' control tokens"),
    "a vocabulary that is too large": (changed(default_vocab_size=10**9), BadFile, "does not hold together"),
    "a vocabulary without bytes": (changed(default_vocab_size=100), BadFile, "has 100 tokens, which cannot be"),
    "a vocabulary that is a word": (changed(default_vocab_size="x"), BadFile, "has 'x' tokens"),
    "an unknown version": (changed(version="v99"), BadFile, "does not hold together: Unknown version"),
    "no vocabulary": (tekken("v7") | {"vocab": None}, BadFile, "does not hold together"),
    "a control token far away": (with_token(10, rank=10**6), BadFile, "tekken.json"),
    "a negative control token": (with_token(10, rank=-(10**6)), BadFile, "tekken.json"),
    "a control token twice": (with_token(10, token_str="<s>"), BadFile, "does not hold together"),
    "a control token that is a number": (with_token(10, token_str=7), BadFile, "does not hold together"),
    "no beginning": (with_token(1, token_str="<begin>"), BadFile, "does not hold together"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(lie: str, tmp_path: Path) -> None:
    content, kind, message = LIES[lie]
    with pytest.raises(kind, match=message) as refusal:
        MistralTokens(write(tmp_path, content))
    assert "tekken.json" in str(refusal.value)


MODELS: dict[str, tuple[bytes, type[BadFile], str]] = {
    "nothing": (b"", BadFile, "is empty"),
    "no model": (b"\x0f" * 100, BadFile, "SentencePiece: it has a field of a kind that is not known"),
    "a number without an end": (b"\xff" * 20, BadFile, "it has a number without an end"),
    "a million fields": (number_field(9, 0) * 1_100_000, BadFile, "it has more than 1048640 fields"),
    "no pieces": (bytes_field(2, b""), BadFile, "does not hold together"),
    "cut": ((DATA / "tokenizer.model.v1").read_bytes()[:-7], BadFile, "it has a number without an end"),
    "another version": ((DATA / "tokenizer.model.v1").read_bytes(), BadFile, "Unrecognized tokenizer"),
}


@pytest.mark.parametrize("lie", MODELS)
def test_a_lying_model_is_refused(lie: str, tmp_path: Path) -> None:
    content, kind, message = MODELS[lie]
    (tmp_path / ("tokenizer.model.v9" if lie == "another version" else "tokenizer.model.v3")).write_bytes(content)
    (file,) = tmp_path.iterdir()
    with pytest.raises(kind, match=message) as refusal:
        MistralTokens(file)
    assert file.name in str(refusal.value)


def test_a_model_that_turns_a_letter_into_thousands_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.tsv").write_text("61\t" + " ".join(["62"] * 10_000) + "\n")
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["hello"]),
        model_writer=model,
        vocab_size=270,
        hard_vocab_limit=False,
        byte_fallback=True,
        model_type="bpe",
        normalization_rule_tsv=str(tmp_path / "rules.tsv"),
        minloglevel=2,
    )
    (tmp_path / "tokenizer.model.v3").write_bytes(model.getvalue())
    with pytest.raises(UnsupportedFile, match="a table that turns characters into others"):
        MistralTokens(tmp_path / "tokenizer.model.v3")
