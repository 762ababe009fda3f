"""Programs of other people that speak Mistral's or OpenAI's API, pointed at the server by their own settings.

- `langchain-mistralai`: `ChatMistralAI(endpoint="http://.../v1", mistral_api_key="any")`.
- `llm`, with the OpenAI plugin that it comes with: a file `extra-openai-models.yaml` in its folder (`LLM_USER_PATH`).
- `llm-mistral` has no setting for the address: it uses the official client, with the default server of the table that
  this client keeps. That entry is changed before `llm` starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_mistralai import ChatMistralAI

MODEL = "smollm2-135m-instruct"
ALIAS = "mistral-small-latest"


@pytest.fixture
def langchain(server: str) -> ChatMistralAI:
    return ChatMistralAI(
        endpoint=f"{server}/v1",
        mistral_api_key="unused",
        model_name=ALIAS,
        temperature=0,
        max_tokens=10,
        max_retries=0,
    )


CONVERSATION = [
    SystemMessage("You are terse."),
    HumanMessage("Hello!"),
    AIMessage("Hi."),
    HumanMessage("Say something."),
]


def test_langchain(langchain: ChatMistralAI) -> None:
    answer = langchain.invoke(CONVERSATION)
    assert isinstance(answer.content, str)
    assert answer.content
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] <= 10
    streamed = list(langchain.stream(CONVERSATION))
    assert len(streamed) > 2
    assert "".join(str(chunk.content) for chunk in streamed) == answer.content


async def test_langchain_async(langchain: ChatMistralAI) -> None:
    answer = await langchain.ainvoke(CONVERSATION)
    assert "".join([str(chunk.content) async for chunk in langchain.astream(CONVERSATION)]) == answer.content


LLM = """
import json, sys
from click.testing import CliRunner
from mistralai.client.sdkconfiguration import SERVER_GLOBAL, SERVERS

SERVERS[SERVER_GLOBAL] = sys.argv[1]
from llm.cli import cli

for command in json.loads(sys.argv[2]):
    done = CliRunner().invoke(cli, command)
    print(json.dumps([done.exit_code, done.output]))
"""


def test_llm(server: str, tmp_path: Path) -> None:
    models = f"- model_id: galerne\n  model_name: gpt-4o-mini\n  api_base: {server}/v1\n"
    (tmp_path / "extra-openai-models.yaml").write_text(models)
    ask = ["prompt", "-o", "temperature", "0", "-o", "max_tokens", "10", "Say something.", "-m"]
    commands = [
        ["mistral", "refresh"],
        ["models", "list"],
        *([*ask, model, *streams] for model in ("galerne", f"mistral/{MODEL}") for streams in ([], ["--no-stream"])),
    ]
    keys = {"LLM_MISTRAL_KEY": "unused", "OPENAI_API_KEY": "unused"}
    done = subprocess.run(
        [sys.executable, "-c", LLM, server, json.dumps(commands)],
        env={"HOME": str(tmp_path), "LLM_USER_PATH": str(tmp_path), **keys},
        capture_output=True,
        text=True,
        check=True,
    )
    _, listed, *answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert f"mistral/{MODEL}" in listed[1]
    assert "codestral" not in listed[1]  # what the server runs, not what the plugin knows
    assert [code for code, _ in answers] == [0] * 4
    assert len({text.strip() for _, text in answers}) == 1
    assert len(answers[0][1]) > 5
