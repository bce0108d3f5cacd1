"""The tree of errors: a docstring is the message, a code is a name, and every error has a status."""

import re
from collections.abc import Iterator

import pytest

from chalicelib import errors
from chalicelib.errors import ClaimcheckError, TooManyRequests

TABLE = {
    "INVALID_TOKEN": 401, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "PROJECT_NOT_FOUND": 404, "CHAT_NOT_FOUND": 404,
    "JOB_NOT_FOUND": 404, "INVALID_REQUEST": 400, "INVALID_STATE_TRANSITION": 400, "JOB_ALREADY_CLAIMED": 409,
    "KV_WRITE_FAILED": 500, "ENCRYPTION_FAILED": 500, "INTERNAL_ERROR": 500,
}  # fmt: skip


def _tree(kind: type[ClaimcheckError] = ClaimcheckError) -> Iterator[type[ClaimcheckError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


OF_THE_CORE = [kind for kind in _tree() if kind.__module__ == errors.__name__]


def _made(kind: type[ClaimcheckError]) -> ClaimcheckError:
    return TooManyRequests(7) if kind is TooManyRequests else kind()


@pytest.mark.parametrize("kind", OF_THE_CORE, ids=lambda kind: kind.__name__)
def test_docstring_is_the_message_and_the_code_a_name(kind: type[ClaimcheckError]) -> None:
    error = _made(kind)
    assert kind.__doc__
    assert error.message == str(error) == " ".join(kind.__doc__.split())
    assert error.message.endswith(".")
    assert re.fullmatch("[A-Z_]+", error.code)


def test_message_and_details_may_be_said() -> None:
    error = errors.JobNotFound("no job", jobId="job_1")
    assert (error.message, error.details, error.code) == ("no job", {"jobId": "job_1"}, "JOB_NOT_FOUND")
    assert TooManyRequests(7).details == {"retryAfter": 7}


@pytest.mark.usefixtures("configured")
def test_every_error_has_a_status_and_the_contracts_codes_theirs() -> None:
    from chalicelib.surfaces.statuses import status_of

    statuses: dict[str, set[int]] = {}
    for kind in _tree():
        error = _made(kind)
        assert 400 <= status_of(error) < 600
        statuses.setdefault(error.code, set()).add(int(status_of(error)))
    assert {code: statuses.get(code) for code in TABLE} == {code: {status} for code, status in TABLE.items()}


@pytest.mark.usefixtures("configured")
def test_every_contracts_envelope_renders_every_error() -> None:
    import json

    from chalicelib.jobs.model import State
    from chalicelib.surfaces.surface import all_surfaces

    for surface in all_surfaces():
        for kind in _tree():
            error = _made(kind)
            if isinstance(error, errors.InvalidStateTransition):
                error.details = {"state": State.READY, "requested": State.RUNNING, "legal": [State.CLAIMED]}
            status, body = surface.envelope(error)
            assert status >= 400
            assert error.message in json.dumps(body)
