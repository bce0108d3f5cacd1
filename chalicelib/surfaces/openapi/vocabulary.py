"""What the document says of credentials, headers and path parameters: each by its name."""

from typing import Any

Json = dict[str, Any]

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ULID = "01JD4X3M9N5P7Q2R8S6T0V1W2Y".lower()

SECURITY_SCHEMES: dict[str, Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of any of the log-ins, or of the configured OpenID Connect issuer.",
    },
    "agentId": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Colab-Id",
        "description": "The agent's id: 1 to 64 letters, digits, dots, colons, underscores or hyphens.",
    },
    "agentSecret": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Colab-Secret",
        "description": "The secret that all agents share, or the agent's own where it was registered.",
    },
    "claimToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Claim-Token",
        "description": "The token of a claim: good once, for five minutes.",
    },
    "accessCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "evium_access",
        "description": "The access token of a log-in at `/u/auth/login`, which sets it.",
    },
    "csrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": "x-csrf-token",
        "description": "The value of the cookie `evium_csrf`, to show that a page of the session asks.",
    },
    "adminKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Admin-Api-Key",
        "description": "The deployment's admin key.",
    },
}

REQUEST_HEADERS: dict[str, Json] = {
    "traceparent": {
        "description": "The caller's position in a W3C trace; the answer continues it.",
        "schema": {"type": "string", "examples": [TRACEPARENT]},
    },
    "Idempotency-Key": {
        "description": "The same key with the same body is the same request: what it made is not made again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
    },
    "X-Claim-Attempt": {
        "description": "The attempt that the agent makes; another one's answers are then refused with 409.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    },
    "X-Csrf-Token": {
        "description": "The value of the cookie `evium_csrf`, to show that a page of the session asks.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "Last-Event-ID": {
        "description": "The id of the last event that arrived; a browser sends it by itself.",
        "schema": {"type": "string", "pattern": r"^(end|\d{1,9}-\d{1,3}-[a-z]{0,16})$"},
    },
    "X-Claim-Request-Id": {
        "description": "A claim repeated with the same id, since its answer was lost, answers the same job.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
    },
}

ANSWER_HEADERS: dict[str, Json] = {
    "traceparent": {
        "description": "The position of this answer in the W3C trace.",
        "schema": {"type": "string", "examples": [TRACEPARENT]},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    },
    "Location": {
        "description": "The path of what was made.",
        "schema": {"type": "string", "examples": [f"/api/jobs/job_{ULID}"]},
    },
    "Set-Cookie": {
        "description": "The session's cookies, each in a header of its own.",
        "schema": {"type": "string"},
    },
    "X-Next-Cursor": {
        "description": "The cursor of the next page, where there is one.",
        "schema": {"type": "string", "examples": [f"job_{ULID}"]},
    },
    "X-RateLimit-Limit": {
        "description": "How many such calls a caller may make in a minute, or in what window the contract says.",
        "schema": {"type": "integer", "minimum": 1, "examples": [100]},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left until the reset.",
        "schema": {"type": "integer", "minimum": 0, "examples": [99]},
    },
    "X-RateLimit-Reset": {
        "description": "When the count begins anew, in seconds since the epoch.",
        "schema": {"type": "integer", "examples": [1_767_323_100]},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "schema": {"type": "string", "const": "Bearer"},
    },
}

# More than a name says; any other parameter is text.
PATH_PARAMETERS: dict[str, Json] = {
    "id": {"description": "The job's id.", "examples": [f"ai_pipeline_{ULID}"]},
    "job_id": {"description": "The job's id.", "examples": [f"job_{ULID}"]},
    "project_id": {"description": "The project's id.", "examples": ["mrx-weather"]},
    "chat_id": {"description": "The chat's id.", "examples": [f"chat_{ULID}"]},
    "artifact_id": {"description": "The artifact's id.", "examples": [f"artifact_{ULID}"]},
    "agent_id": {"description": "The agent's id.", "examples": ["gpu-box-1"]},
    "email": {
        "description": "The user's e-mail address, percent-encoded.",
        "maxLength": 254,
        "examples": ["ada@example.com"],
    },
    "type": {"description": "The type of the secret.", "examples": ["github"]},
}
