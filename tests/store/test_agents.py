"""Agents: every version stays as it was; one is the current one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.store.side_by_side import side_by_side

from galerne.agents.agent import Agent, AgentChoice, AgentWindow
from galerne.agents.threads import new_id, now
from galerne.errors import NotFound
from galerne.protocol.agents import AgentDefinition
from galerne.protocol.completion_args import CompletionArgs
from galerne.store.agents import SqlAgents
from galerne.store.database import Database

ANY = AgentChoice(offered=None, name=None, search=None, id=None, metadata={})


@pytest.fixture
def agents(database: Database) -> SqlAgents:
    return SqlAgents(database)


def add(agents: SqlAgents, name: str = "A", workspace: str = "ours", **fields: Any) -> Agent:
    definition = AgentDefinition(model="m", name=name, **fields)
    agent = Agent(new_id("ag"), workspace, now(), now(), 0, 0, offered=False, definition=definition)
    agents.add(agent)
    return agent


def change(agents: SqlAgents, id: str, offered: bool | None = None, **fields: Any) -> Agent:
    return agents.change("ours", id, lambda old: old.model_copy(update=fields), offered)


def test_versions_stay_as_they_were(agents: SqlAgents) -> None:
    agent = add(agents, instructions="Un\0 é", completion_args=CompletionArgs(temperature=0.5))
    second = change(agents, agent.id, instructions="Deux", metadata={"a": 1})
    assert (second.version, second.latest, second.definition.instructions) == (1, 1, "Deux")
    assert agents.find("ours", agent.id) == second
    first = agents.find("ours", agent.id, 0)
    assert (first.definition, first.created_at, first.latest) == (agent.definition, agent.created_at, 1)
    assert [each.version for each in agents.versions("ours", agent.id, 0, 10)] == [1, 0]
    assert [each.version for each in agents.versions("ours", agent.id, 1, 10)] == [0]


def test_a_change_that_changes_nothing_makes_no_version(agents: SqlAgents) -> None:
    agent = add(agents, instructions="Un")
    assert change(agents, agent.id, instructions="Un").latest == 0
    assert change(agents, agent.id, offered=True).latest == 0
    assert agents.find("ours", agent.id).offered


def test_the_current_version_can_be_switched_and_goes_on_from_there(agents: SqlAgents) -> None:
    agent = add(agents, name="Old", metadata={"a": 1})
    change(agents, agent.id, name="New", metadata={"b": 2})
    assert agents.switch("ours", agent.id, 0).definition == agent.definition
    assert [found.id for found in agents.page("ours", AgentChoice(None, "Old", None, None, {"a": 1}), AgentWindow(9))]
    assert not agents.page("ours", AgentChoice(None, "New", None, None, {}), AgentWindow(9))
    third = change(agents, agent.id, description="more")
    assert (third.version, third.definition.name) == (2, "Old")


def test_an_alias_leads_to_a_version_and_can_be_moved(agents: SqlAgents) -> None:
    agent = add(agents)
    change(agents, agent.id, name="B")
    first = agents.name("ours", agent.id, "stable", 0)
    assert agents.find("ours", agent.id, "stable").version == 0
    moved = agents.name("ours", agent.id, "stable", 1)
    assert (moved.version, moved.created_at) == (1, first.created_at)
    assert agents.find("ours", agent.id, "stable").version == 1
    assert agents.find("ours", agent.id, "0").version == 0
    assert agents.aliases("ours", agent.id) == [moved]
    agents.forget("ours", agent.id, "stable")
    assert agents.aliases("ours", agent.id) == []


@pytest.mark.parametrize("version", [5, "5", "none", "nul\0", "9" * 50])
def test_a_version_that_is_not_there(agents: SqlAgents, version: int | str) -> None:
    agent = add(agents)
    with pytest.raises(NotFound, match="version"):
        agents.find("ours", agent.id, version)
    with pytest.raises(NotFound, match="version"):
        agents.forget("ours", agent.id, str(version))
    if isinstance(version, int):
        for refused in (
            lambda: agents.switch("ours", agent.id, version),
            lambda: agents.name("ours", agent.id, "a", version),
        ):
            with pytest.raises(NotFound, match="version"):
                refused()
    assert agents.find("ours", agent.id).version == 0


@pytest.mark.parametrize("id", ["ag_none", "nul\0", ""])
def test_what_is_not_there_or_not_ours_is_not_found(agents: SqlAgents, id: str) -> None:
    theirs = add(agents, workspace="theirs")
    for wanted in (id, theirs.id):
        for refused in (
            lambda wanted=wanted: agents.find("ours", wanted),
            lambda wanted=wanted: agents.find("ours", wanted, 0),
            lambda wanted=wanted: agents.versions("ours", wanted, 0, 1),
            lambda wanted=wanted: change(agents, wanted, name="mine"),
            lambda wanted=wanted: agents.switch("ours", wanted, 0),
            lambda wanted=wanted: agents.name("ours", wanted, "a", 0),
            lambda wanted=wanted: agents.aliases("ours", wanted),
            lambda wanted=wanted: agents.forget("ours", wanted, "a"),
            lambda wanted=wanted: agents.delete("ours", wanted),
        ):
            with pytest.raises(NotFound, match="no agent"):
                refused()
    assert agents.find("theirs", theirs.id).definition == theirs.definition
    assert not agents.page("ours", ANY, AgentWindow(9))


def test_agents_are_found_by_what_is_known_of_them(agents: SqlAgents) -> None:
    a = add(agents, name="Traducteur_", metadata={"lang": "fr"})
    b = add(agents, name="Summariser", metadata={"lang": "fr", "n": 1})
    change(agents, b.id, offered=True)

    def found(**wanted: Any) -> set[str]:
        choice = AgentChoice(**{"offered": None, "name": None, "search": None, "id": None, "metadata": {}} | wanted)
        return {agent.id for agent in agents.page("ours", choice, AgentWindow(9))}

    assert found() == {a.id, b.id}
    assert found(offered=True) == {b.id}
    assert found(offered=False) == {a.id}
    assert found(name="Traducteur_") == {a.id}
    assert found(name="traducteur_") == set()
    assert found(search="tRaD") == {a.id}
    assert found(search="_") == {a.id, b.id}  # an id has one
    assert found(search=b.id[3:9]) == {b.id}
    assert found(search="%") == set()
    assert found(search="\0") == set()
    assert found(id=a.id) == {a.id}
    assert found(metadata={"lang": "fr"}) == {a.id, b.id}
    assert found(metadata={"lang": "fr", "n": 1}) == {b.id}


def test_pages_go_through_all_of_them_once(agents: SqlAgents) -> None:
    ids = [add(agents, name=str(number)).id for number in range(7)][::-1]
    assert [agent.id for agent in agents.page("ours", ANY, AgentWindow(3, skip=2))] == ids[2:5]
    seen, behind = [], None
    while page := agents.page("ours", ANY, AgentWindow(3, behind=behind)):
        seen += [agent.id for agent in page]
        behind = (page[-1].created_at.timestamp(), page[-1].id)
        add(agents, name="meanwhile")
    assert seen == ids


def test_what_is_deleted_is_gone_with_all_its_versions(agents: SqlAgents) -> None:
    agent = add(agents, metadata={"a": 1})
    change(agents, agent.id, name="B")
    agents.name("ours", agent.id, "a", 0)
    agents.delete("ours", agent.id)
    agents.add(agent)  # the same id: nothing of the old one may be in the way
    assert agents.find("ours", agent.id).latest == 0
    assert agents.aliases("ours", agent.id) == []


def test_changes_at_once_make_a_version_each(agents: SqlAgents) -> None:
    agent = add(agents)
    side_by_side(lambda number: change(agents, agent.id, instructions=str(number)), range(8))
    assert agents.find("ours", agent.id).latest == 8
    told = {each.definition.instructions for each in agents.versions("ours", agent.id, 0, 9)}
    assert told == {None, *map(str, range(8))}
