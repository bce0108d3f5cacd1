"""What schemathesis is told in its own process: how this API writes numbers, what there is, and what a cancel means."""

import os
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

TIMEOUT = 30
ROOM = 8
FOUND = requests.codes.ok
NOT_FOUND = requests.codes.not_found
AHEAD = {
    "notBefore": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    "deadline": (datetime.now(UTC) + timedelta(days=2)).isoformat(),
}
_cancelled: set[tuple[str, ...]] = set()

_STATES = r'"code": ?"INVALID_STATE'
_BAD_UPLOAD = (
    r"does not wait for an upload|has been (uploaded|marked as uploaded) already|[Nn]othing has been uploaded"
    r"|is not the key that the upload's URL names|has not all of these parts|over 5 GB is uploaded in parts"
)
BEYOND_A_SCHEMA = {
    # Whether a job can go there from where it is, is not a matter of the request alone; nor what has been uploaded,
    # for which the files contract has no 409.
    "agents_report_on_job": _STATES,
    "agents_retry_job": _STATES,
    "shared_cancel_job": _STATES,
    "files_cancel_job": r"has been cancelled already|cannot go from its present state",
    "files_sign_download": r"the job has no output",
    "files_sign_upload": _BAD_UPLOAD,
    "files_mark_uploaded": _BAD_UPLOAD,
    "files_begin_multipart_upload": _BAD_UPLOAD,
    "files_sign_upload_parts": _BAD_UPLOAD,
    "files_complete_multipart_upload": _BAD_UPLOAD,
    # By the files contract an address that is taken is 400.
    "files_register": r"is registered already",
    # One field against another, the names in several against each other, how deep it nests, and what a pattern of
    # RE2's is. The size that is accepted is a setting.
    "files_create_job": (
        r"names .* twice|must not be greater than the precision|may be nested at most|at most \d+ comparisons"
        r"|is not an RE2 pattern|the file is \d+ bytes, and may be at most"
    ),
    "builds_create_analysis": r"you have uploaded nothing there",
    # Which networks there are is a setting.
    "pipelines_create_pipeline": r"network: .* is none of",
    "pipelines_verify_by_address": r"network: .* is none of",
    "pipelines_read_verification": r"network: .* is none of",
    # Of the agents and of who scores the deployment knows; of the rest as with file jobs.
    "evaluations_submit_evaluation": (
        r"is more than max_|is no pattern in RE2's syntax|custom_evaluators\.\d+\.schema: "
        r"|no agent of that id is registered|use_semantic_scoring: "
    ),
}
"""By operation, the words of a 400 to a request that its schema allows: rules that JSON Schema cannot state."""

CANCELS = {"shared_cancel_job", "builds_cancel_build", "builds_cancel_analysis"}
"""The deletions after which all is there still."""
READS = {"shared_read_job", "builds_read_build", "builds_read_analysis"}
"""What tells of a job, and so of a cancelled one too."""
BELONGINGS = {
    "agents_list_attempts",
    "agents_list_job_artifacts",
    "agents_read_log",
    "builds_sign_sources",
    "evaluations_read_results",
}
"""What the owner of a job can read as before when it has been cancelled."""


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:  # noqa: ARG001
    """A body as this API's clients write it: a whole number has no fraction, and JSON Schema cannot say so."""
    return _whole(body)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """What is named in a valid body is there; and a claim token is good once, so each call with it gets a new one."""
    operation, meta = _operation(case), case.meta
    if meta and meta.generation.mode.is_positive:
        if operation in PUT and isinstance(case.body, dict):
            case.body = PUT[operation](case.body)
        # Those that links lead to are of the scenario.
        if operation == "shared_cancel_job" and meta.phase.name is not TestPhase.STATEFUL:
            case.path_parameters = {"job_id": _waiting()}
    if operation.startswith("pipelines_"):
        # A session has a cookie more than the document's credentials: the one that the header has to be like.
        case.cookies = {**(case.cookies or {}), "evium_csrf": os.environ["CSRF_TOKEN"]}
    given: list[Any] = [case.headers, kwargs.get("headers")]
    for headers in filter(None, given):
        for name in list(headers):
            if name.lower() == "x-claim-token" and headers[name] == os.environ["CLAIM_TOKEN"]:
                headers[name] = _minted()


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,  # noqa: ARG001
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Drop what is no fault: a refusal for a reason that no schema can state, and that a cancelled job can be read.

    The latter has ``cancelled_job_stays`` in its place.
    """
    operation = _operation(case)
    if isinstance(failure, RejectedPositiveData) and failure.status_code == requests.codes.bad_request:
        return not re.search(BEYOND_A_SCHEMA.get(operation, "(?!)"), response.text)
    if isinstance(failure, AcceptedNegativeData) and "query - object with unexpected properties" in failure.message:
        return False  # A name in the query that nobody knows is passed over; the document cannot say so.
    if isinstance(failure, UseAfterFree) and failure.free.startswith("DELETE /u/proxy/job/"):
        return not operation.startswith("pipelines_")  # As below; what is promised of it has tests of its own.
    if isinstance(failure, UseAfterFree) and re.match(r"DELETE /api/(jobs|build|analysis)/", failure.free):
        return operation not in {*READS, *BELONGINGS, "agents_report_on_job"}
    return True


@schemathesis.check
def cancelled_job_stays(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Any) -> None:  # noqa: ARG001
    """To delete a job is to cancel it: its owner still reads it and what belongs to it, and it never runs again."""
    operation = _operation(case)
    # What belongs to a job lies below it: /api/jobs/{job_id}/logs.
    job = case.formatted_path.split("/")[1:4]
    if operation in CANCELS and response.status_code == FOUND:
        _cancelled.add(tuple(job))
        read = _as_user("GET", case.formatted_path)
        assert read.status_code == FOUND, f"a cancelled job cannot be read: {read.status_code} {read.text}"
        _must_be_cancelled(read.json())
    elif operation in READS | BELONGINGS and tuple(job) in _cancelled:
        assert response.status_code != NOT_FOUND, "of a cancelled job it can no longer be read"
        if operation in READS and response.status_code == FOUND:
            _must_be_cancelled(response.json())


def _must_be_cancelled(job: dict[str, Any]) -> None:
    """For those contracts that have no word for it, a job runs until who does it has heard."""
    state, second = (job["status"], "running") if "status" in job else (job["state"], "cancelling")
    assert state in {"cancelled", second}, f"the job is {state}"


def _minted() -> str:
    url = f"{os.environ['API_URL']}/api/jobs/{os.environ['JOB_ID']}/claim-token"
    headers = {"X-Colab-Id": os.environ["AGENT_ID"], "X-Colab-Secret": os.environ["AGENT_SECRET"]}
    answer = requests.post(url, headers=headers, timeout=TIMEOUT)
    answer.raise_for_status()
    return str(answer.json()["claimToken"])


def _waiting() -> str:
    """A new job that nobody has claimed."""
    made = _as_user("POST", "/api/jobs/create", {"projectId": os.environ["PROJECT_ID"], "jobType": "build"})
    return str(made.json()["jobId"])


def _as_user(method: str, path: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {os.environ['USER_TOKEN']}"}
    return requests.request(method, os.environ["API_URL"] + path, headers=headers, json=body, timeout=TIMEOUT)


def _job(body: dict[str, Any]) -> dict[str, Any]:
    """Of the project and the queue that there are, and at times that lie ahead: the same for the same request."""
    moments = {name: when for name, when in AHEAD.items() if body.get(name)}
    queue = {"queue": "default"} if "queue" in body else {}
    return {**body, "projectId": os.environ["PROJECT_ID"], **queue, **moments}


def _evaluation(body: dict[str, Any]) -> dict[str, Any]:
    """Of the data set that there is, with a template that names a column of it."""
    told = dict(body["configuration"])
    for name, there in (("data_source", os.environ["DATA_SET"]), ("data_source_blob_ref", os.environ["DATA_SET_URL"])):
        if told.get(name):
            told[name] = there
    if told.get("prompt_template"):
        told["prompt_template"] = re.sub(r"\{[^{}]+\}", "{prompt}", told["prompt_template"])
    return {**body, "configuration": told}


def _webhook(body: dict[str, Any]) -> dict[str, Any]:
    """To a host on the public Internet."""
    host = {"url": re.sub("(?<=://)[^/?]+", "example.com", body["url"], count=1)} if "url" in body else {}
    return {**body, **host}


def _new_webhook(body: dict[str, Any]) -> dict[str, Any]:
    """With room for it: of ten that a user may have, those go that were made first."""
    made = _as_user("GET", "/api/webhooks").json()["webhooks"]
    for each in made[: max(0, len(made) - ROOM)]:
        _as_user("DELETE", f"/api/webhooks/{each['id']}")
    return _webhook(body)


def _steps(body: dict[str, Any]) -> dict[str, Any]:
    """With expressions that can be read."""
    steps = [
        {**step, "params": {**step["params"], "expression": "1 + 1"}} if step["type"] == "derive" else step
        for step in body.get("processing_steps", ())
    ]
    return {**body, **({"processing_steps": steps} if steps else {})}


def _log_in(body: dict[str, Any]) -> dict[str, Any]:
    """As somebody who is registered."""
    return {**body, "username": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}


def _new(field: str, form: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Of a name that nobody has: a scenario that hypothesis plays again goes as it went."""
    return lambda body: {**body, field: form.format(uuid.uuid4().hex)}


PUT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "agents_create_job": _job,
    "agents_create_user": _new("email", "{}@example.com"),
    "agents_register_agent": _new("agentId", "agent-{}"),
    "agents_register_project": _new("projectId", "project-{}"),
    "evaluations_submit_evaluation": _evaluation,
    "files_create_job": _steps,
    "files_log_in": _log_in,
    "webhooks_change_webhook": _webhook,
    "webhooks_create_webhook": _new_webhook,
}
"""By operation, what makes a body that its schema allows one that can be done."""


def _operation(case: Any) -> str:
    return str(case.operation.definition.raw["operationId"])


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
