"""What crosses the socket arrives as it was sent, or is refused."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from galerne.backends.messages import (
    LENGTH_BYTES,
    MOST_BYTES,
    Cancel,
    Load,
    Loaded,
    Refused,
    Stepped,
    Submit,
    ToServer,
    ToWorker,
    frame,
    frame_length,
    read_to_server,
    read_to_worker,
)
from galerne.engine.events import EndEvent, EndReason, TokenEvent, VectorEvent, Work
from galerne.engine.request import GenerationRequest, Priority, Sampling
from galerne.errors import EngineFailed, GalerneError, ModelLoading, PromptTooLong, QueueFull

REQUEST = GenerationRequest(
    "a",
    (1, 2, 3),
    5,
    Sampling(temperature=0.5, seed=2**64 - 1, logprobs=3, bias=((7, -100.0),)),
    frozenset({0, 2}),
    1,
    "tenant",
    Priority.BATCH,
    embeds=True,
    grammar='start: "é"',
)


@pytest.mark.parametrize("message", [Load("m", {"port": 1, "aliases": {"a": "b"}}), Submit(REQUEST), Cancel("é\n")])
def test_to_worker(message: ToWorker) -> None:
    sent = frame(message)
    assert frame_length(sent[:LENGTH_BYTES]) == len(sent) - LENGTH_BYTES
    assert read_to_worker(sent[LENGTH_BYTES:]) == message


@pytest.mark.parametrize(
    "message",
    [
        Loaded("avx2", 8192),
        Refused("a", "queue_full", "full.", None, "wait."),
        Stepped(
            (TokenEvent("a", 3, -math.inf, ((1, -0.5), (2, -math.inf))), TokenEvent("b", 4)),
            (VectorEvent("c", (0.5, -1e-30, 3.0)),),
            (
                EndEvent("a", EndReason.FAILED, Work(1, 2, 3, 0.25, 0.5, 1.0), "NaN"),
                EndEvent("b", EndReason.REFUSED, Work()),
            ),
            {"running": 2.0},
        ),
    ],
)
def test_to_server(message: ToServer) -> None:
    assert read_to_server(frame(message)[LENGTH_BYTES:]) == message


@pytest.mark.parametrize("error", [QueueFull("full.", hint="wait."), PromptTooLong("9 > 8", where="prompt")])
def test_errors_keep_their_class_and_words(error: GalerneError) -> None:
    told = Refused.because(error, "a").error()
    assert type(told) is type(error)
    assert (told.message, told.where, told.hint) == (error.message, error.where, error.hint)


def test_an_unknown_error_is_the_engines_failure() -> None:
    assert type(Refused("a", "of a later version", "?", None, None).error()) is EngineFailed
    assert type(Refused("a", ModelLoading.code, "?", None, None).error()) is ModelLoading


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"kind":"submit"}', b'{"kind":"loaded","level":"x"}', b"\xff"])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        read_to_worker(body)


def test_a_lying_length_is_refused() -> None:
    with pytest.raises(EngineFailed, match="bytes"):
        frame_length((MOST_BYTES + 1).to_bytes(LENGTH_BYTES, "big"))
