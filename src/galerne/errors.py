"""The error tree. Each class is one kind of failure; `api.errors` alone knows its HTTP status.

    GalerneError
    ├── InvalidRequest            what the caller sent cannot be done as it stands
    │   ├── UnsupportedField      a field that this version does not implement
    │   ├── BadGrammar            a schema or pattern of an answer that cannot be followed, or not within its limits
    │   ├── PromptTooLong         the prompt (and the answer asked for) could never fit
    │   ├── Taken                 a name or an address that something else has already
    │   ├── TooLarge              a body, list or number beyond its limit
    │   └── TooSlow               headers or a body that did not arrive in time
    ├── NotAuthenticated          no key was shown, or one that is not known
    ├── Forbidden                 the caller is known, but may not do this
    ├── NotFound                  no such thing
    │   └── ModelNotFound         no model of that name, alias or path
    │       └── ModelNotLoaded    one that is on this machine, and that the server does not run now
    ├── SettingsError             an unknown or bad setting, a port in use, a folder that cannot be written
    ├── BadFile                   a file that is not what it claims to be: truncated, lying, hostile
    │   ├── UnsupportedFile       a true file of a kind that is not implemented (architecture, tensor type, ...)
    │   └── TemplateError         a chat template that cannot be rendered within its limits
    ├── DiskFull                  there is no room for what shall be kept
    ├── MemoryFull                there is no memory for a model, or its cache
    ├── PullError                 fetching a model did not work
    │   └── DigestMismatch        what arrived is not what the catalogue promises
    └── Unavailable               try again later; `retry_after` says when
        ├── QueueFull             too many requests wait already
        ├── QuotaExceeded         a limit of the caller's is reached; it says which, and when it frees
        ├── TooManyTries          to sign in; `retry_after` says when the next one counts
        ├── ModelLoading          the model is not ready yet
        ├── Busy                  something else is at work on the same thing
        ├── EngineFailed          the engine stopped in the middle of the request
        └── DatabaseUnavailable   the database does not answer

One voice: `message` says what went wrong, `where` names the field, file or setting, `hint` says what to do.
"""

from __future__ import annotations

from typing import ClassVar


class GalerneError(Exception):
    """The root of every failure that Galerne reports on purpose.

    `code` is the stable name that programs read; `str(error)` is the sentence that people read.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} {self.hint}" if self.hint else text


class InvalidRequest(GalerneError):
    """Where a value has not the form that the documents tell, `kind` says what is wrong with it, in pydantic's words;
    None: its form is right."""

    code = "invalid_request"
    kind: str | None = None


class UnsupportedField(InvalidRequest):
    code = "unsupported_field"


class BadGrammar(InvalidRequest):
    code = "bad_grammar"


class PromptTooLong(InvalidRequest):
    code = "context_length_exceeded"


class Taken(InvalidRequest):
    code = "taken"


class TooLarge(InvalidRequest):
    code = "too_large"


class TooSlow(InvalidRequest):
    code = "too_slow"


class NotAuthenticated(GalerneError):
    code = "not_authenticated"


class Forbidden(GalerneError):
    code = "forbidden"


class NotFound(GalerneError):
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class ModelNotLoaded(ModelNotFound):
    code = "model_not_loaded"


class SettingsError(GalerneError):
    code = "bad_settings"


class BadFile(GalerneError):
    code = "bad_file"


class UnsupportedFile(BadFile):
    code = "unsupported_file"


class TemplateError(BadFile):
    code = "bad_template"


class DiskFull(GalerneError):
    code = "disk_full"


class MemoryFull(GalerneError):
    code = "memory_full"


class PullError(GalerneError):
    code = "pull_failed"


class DigestMismatch(PullError):
    code = "digest_mismatch"


class Unavailable(GalerneError):
    """The request was right, but not now. `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, retry_after: float = 1.0
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class QueueFull(Unavailable):
    code = "queue_full"


class QuotaExceeded(Unavailable):
    """A limit of `most` in this `measure` has so much `left`; None: it is not known which."""

    code = "quota_exceeded"
    measure: str | None = None
    most = 0
    left = 0


class TooManyTries(Unavailable):
    code = "too_many_tries"


class ModelLoading(Unavailable):
    code = "model_loading"


class Busy(Unavailable):
    code = "busy"


class EngineFailed(Unavailable):
    code = "engine_failed"


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
