"""Failures as the users of both official clients see them: the right class, a message that helps, retries."""

from __future__ import annotations

import openai as openai_package
import pytest
from mistralai.client.errors import HTTPValidationError, MistralError, SDKError
from mistralai.client.utils import BackoffStrategy, RetryConfig
from tests.contract.clients import async_openai, mistral, openai
from tests.contract.scripted import BREAKS, BUSY, ECHO

from galerne.api.errors import STATUS
from galerne.errors import GalerneError

OPENAI = {
    400: openai_package.BadRequestError,
    401: openai_package.AuthenticationError,
    403: openai_package.PermissionDeniedError,
    404: openai_package.NotFoundError,
    409: openai_package.ConflictError,
    422: openai_package.UnprocessableEntityError,
    429: openai_package.RateLimitError,
}
"""The class by which `openai` tells a status; others below 500 have none of their own."""


def ask(content: str, model: str = ECHO) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize("failure", list(STATUS), ids=lambda failure: failure.__name__)
def test_openai_raises_its_own_class_for_every_failure(scripted: str, failure: type[GalerneError]) -> None:
    status = STATUS[failure]
    server_side = openai_package.InternalServerError if status >= 500 else openai_package.APIStatusError
    with openai(scripted) as client, pytest.raises(OPENAI.get(status, server_side)) as caught:
        client.chat.completions.create(**ask(failure.__name__))
    assert "there: it went wrong. Mend it." in caught.value.message
    assert (caught.value.status_code, caught.value.code, caught.value.param) == (status, failure.code, "there")
    assert caught.value.request_id


@pytest.mark.parametrize("failure", list(STATUS), ids=lambda failure: failure.__name__)
@pytest.mark.parametrize("stream", [False, True])
def test_mistral_raises_its_own_class_for_every_failure(
    scripted: str, failure: type[GalerneError], stream: bool
) -> None:
    status = STATUS[failure]
    kind = HTTPValidationError if status == 422 else SDKError
    with mistral(scripted) as client, pytest.raises(kind) as caught:
        (client.chat.stream if stream else client.chat.complete)(**ask(failure.__name__))
    assert "there: it went wrong. Mend it." in str(caught.value)
    assert caught.value.status_code == status
    if isinstance(caught.value, HTTPValidationError):
        (detail,) = caught.value.data.detail or []
        assert (detail.loc, detail.msg, detail.type) == (["there"], "there: it went wrong. Mend it.", failure.code)


def test_what_is_wrong_with_a_request_is_named(scripted: str) -> None:
    with openai(scripted) as client, pytest.raises(openai_package.UnprocessableEntityError) as caught:
        client.chat.completions.create(**ask("x"), temperature=7)
    assert caught.value.param == "temperature"
    with mistral(scripted) as client, pytest.raises(HTTPValidationError, match="temperature: "):
        client.chat.complete(**ask("x"), temperature=7)


def test_a_model_that_is_not_there(scripted: str) -> None:
    with openai(scripted) as client, pytest.raises(openai_package.NotFoundError, match="no model 'gpt-99' here"):
        client.chat.completions.create(**ask("x", "gpt-99"))
    with openai(scripted) as client, pytest.raises(openai_package.NotFoundError):
        client.models.retrieve("gpt-99")
    with mistral(scripted) as client, pytest.raises(MistralError, match="no model 'gpt-99' here"):
        client.models.retrieve(model_id="gpt-99")


def test_openai_hears_of_a_failure_in_the_middle_of_a_stream(scripted: str) -> None:
    heard = []
    with openai(scripted) as client:
        stream = client.chat.completions.create(**ask("abcdef", BREAKS), stream=True)
        with pytest.raises(openai_package.APIError, match=r"the engine broke\. Try again\.") as caught:
            heard += [chunk.choices[0].delta.content for chunk in stream]
    assert caught.value.code == "engine_failed"


async def test_openai_hears_of_it_in_async_streams_too(scripted: str) -> None:
    async with async_openai(scripted) as client:
        stream = await client.chat.completions.create(**ask("abcdef", BREAKS), stream=True)
        assert [(await anext(stream)).choices[0].delta.content for _ in "abc"] == ["a", "b", "c"]
        with pytest.raises(openai_package.APIError, match="the engine broke"):
            await anext(stream)


def test_mistral_hears_of_a_failure_in_the_middle_of_a_stream(scripted: str) -> None:
    with mistral(scripted) as client, client.chat.stream(**ask("abcdef", BREAKS)) as stream:
        *chunks, last = [event.data for event in stream]
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["a", "b", "c"]
    assert last.choices[0].finish_reason == "error"  # the client has no place for the message


def test_openai_tries_again_by_itself(scripted: str) -> None:
    with openai(scripted, retries=1) as client:
        answer = client.chat.completions.create(**ask(f"{BUSY} openai"))
    assert answer.choices[0].message.content == f"{BUSY} openai"


async def test_openai_tries_again_by_itself_with_streams(scripted: str) -> None:
    async with async_openai(scripted, retries=1) as client:
        stream = await client.chat.completions.create(**ask(f"{BUSY} openai streams"), stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == f"{BUSY} openai streams"


def test_mistral_tries_again_when_told_to(scripted: str) -> None:
    retries = RetryConfig("backoff", BackoffStrategy(100_000, 100_000, 1, 100_000), False)  # but for Retry-After
    with mistral(scripted) as client:
        answer = client.chat.complete(**ask(f"{BUSY} mistral"), retries=retries)
    assert answer.choices[0].message.content == f"{BUSY} mistral"


def test_nobody_answers(scripted: str) -> None:
    closed = scripted.replace("127.0.0.1", "127.0.0.2")  # listens on the first one alone
    with openai(closed) as client, pytest.raises(openai_package.APIConnectionError):
        client.models.list()
