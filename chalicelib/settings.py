"""Every setting, read from the environment once; nothing else in this package reads ``os.environ``.

Each field is the environment variable ``CLAIMCHECK_<FIELD>``; ``.env.example`` lists them for operators.
"""

import json
import os
import re
from functools import cache
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

PREFIX = "CLAIMCHECK_"
MINIMUM_KEY_BYTES = 32
_IN_A_HEADER = re.compile("[!-~]+")

# We use no plugins of pydantic; looking for some reads the metadata of every installed distribution at each cold start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _shard_counts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return dict(part.split("=", 1) for part in value.split(",") if part.strip())


def _from_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


class Network(BaseModel):
    """A chain that contracts can be deployed to.

    ``verifier`` is where sources are submitted to, with the kind of its API. A ``local`` one is a development chain,
    whose accounts everybody has the keys of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain_id: int = Field(ge=1)
    rpc_url: str
    explorer_url: str | None = None
    verifier_url: str | None = None
    verifier_kind: Literal["sourcify", "etherscan"] = "sourcify"
    local: bool = False


_SOURCIFY = "https://sourcify.dev/server"
TESTNETS = {
    "avalanche-fuji": Network(
        chain_id=43113,
        rpc_url="https://api.avax-test.network/ext/bc/C/rpc",
        explorer_url="https://testnet.snowtrace.io",
        verifier_url=_SOURCIFY,
    ),
    "basecamp-testnet": Network(
        chain_id=123420001114,
        rpc_url="https://rpc.basecamp.t.raas.gelato.cloud",
        explorer_url="https://basecamp.cloud.blockscout.com",
    ),
    "ethereum-sepolia": Network(
        chain_id=11155111,
        rpc_url="https://ethereum-sepolia-rpc.publicnode.com",
        explorer_url="https://sepolia.etherscan.io",
        verifier_url=_SOURCIFY,
    ),
    "polygon-amoy": Network(
        chain_id=80002,
        rpc_url="https://rpc-amoy.polygon.technology",
        explorer_url="https://amoy.polygonscan.com",
        verifier_url=_SOURCIFY,
    ),
}
"""The networks of the pipelines contract, as their operators publish them."""


class Settings(BaseModel):
    """What an operator decides. Durations are seconds and sizes are bytes unless the name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    stage: str = "dev"
    log_level: str = "INFO"

    table_prefix: str = "claimcheck"
    bucket: str = "claimcheck"
    kms_key_id: str = "alias/claimcheck"
    messages_topic: str | None = None
    webhook_sends_per_minute: int = Field(default=60, ge=1)
    webhook_allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()

    session_secret: SecretStr
    session_seconds: int = Field(default=7200, ge=3600, le=7200)
    admin_api_key: SecretStr
    agent_secret: SecretStr | None = None
    origin_secret: SecretStr | None = None
    agent_shared_secret_enabled: bool = True
    allowed_origins: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    registration_open: bool = True
    access_cookie_seconds: int = Field(default=900, ge=60, le=7200)
    refresh_cookie_seconds: int = Field(default=604800, ge=3600)
    cookie_same_site: Literal["Lax", "Strict", "None"] = "Lax"
    login_attempts_per_minute: int = Field(default=10, ge=1)
    registrations_per_minute: int = Field(default=30, ge=1)
    token_failures_per_minute: int = Field(default=60, ge=1)

    openid_issuer: str | None = None
    openid_audience: str | None = None
    openid_role_claim: str | None = None
    openid_email_claims: Annotated[tuple[str, ...], BeforeValidator(_split)] = ("email", "preferred_username")

    build_requests_per_minute: int = Field(default=60, ge=1)
    build_creations_per_minute: int = Field(default=10, ge=1)
    analysis_creations_per_minute: int = Field(default=5, ge=1)
    build_secrets_project: str = "claimcheck"
    source_max_bytes: int = Field(default=100 * 1000 * 1000, ge=1)
    websocket_endpoint: str | None = None

    networks: Annotated[dict[str, Network], BeforeValidator(_from_json)] = Field(default_factory=lambda: dict(TESTNETS))
    pipeline_secrets_project: str = "claimcheck"
    pipelines_url: str | None = None
    pipelines_token: SecretStr | None = None
    pipeline_wait_seconds: int = Field(default=20, ge=0, le=25)
    stream_wait_seconds: int = Field(default=5, ge=0, le=25)
    pipeline_creations_per_quarter_hour: int = Field(default=10, ge=1)
    pipeline_streams_per_quarter_hour: int = Field(default=1000, ge=1)
    pipeline_reads_per_quarter_hour: int = Field(default=100, ge=1)
    pipeline_verifications_per_quarter_hour: int = Field(default=10, ge=1)

    evaluation_requests_per_minute: int = Field(default=100, ge=1)
    evaluation_submissions_per_minute: int = Field(default=10, ge=1)

    lease_seconds: int = Field(default=1800, ge=10)
    stage_lease_seconds: int = Field(default=60, ge=10)
    coordinator_lease_seconds: int = Field(default=3600, ge=960)
    claim_token_seconds: int = Field(default=300, ge=10)
    poll_seconds: int = Field(default=5, ge=1)
    priority_head_start_seconds: int = Field(default=300, ge=0)
    queue_shards: Annotated[dict[str, Annotated[int, Field(ge=1, le=64)]], BeforeValidator(_shard_counts)] = {}
    lease_shards: int = Field(default=1, ge=1, le=64)
    retention_days: int = Field(default=365, ge=1)
    log_max_bytes: int = Field(default=64 * 1024 * 1024, ge=1024)

    upload_url_seconds: int = Field(default=3600, ge=60, le=43200)
    download_url_seconds: int = Field(default=900, ge=60, le=43200)
    multipart_threshold_bytes: int = Field(default=100 * 1000 * 1000, ge=5 * 1024 * 1024)
    multipart_part_bytes: int = Field(default=64 * 1024 * 1024, ge=5 * 1024 * 1024)
    artifact_max_bytes: int = Field(default=50 * 1000 * 1000 * 1000, ge=1)

    upload_wait_seconds: int = Field(default=86400, ge=60)
    upload_event_delay_seconds: int = Field(default=60, ge=0, le=900)
    file_max_bytes: int = Field(default=50 * 1000 * 1000 * 1000, ge=1)
    file_large_bytes: int = Field(default=2 * 1000 * 1000 * 1000, ge=1)
    file_expanded_max_bytes: int = Field(default=20 * 1000 * 1000 * 1000, ge=1)
    file_memory_bytes: int = Field(default=1000 * 1000 * 1000, ge=768 * 1024 * 1024)
    file_days: int = Field(default=30, ge=1)

    evaluation_max_bytes: int = Field(default=500 * 1000 * 1000, ge=1)
    evaluation_max_rows: int = Field(default=100_000, ge=1)
    evaluation_batch_rows: int = Field(default=25, ge=1)
    evaluation_default_agent: str | None = None
    evaluation_semantic_agents: bool = False
    evaluation_inline_bytes: int = Field(default=1000 * 1000, ge=0, le=4 * 1000 * 1000)
    embeddings_url: str | None = None
    embeddings_model: str | None = None
    embeddings_project: str = "claimcheck"

    github_owner: str | None = None
    github_listing: Literal["user", "organization", "own"] = "user"
    github_prefix: str = "mrx-"
    github_token: SecretStr | None = None
    github_api_url: str = "https://api.github.com"
    github_refresh_seconds: int = Field(default=60, ge=1)

    @model_validator(mode="after")
    def _refuse_weak_keys(self) -> Self:
        # PyJWT only warns about a short HMAC key; a guessable key of any kind is refused before the first request.
        for name in ("session_secret", "admin_api_key", "agent_secret", "origin_secret"):
            value: SecretStr | None = getattr(self, name)
            if value is not None and len(value.get_secret_value().encode()) < MINIMUM_KEY_BYTES:
                message = f"{PREFIX}{name.upper()} must be at least {MINIMUM_KEY_BYTES} bytes long"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_an_issuer_that_cannot_be_trusted(self) -> Self:
        if self.openid_issuer is None:
            return self
        if not is_trusted_url(self.openid_issuer) or "?" in self.openid_issuer or "#" in self.openid_issuer:
            raise ValueError(f"{PREFIX}OPENID_ISSUER must be an https URL, or an http one of this machine")
        if self.openid_audience is None:
            # Without it, a token that the issuer made for any other application would be good here.
            raise ValueError(f"{PREFIX}OPENID_AUDIENCE must be set where {PREFIX}OPENID_ISSUER is")
        return self

    @model_validator(mode="after")
    def _refuse_an_upstream_that_cannot_be_trusted(self) -> Self:
        url, token = self.pipelines_url, self.pipelines_token
        if url is not None and (not is_trusted_url(url) or "?" in url or "#" in url):
            raise ValueError(f"{PREFIX}PIPELINES_URL must be an https URL, or an http one of this machine")
        if token is not None and not _IN_A_HEADER.fullmatch(token.get_secret_value()):
            raise ValueError(f"{PREFIX}PIPELINES_TOKEN has characters that a header cannot carry")
        return self


def is_trusted_url(url: str, *, like: str | None = None) -> bool:
    """Whether what is fetched from there is what its host sent: by https, or by http from this machine itself.

    Args:
        url: without a user or password.
        like: where this other URL is https, only https will do.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(host) and (like is None or like.startswith("http:"))
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        pydantic.ValidationError: naming the variable that is missing or out of range.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and value
    }
    return Settings.model_validate(given)
