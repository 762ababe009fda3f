"""What schemathesis is told about right requests: names, numbers and ids that no schema can know; and what it looks for
besides."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from typing import Any

import hypothesis
import schemathesis
from schemathesis import Case, HookContext, Response

from galerne.errors import BadGrammar, InvalidRequest, PromptTooLong, UnsupportedField

LIMITED = ("max_tokens", "max_completion_tokens", "min_tokens", "stream_options")
"""What a right request may ask too much of, or only together with something else."""
LANGUAGE = {"model": "mistral-small-latest", **dict.fromkeys(LIMITED)}
EMBEDDER = {"model": "mistral-embed", "dimensions": None, "output_dimension": None}
hypothesis.target = lambda *_, **__: None  # type: ignore[assignment,misc]
"""schemathesis would have it lean towards what is accepted; it climbs for minutes then, and sends nothing."""

UNDOABLE = {InvalidRequest.code, UnsupportedField.code, BadGrammar.code, PromptTooLong.code}
"""What is wrong with a request whose form is right."""

OWN_KEY = os.environ["FUZZ_KEY_ID"]
UNLOAD = "/v1/admin/models/{name}/unload"
NOBODYS = "of-nobody"
"""Instead of the key that all requests show, and of the model that they ask."""

MADE: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=8))
"""The ids of the things that were made last, by the path that makes them."""


@schemathesis.check
def right_forms_are_accepted(_: object, response: Response, case: Case) -> None:
    """A right request is refused for what it asks, never for how: the documents would not have told its form."""
    if not _is_right(case) or response.status_code not in (400, 422):
        return
    refusal = response.json()
    fault = refusal["detail"][0]["type"] if response.status_code == 422 else refusal["code"]
    assert fault in UNDOABLE, f"{fault}: {refusal['message']}"


@schemathesis.check
def examples_are_answered(_: object, response: Response, case: Case) -> None:
    """What `/docs` shows works, but for a model that is not served; its name may be taken when it is sent again."""
    shown = case.meta is not None and case.meta.phase.name.value == "examples"
    if not shown or "{" in case.path or case.path == "/v1/fim/completions":
        return
    assert response.status_code in (200, 201, 409), response.text


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:  # noqa: ARG001
    """Remember what was made."""
    if case.method == "POST" and response.status_code in (200, 201) and "{" not in case.path:
        try:
            document = response.json()
        except ValueError:  # a stream
            return
        id = document.get("conversation_id") or document.get("id")
        if isinstance(id, str):
            MADE[case.path].append(id)


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:  # noqa: ARG001
    """Most right requests are for a model or a thing that there is, and within its limits. Wrong ones stay as they are,
    and so do those of a scenario. None takes away the key that all of them show, or the model that they ask."""
    named = case.path_parameters or {}
    if case.path == UNLOAD or OWN_KEY in named.values():
        case.path_parameters = dict.fromkeys(named, NOBODYS)
    if not _is_right(case):
        return case
    if "page_token" in case.query:
        case.query.pop("page_token")  # a word of the server's own
    scenario = case.meta is not None and case.meta.phase.name.value == "stateful"
    if not scenario and case.path_parameters:
        case.path_parameters = _known(case.path, case.path_parameters)
    case.body = _whole(case.body)
    if isinstance(body := case.body, dict) and isinstance(name := body.get("model"), str):
        known = EMBEDDER if case.path.endswith("/embeddings") else LANGUAGE
        if sum(map(ord, name)) % 4 != 3:
            case.body = body | {field: value for field, value in known.items() if field in body}
    return case


def _is_right(case: Case) -> bool:
    return case.meta is None or case.meta.generation.mode.is_positive


def _whole(body: Any) -> Any:
    """To a schema 1.0 is a whole number; to strict readers it is not. And a bound of 64 bits in it is rounded."""
    match body:
        case dict():
            return {name: _whole(value) for name, value in body.items()}
        case list():
            return [_whole(value) for value in body]
        case float() if body.is_integer():
            return int(body)
        case int() if not isinstance(body, bool):
            return min(max(body, -(2**63)), 2**63 - 1)
        case _:
            return body


def _known(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    made = MADE.get(path.partition("/{")[0])
    name = path.partition("{")[2].partition("}")[0]
    drawn = str(parameters.get(name, ""))
    if not made or sum(map(ord, drawn)) % 4 == 3:
        return parameters
    return parameters | {name: made[len(drawn) % len(made)]}
