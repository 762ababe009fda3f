"""`/v1/files`: what the `mistralai` and the `openai` client say of files, and what both of them read."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from galerne.protocol.answers import AnswerModel, Optional
from galerne.protocol.messages import ProtocolModel
from galerne.protocol.unsupported import only

Purpose = Literal["agentic_safety", "assistants", "batch", "evals", "fine-tune", "ocr", "user_data", "vision"]
"""Those of both clients. A label: what a file can be used for shows when it is used."""

Word = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
"""What a list is searched for: a database cannot hold the character 0."""

LONGEST_HOURS = 10 * 365 * 24


class UploadFields(ProtocolModel):
    """What a form says beside the file. Forms hold text, so numbers are read from it."""

    purpose: Purpose = "user_data"
    expiry: Annotated[int | None, Field(ge=1, le=LONGEST_HOURS, strict=False)] = Field(
        None, description="Hours until the file is deleted, in `mistralai`'s words."
    )
    expires_after_anchor: Literal["created_at"] | None = Field(None, alias="expires_after[anchor]")
    expires_after_seconds: Annotated[int | None, Field(ge=3600, le=LONGEST_HOURS * 3600, strict=False)] = Field(
        None, alias="expires_after[seconds]", description="The same in `openai`'s words, in seconds."
    )
    visibility: Annotated[Any, only("workspace")] = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.expiry is not None and self.expires_after_seconds is not None:
            raise ValueError("`expiry` and `expires_after` are two names for one thing: send one of them")
        if (self.expires_after_anchor is None) != (self.expires_after_seconds is None):
            raise ValueError("`expires_after` needs both its `anchor` and its `seconds`")
        return self

    @property
    def lifetime(self) -> int | None:
        """Seconds until the file is deleted; None: it is kept."""
        return self.expiry * 3600 if self.expiry is not None else self.expires_after_seconds


class FileQuery(ProtocolModel):
    """Which files to list: by pages, as `mistralai` does, or after the last one seen, as `openai` does."""

    page: int | None = Field(None, ge=0, le=2**31, strict=False)
    page_size: int | None = Field(None, ge=1, le=10_000, strict=False)
    include_total: bool = Field(True, strict=False)
    after: Word | None = None
    limit: int | None = Field(None, ge=1, le=10_000, strict=False)
    order: Literal["asc", "desc"] = "desc"
    purpose: Word | None = None
    sample_type: list[Word] | None = Field(None, max_length=100)
    source: list[Word] | None = Field(None, max_length=100)
    mimetypes: list[Word] | None = Field(None, max_length=100)
    search: Word | None = Field(None, description="A part of the name.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.page is not None or self.page_size is not None) and (self.after is not None or self.limit is not None):
            raise ValueError("`page` and `page_size` are one way to go through a list, `after` and `limit` another")
        return self


class FileObject(AnswerModel):
    """A file, without its content."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int  # seconds since 1970
    expires_at: int | None
    filename: str
    purpose: str
    mimetype: str
    sample_type: str  # what its lines are, where it has lines
    num_lines: int | None
    source: str  # "upload", or "mistral": made by the server itself, in that client's words
    signature: None = None
    sha256: str
    visibility: Literal["workspace"] = "workspace"
    status: Literal["processed"] = "processed"
    deleted: Literal[False] = False


class FileList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[FileObject]
    has_more: bool
    first_id: str | None
    last_id: str | None
    total: Optional[int] = None


class FileDeleted(AnswerModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class SignedUrl(AnswerModel):
    url: str
