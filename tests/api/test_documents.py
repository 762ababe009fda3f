"""What the API says of itself is true of this server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from tests.api.kept_house import KeptHouse

from galerne.api.examples import EXAMPLES


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The documents of a server whose limits are its own."""
    house = KeptHouse(tmp_path_factory.mktemp("house"), max_choices=3, max_stop_strings=2, max_page_size=7)
    return house.app.openapi()


def test_limits_are_those_of_the_settings(told: Any) -> None:
    fields = told["components"]["schemas"]["ChatRequest-Input"]["properties"]
    assert [form.get("maximum") for form in fields["n"]["anyOf"]] == [3, None]
    assert [form.get("maxItems") for form in fields["stop"]["anyOf"]] == [None, 2, None]
    (size,) = [each for each in told["paths"]["/v1/admin/keys"]["get"]["parameters"] if each["name"] == "page_size"]
    assert size["schema"]["maximum"] == 7
    assert "x-limit" not in json.dumps(told)


def test_a_form_does_not_say_null(told: Any) -> None:
    for path in ("/v1/files", "/v1/attachments", "/v1/chats/import"):
        form = told["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert "file" in form["properties"]
        assert "null" not in json.dumps(form)


def test_every_body_is_its_own(told: Any) -> None:
    """Models of one name would hide each other."""
    schemas = told["components"]["schemas"]
    assert "messages" in schemas["ChatRequest-Input"]["required"]
    assert schemas["NewChat-Input"]["properties"].keys() == {"model", "system", "parameters", "title", "folder"}


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_what_is_shown_is_right(model: type[BaseModel]) -> None:
    model.model_validate_json(json.dumps(EXAMPLES[model]))
