"""Every limit, default and environment variable, in one place: read once, frozen, loud about what it does not know.

Order of precedence: arguments of the command line, environment (`GALERNE_*`), the file named by `GALERNE_CONFIG`
(by default `galerne.toml` in the working folder), the defaults below. `docs/guide/settings.md` explains each one and a
test fails when one is missing there.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from galerne.errors import SettingsError

PREFIX = "GALERNE_"
CONFIG_VARIABLE = "GALERNE_CONFIG"

WebOrigin = Annotated[str, Field(max_length=300, pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
"""A scheme, a host, perhaps a port: https://www.town.example"""


def _cache_folder(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "galerne"


class Settings(BaseSettings):
    """The settings of one process; build it with `load_settings`, pass it down from `bootstrap`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    # Where the server listens.
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    shutdown_seconds: int = Field(
        10, ge=0, le=3600, description="How long answers under way may go on when it, or their model, stops."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field("text", description="text: for people; json: for a log collector.")

    # What is kept.
    data_dir: Path = Field(
        default_factory=lambda: _cache_folder("XDG_DATA_HOME", ".local/share") / "data",
        description="Files that people send, and the database where none is named.",
    )
    keep_requests_days: int = Field(
        0, ge=0, le=36_500, description="How long what engines are asked is kept, to make answers again; 0: not at all."
    )
    database: str | None = Field(None, description="The database's address; None: SQLite, in `data_dir`.")

    auth: Literal["auto", "keys", "none"] = Field(
        "auto", description="Who may ask. auto: everybody where only this machine can; elsewhere, whoever shows a key."
    )

    session_hours: int = Field(168, ge=1, le=8760, description="How long somebody who signed in stays so at most.")
    session_idle_minutes: int = Field(720, ge=1, le=525_600, description="How long without doing anything.")
    sign_in_tries: int = Field(10, ge=1, le=1000, description="Of one account or address, in a window of time.")
    sign_in_window_minutes: int = Field(15, ge=1, le=1440)
    min_password_chars: int = Field(12, ge=8, le=128)
    invitation_hours: int = Field(72, ge=1, le=8760, description="How long a person may take to set a password.")
    oidc_issuer: str | None = Field(None, max_length=512, description="A provider of OpenID Connect.")
    oidc_client_id: str | None = Field(None, max_length=512, description="As which client it knows this server.")
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = Field("Single sign-on", max_length=100, description="What people call the provider.")
    oidc_scopes: str = Field("openid email profile", max_length=512)
    oidc_groups_claim: str = Field("groups", max_length=100, description="The claim that lists a person's groups.")
    oidc_roles: dict[str, Literal["admin", "billing", "auditor", "member", "guest"]] = Field(
        default_factory=dict, description="Groups -> roles; then they decide at each sign-in."
    )
    oidc_default_role: Literal["admin", "billing", "auditor", "member", "guest", "none"] = Field(
        "member", description="Of whoever is in none of these groups. none: they are not let in."
    )
    key_overlap_hours: int = Field(
        24, ge=0, le=8760, description="How long the old secret of a key that is rotated still counts."
    )

    # The audit log: how long records are kept, by what they are about. A checkpoint stands for those that went.
    audit_access_days: int = Field(365, ge=1, le=36_500, description="Who came in, and who tried.")
    audit_administration_days: int = Field(365, ge=1, le=36_500, description="Who changed what others may do.")
    audit_data_days: int = Field(365, ge=1, le=36_500, description="Who read, kept, exported and removed what.")
    audit_answers_days: int = Field(365, ge=1, le=36_500, description="Who was answered.")
    audit_operation_days: int = Field(365, ge=1, le=36_500, description="The server and its models.")

    # Where the audit log's heads are taken to.
    audit_anchor_file: Path | None = Field(None, description="A file on another disk, or another machine's.")
    audit_authority: str | None = Field(None, description="The address of a timestamp authority (RFC 3161).")
    audit_peer: str | None = Field(None, description="The address of another installation, which keeps heads.")
    audit_peer_key: SecretStr | None = Field(None, description="An API key of it, with the scope audit:witness.")
    audit_anchor_minutes: float = Field(60.0, gt=0, le=100_000, description="How often a server does it.")

    # Energy: what answers take, measured where the machine can, else estimated.
    energy_counters: Literal["cpu", "cpu+gpu", "none"] = Field(
        "cpu", description="Whose counters measure what answers take, where this machine has them."
    )
    core_watts: float = Field(
        8.0, gt=0, le=1000, description="What one busy core takes, its share of the machine included."
    )
    core_watts_least: float = Field(4.0, gt=0, le=1000, description="The least that it may be.")
    core_watts_most: float = Field(15.0, gt=0, le=1000, description="The most that it may be.")
    grid_grams_per_kwh: float | None = Field(None, ge=0, le=5000, description="CO2 equivalents; None: not known.")
    grid_year: int | None = Field(None, ge=1990, le=2100, description="The year that they are of.")
    grid_source: str | None = Field(None, max_length=500, description="Who says so.")

    # Invoices: who sells, and on which terms.
    seller_name: str | None = Field(None, max_length=200, description="None: no invoices are made.")
    seller_address: str | None = Field(None, max_length=1000, description="In lines.")
    seller_country: str = Field("FR", pattern="^[A-Z]{2}$")
    seller_vat_number: str | None = Field(None, max_length=20)
    seller_registration: str | None = Field(None, max_length=200, description="SIREN, legal form, capital.")
    seller_bank: str | None = Field(None, max_length=200, description="Where to pay: IBAN and BIC.")
    vat_percent: Decimal = Field(Decimal("20"), ge=0, le=50, max_digits=4, decimal_places=2)
    vat_exemption: str | None = Field(None, max_length=500, description="Why no VAT is charged at all.")
    invoice_series: str = Field("F", pattern="^[A-Z]{1,8}$", description="What invoices' numbers begin with.")
    credit_note_series: str = Field("A", pattern="^[A-Z]{1,8}$", description="The same of credit notes.")
    payment_days: int = Field(30, ge=0, le=60)
    payment_terms: str = Field(
        "Late payment bears interest at three times the French legal rate, and 40 euros for the costs of recovery"
        " (Code de commerce, articles L441-10 and D441-5). No discount for early payment.",
        max_length=1000,
    )

    # Models.
    model: str = Field("smollm2-135m-instruct", description="The model that is loaded when none is named.")
    other_models: tuple[str, ...] = Field((), max_length=64, description="Models that a server loads beside `model`.")
    models_dir: Path = Field(default_factory=lambda: _cache_folder("XDG_DATA_HOME", ".local/share") / "models")
    catalogue: Path | None = Field(None, description="A catalogue file of one's own, laid over the built-in one.")
    aliases: dict[str, str] = Field(
        default_factory=lambda: {
            "mistral-tiny-latest": "smollm2-135m-instruct",
            "mistral-small-latest": "smollm2-135m-instruct",
            "mistral-medium-latest": "smollm2-135m-instruct",
            "mistral-large-latest": "smollm2-135m-instruct",
            "open-mistral-7b": "smollm2-135m-instruct",
            "gpt-4o-mini": "smollm2-135m-instruct",
            "gpt-4o": "smollm2-135m-instruct",
            "gpt-3.5-turbo": "smollm2-135m-instruct",
            "mistral-embed": "universal-sentence-encoder-multilingual",
            "text-embedding-3-small": "universal-sentence-encoder-multilingual",
            "text-embedding-3-large": "universal-sentence-encoder-multilingual",
            "text-embedding-ada-002": "universal-sentence-encoder-multilingual",
        },
        description="Names of hosted models -> local models, so that scripts run unchanged.",
    )

    # The engine.
    kernels: Literal[
        "auto", "amx_bf16", "avx512_bf16", "avx512_vnni", "avx_vnni", "avx2", "neon_dot", "portable", "reference"
    ] = Field("auto", description="auto: the fastest that this CPU can run.")
    kernels_dir: Path = Field(default_factory=lambda: _cache_folder("XDG_CACHE_HOME", ".cache") / "kernels")
    threads: int = Field(0, ge=0, le=512, description="0: as many as the CPUs that this process may use.")
    kv_cache_mb: int = Field(
        1024, ge=1, le=2**24, description="Memory for the keys and values of all running requests, in MiB."
    )
    kv_cache_type: Literal["float16", "int8"] = Field(
        "int8", description="How keys and values are kept; 16 bits take twice the memory, and more time."
    )
    max_batch_tokens: int = Field(512, ge=16, le=65536, description="Tokens in one step, prompts and answers together.")
    max_running: int = Field(64, ge=1, le=4096, description="Requests that generate at the same time.")
    max_waiting: int = Field(256, ge=0, le=1_000_000, description="Requests that may wait; the next one is refused.")
    step_milliseconds: int = Field(
        100, ge=1, le=60_000, description="How long a prompt may hold up the answers that run beside it."
    )
    speculation: bool = Field(
        True,
        description="Guess tokens that repeat the text so far and check them in one step; the answers are the same.",
    )

    draft_model: str | None = Field(
        None, description="A small model with the same vocabulary, whose guesses the model checks; name, alias or path."
    )

    # The engine's process, when serving.
    engine_start_seconds: float = Field(900.0, gt=0, description="How long loading a model may take.")
    engine_hang_seconds: float = Field(
        60.0, gt=0, description="An engine that has work and is silent for so long is killed and started again."
    )

    # The sentence encoder's process, which starts with the first request.
    embedding_threads: int = Field(1, ge=1, le=512)
    embedding_seconds: float = Field(60.0, gt=0, description="Silent for longer with a chunk of texts, it is killed.")
    max_embedding_tokens: int = Field(8192, ge=8, le=2**20, description="Of one text; a longer one is refused.")

    # What a client may send.
    max_body_mb: int = Field(32, ge=1, le=4096)
    max_body_items: int = Field(
        262_144, ge=1, description="Commas in a body: parsed, a list of numbers takes many times its bytes."
    )
    headers_seconds: float = Field(20.0, gt=0, description="How long until a request's headers have come.")
    body_seconds: float = Field(60.0, gt=0, description="How long a client may take to send a body.")
    max_messages: int = Field(4096, ge=1, le=1_000_000)
    max_tokenize_chars: int = Field(1_000_000, ge=1, description="Characters that are tokenized for their own sake.")
    max_prompts: int = Field(128, ge=1, le=65536, description="Texts of one completion.")
    max_embedding_inputs: int = Field(2048, ge=1, le=65536, description="Texts of one request.")
    max_tools: int = Field(128, ge=1, le=4096)
    max_choices: int = Field(16, ge=1, le=1024, description="The largest `n`.")
    max_stop_strings: int = Field(16, ge=1, le=1024)
    max_logprobs: int = Field(20, ge=0, le=1024)
    max_logit_bias: int = Field(1024, ge=1, description="Tokens that `logit_bias` may name.")
    max_metadata: int = Field(16, ge=0, le=1024, description="Labels that a client may give to one thing that it owns.")
    max_page_size: int = Field(1000, ge=1, le=100_000, description="Things on one page of a list.")
    default_temperature: float = Field(0.7, ge=0, le=2, description="When a client names none.")
    default_max_tokens: int | None = Field(
        None, ge=1, le=2**24, description="None: as many as the context has room for."
    )
    default_completion_tokens: int = Field(
        16, ge=1, le=2**24, description="Of a completion whose request does not say, as OpenAI has it."
    )

    # Files that clients send.
    max_file_mb: int = Field(512, ge=1, le=2**20)
    max_files: int = Field(100_000, ge=1, description="Files that a workspace may keep.")
    upload_seconds: float = Field(3600.0, gt=0, description="How long a client may take to send a file.")
    disk_reserve_mb: int = Field(
        256, ge=0, description="What files leave free of the disk: the database must grow, too."
    )

    # Conversations and agents.
    turn_lease_seconds: float = Field(
        60.0, gt=0, description="How long a conversation is held for an answer whose server died."
    )

    max_handoffs: int = Field(8, ge=0, le=1024, description="Times that agents pass a conversation on in one turn.")
    max_agent_handoffs: int = Field(
        32, ge=0, le=1024, description="Agents that an agent may pass a conversation on to."
    )

    # The assistant's chats.
    max_chat_folders: int = Field(200, ge=1, le=100_000, description="Folders of one person.")
    max_saved_prompts: int = Field(1000, ge=1, le=100_000, description="Prompts that one person saves.")
    max_chat_shares: int = Field(50, ge=1, le=100_000, description="Links to one chat.")
    max_attachment_mb: int = Field(25, ge=1, le=128, description="A file whose text goes into a question.")
    attachment_seconds: float = Field(20.0, gt=0, le=600, description="How long reading one may take.")
    attachment_hours: float = Field(24.0, gt=0, le=8760, description="How long one that was not sent is kept.")
    max_chat_days: int | None = Field(
        None, ge=1, le=36_500, description="How long a chat is kept after something was last said in it."
    )
    max_import_mb: int = Field(128, ge=1, le=4096, description="An export of another assistant, also unpacked.")
    max_import_chats: int = Field(10_000, ge=1, le=10_000_000, description="Chats in one export.")

    embed_origins: tuple[WebOrigin, ...] = Field((), description="Whose pages may show the assistant in a frame.")

    # Batches.
    batch_requests: int = Field(16, ge=1, le=4096, description="Requests of batches that are under way at once.")
    batch_jobs: int = Field(4, ge=1, le=1024, description="Batches that are worked on at once.")
    max_batch_requests: int = Field(100_000, ge=1, description="Requests of one batch.")
    max_batch_jobs: int = Field(1000, ge=1, description="Batches of a workspace that have not ended.")
    max_batch_hours: int = Field(168, ge=1, le=100_000, description="The longest time that a batch may take.")

    # Chat templates are programs from strangers: what one may use.
    template_seconds: float = Field(2.0, gt=0, le=60)
    template_output_chars: int = Field(4_000_000, ge=1, le=1_000_000_000)

    # Grammars: schemas and patterns that answers follow.
    max_grammar_kb: int = Field(256, ge=1, le=16_384, description="All schemas and patterns of a request, in KiB.")
    grammar_seconds: float = Field(1.0, gt=0, le=60, description="How long checking them may take.")
    mask_milliseconds: float = Field(
        10.0, gt=0, le=1000, description="Work for the tokens that may come next, at each one, on a usual machine."
    )
    grammar_memory_mb: int = Field(64, ge=1, le=4096, description="Memory that one answer's grammar may take.")

    # The terminal.
    chat_history: Path = Field(
        default_factory=lambda: _cache_folder("XDG_STATE_HOME", ".local/state") / "chat_history",
        description="What was typed into `galerne chat`, for the arrow keys.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.core_watts_least <= self.core_watts <= self.core_watts_most:
            raise ValueError("core_watts lies between core_watts_least and core_watts_most")
        if (self.audit_peer is None) != (self.audit_peer_key is None):
            raise ValueError("audit_peer and audit_peer_key go together: set both or none")
        if len({value is None for value in (self.grid_grams_per_kwh, self.grid_year, self.grid_source)}) > 1:
            raise ValueError("grid_grams_per_kwh, grid_year and grid_source go together: set all of them or none")
        return self

    @model_validator(mode="after")
    def _series_are_two(self) -> Self:
        if self.invoice_series == self.credit_note_series:
            raise ValueError("invoice_series and credit_note_series are two")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("oidc_issuer and oidc_client_id go together: set both or none")
        return self

    @field_validator(
        "data_dir", "audit_anchor_file", "models_dir", "catalogue", "kernels_dir", "chat_history", mode="after"
    )
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return path and path.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=_config_file())
        return init_settings, env_settings, file


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings of this process. Raises `SettingsError` that names the unknown or bad one."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for variable in os.environ:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise SettingsError("there is no such setting.", where=variable, hint="See docs/guide/settings.md.")
    if CONFIG_VARIABLE in os.environ and not _config_file().is_file():
        raise SettingsError(f"no file at {_config_file()}.", where=CONFIG_VARIABLE)
    try:
        return Settings(**{k: v for k, v in (overrides or {}).items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"{first['msg']} (got {first['input']!r}).", where=name) from None
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}.", where=str(_config_file())) from None
    except ValueError as error:  # TOML that is not TOML, JSON that is not JSON in a variable
        raise SettingsError(str(error), where=str(_config_file())) from None


def source_of(name: str, settings: Settings) -> Literal["default", "environment", "file", "command line"]:
    """Where a setting of this process comes from."""
    if name not in settings.model_fields_set:
        return "default"
    if f"{PREFIX}{name}".upper() in map(str.upper, os.environ):
        return "environment"
    file = _config_file()
    return "file" if file.is_file() and name in tomllib.loads(file.read_text()) else "command line"


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or "galerne.toml")
