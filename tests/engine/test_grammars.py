"""Grammars that take long to compile hold nobody up."""

from __future__ import annotations

from threading import Event

import numpy as np
from tests.engine.fake_model import VOCABULARY, FakeModel, Transcript, run

from galerne.engine.engine import Engine
from galerne.engine.events import EndReason
from galerne.engine.request import GenerationRequest
from galerne.errors import BadGrammar


class Anything:
    def allowed(self) -> np.ndarray:
        return np.full(-(-VOCABULARY // 32), -1, np.int32)

    def permits(self, token: int) -> bool:
        return 0 <= token < VOCABULARY

    def advance(self, token: int) -> None: ...


class Compiler:
    """Compiles only once it may."""

    def __init__(self) -> None:
        self.may = Event()
        self.asked: list[str] = []

    def __call__(self, grammar: str) -> Anything:
        self.asked.append(grammar)
        assert self.may.wait(10)
        if grammar == "bad":
            raise BadGrammar("this is no grammar.")
        return Anything()


def request(id: str, grammar: str | None = None) -> GenerationRequest:
    return GenerationRequest(id, (1, 2, 3), 5, grammar=grammar)


def test_answers_go_on_while_a_grammar_is_compiled() -> None:
    compiler = Compiler()
    engine = Engine(FakeModel(), compile_grammar=compiler)
    engine.submit(request("slow", "slow"))
    engine.submit(request("quick"))
    said = Transcript()
    while "quick" not in said.ends:
        said.add(engine.step())
    assert not said.tokens.get("slow")
    assert engine.has_work
    compiler.may.set()
    while engine.has_work:
        said.add(engine.step())
    assert len(said.tokens["slow"]) == 5
    assert said.ends["slow"].reason is EndReason.LENGTH


def test_a_grammar_that_cannot_be_compiled_ends_its_request() -> None:
    compiler = Compiler()
    compiler.may.set()
    engine = Engine(FakeModel(), compile_grammar=compiler)
    end = run(engine, request("a", "bad")).ends["a"]
    assert end.reason is EndReason.REFUSED
    assert "this is no grammar" in (end.error or "")
    assert end.work.completion_tokens == 0


def test_a_request_can_be_cancelled_before_its_grammar_is_compiled() -> None:
    compiler = Compiler()
    engine = Engine(FakeModel(), compile_grammar=compiler)
    engine.submit(request("under way", "first"))
    engine.submit(request("not begun", "second"))
    engine.cancel("under way")
    engine.cancel("not begun")
    assert [event.reason for event in engine.step()] == [EndReason.CANCELLED] * 2  # type: ignore[union-attr]
    assert not engine.has_work
    compiler.may.set()
    engine.submit(request("third", "third"))
    assert run(engine).ends["third"].reason is EndReason.LENGTH
    assert "second" not in compiler.asked
