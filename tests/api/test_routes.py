"""The addresses beside those that answer: health, metrics, models, documents, and those that do not exist."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.api.house import CHAT, House, metric
from tests.api.test_bodies import assert_refused

from galerne import __version__


async def test_alive_and_ready() -> None:
    house = House()
    assert (await house.client.get("/healthz")).json() == {"status": "alive"}
    assert (await house.client.get("/readyz")).json() == {"status": "ready"}
    house.generator.is_ready = False
    refusal = await house.client.get("/readyz")
    assert "fake" in assert_refused(refusal, 503, "model_loading")
    assert refusal.headers["retry-after"] == "1"
    assert (await house.client.get("/healthz")).status == 200


async def test_models() -> None:
    house = House()
    listing = (await house.client.get("/v1/models")).json()
    card = (await house.client.get("/v1/models/fake")).json()
    encoder = (await house.client.get("/v1/models/mistral-embed")).json()
    assert listing == {"object": "list", "data": [card, encoder]}
    assert (await house.client.get("/v1/models/alias")).json() == card
    assert card.pop("capabilities") == {
        "completion_chat": True,
        "completion_fim": False,
        "function_calling": True,
        "embeddings": False,
        "reasoning": False,
        "fine_tuning": False,
        "vision": False,
    }
    assert card == {
        "id": "fake",
        "object": "model",
        "type": "base",
        "created": 1_700_000_000,
        "owned_by": "nobody",
        "name": "fake",
        "description": None,
        "max_context_length": 200,
        "aliases": ["alias"],
        "default_model_temperature": 0.7,
        "licence": "MIT",
        "sha256": "d" * 64,
        "size": 98_000_000,
        "parameters": 135_000_000,
        "memory": 400_000_000,
        "fits": True,
    }


async def test_what_models_can_do() -> None:
    filler = (await House(fim=True).client.get("/v1/models/fake")).json()
    assert filler["capabilities"]["completion_fim"]
    encoder = (await House().client.get("/v1/models/letters")).json()
    able = [name for name, able in encoder["capabilities"].items() if able]
    assert able == ["embeddings"]
    assert (encoder["aliases"], encoder["max_context_length"]) == (["mistral-embed"], 30)
    assert (encoder["default_model_temperature"], encoder["licence"]) == (None, None)
    assert (encoder["memory"], encoder["fits"]) == (None, None)


@pytest.mark.parametrize("id", ["nobody", "a/b/c", "..%2F..%2Fetc%2Fpasswd", "%00", "%F0%9F%8C%AC", "x" * 5000, ""])
async def test_a_model_that_is_not_there(id: str) -> None:
    answer = await House().client.get(f"/v1/models/{id}")
    assert "fake" in assert_refused(answer, 404, "model_not_found", "model")
    assert len(answer.body) < 3000


async def test_what_prometheus_reads() -> None:
    house = House()
    await house.ask()
    await house.ask(n=0)
    await house.client.get("/no/such/place/1")
    await house.client.get("/no/such/place/2")
    answer = await house.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    requests = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["galerne_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert requests == {(CHAT, "200"): 1, (CHAT, "422"): 1, ("unknown", "404"): 2}
    assert await metric(house.client, 'galerne_tokens_total{kind="completion",model="fake"}') == 9
    assert await metric(house.client, 'galerne_tokens_total{kind="prompt",model="fake"}') == 5
    assert await metric(house.client, 'galerne_answers_total{model="fake",reason="stop"}') == 1
    assert await metric(house.client, 'galerne_first_token_seconds_count{model="fake"}') == 1
    assert await metric(house.client, 'galerne_engine_running{model="fake"}') == 0


async def test_a_client_cannot_invent_labels() -> None:
    house = House()
    for number in range(3):
        await house.client.get(f"/{number}", method=f"METHOD{number}")
    assert await metric(house.client, 'galerne_http_requests_total{method="other",route="unknown",status="404"}') == 3


class Sources(HTMLParser):
    """What a page loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "poster")]


async def test_the_documentation_loads_nothing_from_another_host() -> None:
    client = House().client
    page = await client.get("/docs")
    assert page.status == 200
    text = page.body.decode()
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy
    sources = Sources(text).found
    assert len(sources) == 3
    assert re.findall(r"url: '([^']*)'", text) == ["/openapi.json"]
    assert '"validatorUrl": null' in text
    for source in sources:
        assert source.startswith("/docs/assets/")
        asset = await client.get(source)
        assert asset.status == 200
        if source.endswith(".css"):
            assert re.findall(rb"url\((?!['\"]?data:)|@import", asset.body) == []


@pytest.mark.parametrize(
    "path", ["../../galerne/settings.py", "%2e%2e/%2e%2e/settings.py", "%00", "x" * 3000, "/etc/passwd"]
)
async def test_nothing_else_is_read_from_the_disk(path: str) -> None:
    assert_refused(await House().client.get(f"/docs/assets/{path}"), 404, "not_found")


async def test_the_documents_name_every_route_and_every_status() -> None:
    document = (await House().client.get("/openapi.json")).json()
    assert document["info"]["version"] == __version__
    assert {"/v1/chat/completions", "/v1/models", "/v1/models/{id}", "/healthz", "/readyz", "/metrics"} <= set(
        document["paths"]
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            expected = {"204" if method == "delete" else "200", "500"} | (
                {"408", "413", "422"} if "requestBody" in operation else set()
            )
            assert expected <= set(operation["responses"]), (method, path)
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(schemas)


def refused_statuses(operation: dict[str, Any]) -> dict[str, str]:
    return {
        status: response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for status, response in operation["responses"].items()
        if int(status) >= 400
    }


async def test_every_failure_is_documented_as_an_error_object() -> None:
    document = (await House().client.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert {schema for operation in operations for schema in refused_statuses(operation).values()} == {"ErrorBody"}


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/healthz/", "//healthz", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_address_that_does_not_exist(path: str, method: str) -> None:
    assert_refused(await House().client.get(path, method=method), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", CHAT, "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/fake", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("BREW", "/metrics", "GET, HEAD"),
    ],
)
async def test_a_method_that_an_address_does_not_know(method: str, path: str, allowed: str) -> None:
    answer = await House().client.get(path, method=method)
    assert_refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/v1/models", "/v1/models/fake", "/docs", "/openapi.json"]
)
async def test_head_is_get_without_a_body(path: str) -> None:
    client = House().client
    asked, got = await client.get(path, method="HEAD"), await client.get(path)
    assert (asked.status, asked.body, asked.headers["content-type"]) == (200, b"", got.headers["content-type"])
    assert (await client.get(CHAT, method="HEAD")).status == 405
    assert (await client.get("/nothing", method="HEAD")).status == 404


async def test_a_parameter_is_given_once() -> None:
    answer = await House().client.get("/v1/models?limit=1&limit=2&after=x")
    assert "limit: is given more than once." in assert_refused(answer, 422, "invalid_request", "limit")
    assert (await House().client.get("/docs?a=1&a=2")).status == 422
