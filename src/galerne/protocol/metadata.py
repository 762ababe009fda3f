"""Labels that clients give to what they own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from galerne.errors import InvalidRequest
from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel, finite

Metadata = Annotated[dict[Annotated[str, Field(max_length=64)], Any], AfterValidator(finite)]
"""How many there may be is a setting, which flows check."""

_METADATA: TypeAdapter[Metadata] = TypeAdapter(Metadata)

_NOTHING = (None, "", '"~?~unset~?~sentinel~?~"')
"""How clients look for no metadata at all. The last one is what `mistralai` 3.7 sends when its caller names none."""


class Described(ProtocolModel):
    """What has metadata, and is found by it."""

    metadata: Metadata | None = Field(None, json_schema_extra=limited("max_metadata"))


def parse_metadata(text: str | None) -> Metadata:
    """What a query looks for, as JSON. Raises `InvalidRequest`."""
    try:
        return {} if text in _NOTHING else _METADATA.validate_json(text)
    except ValidationError as error:
        raise InvalidRequest(f"is no metadata: {error.errors()[0]['msg']}.", where="metadata") from None
