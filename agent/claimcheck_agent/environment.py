"""The environment of a command: what it needs and asked for, and nothing else of the agent's."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from claimcheck_agent.workspace import Workspace

INHERITED = ("PATH", "HOME", "LANG")
# Bytes: the kernel refuses to start a program with a very long variable, or too much of them together.
LONGEST_VALUE = 32_768
LONGEST_PAYLOAD_VALUE = 8192
LONGEST_PAYLOAD_KEY = 64  # Characters.


def command_environment(
    job: Mapping[str, Any], space: Workspace, secrets: Mapping[str, str], passed: Iterable[str]
) -> dict[str, str]:
    """Make the environment for a job's command.

    What cannot be a variable (it is too long, or holds a NUL) is in the files only.
    """
    described = {
        "CLAIMCHECK_JOB_ID": str(job["jobId"]),
        "CLAIMCHECK_JOB_TYPE": str(job["type"]),
        "CLAIMCHECK_PROJECT_ID": str(job.get("projectId") or ""),
        "CLAIMCHECK_ATTEMPT": str(job.get("attempt") or 1),
        "CLAIMCHECK_JOB_FILE": str(space.job_file),
        "CLAIMCHECK_WORKDIR": str(space.work),
        "CLAIMCHECK_ARTIFACTS_DIR": str(space.artifacts),
        "CLAIMCHECK_RESULT_FILE": str(space.result_file),
        "CLAIMCHECK_SECRETS_DIR": str(space.secrets),
        "TMPDIR": str(space.tmp),
    }
    given = _payload_variables(job.get("payload")) | {
        f"CLAIMCHECK_SECRET_{_name(kind)}": value for kind, value in secrets.items()
    }
    return inherited(passed) | described | {name: value for name, value in given.items() if _fits(value, LONGEST_VALUE)}


def inherited(passed: Iterable[str]) -> dict[str, str]:
    """Give the variables of the agent's own environment that its commands see: some, and those named here."""
    return {name: os.environ[name] for name in (*INHERITED, *passed) if name in os.environ}


def _payload_variables(payload: Any) -> dict[str, str]:  # noqa: ANN401  (any JSON value)
    if not isinstance(payload, dict):
        return {}
    return {
        f"CLAIMCHECK_PAYLOAD_{_name(key)}": value
        for key, value in _scalars(payload)
        if len(key) <= LONGEST_PAYLOAD_KEY and _fits(value, LONGEST_PAYLOAD_VALUE)
    }


def _scalars(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in payload.items():
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, bool | int | float):
            yield key, json.dumps(value)


def _name(key: str) -> str:
    """Give a variable's name: upper case, with `_` for what a name cannot hold (`build-no`: `BUILD_NO`)."""
    return re.sub(r"[^A-Z0-9]", "_", key.upper())


def _fits(value: str, limit: int) -> bool:
    return "\0" not in value and len(value.encode(errors="replace")) <= limit and _is_text(value)


def _is_text(value: str) -> bool:
    """Say whether the value is free of half surrogate pairs, which no program could read."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
