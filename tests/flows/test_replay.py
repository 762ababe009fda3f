"""An answer is made again, and compared token by token."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.fakes import ScriptedGenerator, served
from tests.store.ready import lay_out

from galerne.engine.request import GenerationRequest
from galerne.flows.chat import Chat
from galerne.flows.kept_requests import Keeping, KeptRequest
from galerne.flows.meter import Tally
from galerne.flows.replay import Replayed, replay
from galerne.identity.caller import Caller
from galerne.protocol.chat import ChatRequest
from galerne.settings import Settings
from galerne.store.database import Database
from galerne.store.kept_requests import SqlRequestStore


class Shelf:
    """Fills the port `RequestStore`, in memory."""

    def __init__(self) -> None:
        self.kept: list[KeptRequest] = []

    def keep(self, request: KeptRequest) -> None:
        self.kept.append(request)


async def kept(answer: bytes, *, days: int = 1, **fields) -> KeptRequest:
    shelf = Shelf()
    chat = Chat(served(ScriptedGenerator(lambda _: answer)), Keeping(Tally(), shelf), Settings(keep_requests_days=days))
    request = ChatRequest.model_validate(
        {"model": "fake", "messages": [{"role": "user", "content": "Hello"}], **fields}
    )
    async for _ in chat.answer(request, Caller("town", user="anna")):
        pass
    (one,) = shelf.kept
    return one


async def test_the_same_model_says_the_same() -> None:
    one = await kept(b"Bonjour !", n=2)
    assert (one.workspace, one.user, len(one.choices)) == ("town", "anna", 2)
    again = ScriptedGenerator(lambda _: b"Bonjour !")
    assert await replay(one, again) == [Replayed(9, None)] * 2
    assert [request.prompt for request in again.requests] == [tuple(b"Hello")] * 2


@pytest.mark.parametrize(("other", "place"), [(b"Bonsoir !", 3), (b"Bon", 3), (b"bonjour !", 0)])
async def test_the_first_other_token_is_told(other: bytes, place: int) -> None:
    assert await replay(await kept(b"Bonjour !"), ScriptedGenerator(lambda _: other)) == [Replayed(9, place)]


async def test_an_answer_that_was_cut_off_by_a_stop_string_is_compared_as_far_as_it_went() -> None:
    one = await kept(b"Bonjour ! Encore.", stop="!")
    told = len(one.choices[0].tokens)
    assert 9 <= told < 17
    assert await replay(one, ScriptedGenerator(lambda _: b"Bonjour ! Encore.")) == [Replayed(told, None)]


async def test_what_is_kept_has_a_seed_of_its_own_for_each_choice() -> None:
    def seeds(request: KeptRequest) -> list[int | None]:
        return [choice.asked.sampling.seed for choice in request.choices]

    drawn = seeds(await kept(b"x", n=3)) + seeds(await kept(b"x", n=3))
    assert None not in drawn
    assert len(set(drawn)) == 6
    assert seeds(await kept(b"x", n=2, seed=7)) == [7, 8]


async def test_it_is_found_as_it_was_kept_until_it_is_old(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{lay_out(tmp_path)}")
    one = await kept(b"Bonjour !", logprobs=True, temperature=0)
    store = SqlRequestStore(database, days=1)
    store.keep(one)
    store.tidy()
    assert store.find(one.id) == one
    assert isinstance(store.find(one.id).choices[0].asked, GenerationRequest)
    assert store.find("another") is None
    SqlRequestStore(database, days=0).tidy()
    assert store.find(one.id) is None
