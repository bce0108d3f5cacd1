"""What happens to people's files, each thing once, as ``stories`` has it for everything else."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from local.cloud import LocalCloud
from tests.support.api import TIMEOUT, Api, Caller, ok
from tests.support.files import NEW_YORK, PEOPLE, Files, key_of

LARGE = "files-large"
LARGE_BYTES = 3 * 1000 * 1000 * 1000
# More than compression gets into a row, as an order and as a file's header.
NOISE = [secrets.token_hex(32) for _ in range(3000)]
ONE_OF_MANY = {"type": "filter", "params": {"column": "city", "operator": "in", "value": ["New York", *NOISE]}}


def processed(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    with _a_watch_that_looks():
        job = files.started(ONE_OF_MANY)
        cloud.drain()
    assert files.read(job)["status"] == "COMPLETED"
    assert files.download(job)
    ok(files.user.get("/api/v1/jobs"))


def processed_with_many_columns(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    """Their names make the report one that lies in the bucket."""
    names = [secrets.token_hex(64) for _ in range(1200)]
    job = files.started(content=f"{','.join(names)}\n{','.join('1' for _ in names)}\n".encode())
    cloud.drain()
    assert len(files.read(job)["report"]["columns"]) == len(names)


def uploaded_in_parts(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    job = files.create(NEW_YORK)
    begun = ok(files.post(job, "multipart-upload"))
    told = {"upload_id": begun["upload_id"], "part_numbers": [1]}
    [part] = ok(files.post(job, "multipart-upload/parts", told))["parts"]
    tag = _put(part["upload_url"], PEOPLE).headers["ETag"]
    ends = {"upload_id": begun["upload_id"], "parts": [{"part_number": 1, "etag": tag}]}
    ok(files.mark(job, ok(files.post(job, "multipart-upload/complete", ends))["object_key"]))


def forgotten(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    """The owner does not say that the upload is done; the order is one that lies in the bucket."""
    job = files.create(ONE_OF_MANY)
    files.upload(job, PEOPLE)
    cloud.hurry()
    assert files.read(job)["status"] == "COMPLETED"


def uploaded_after_it_was_cancelled(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    job = files.create()
    url = ok(files.post(job, "upload-url"))["upload_url"]
    ok(files.post(job, "cancel"))
    _put(url, PEOPLE)
    cloud.hurry()
    assert not _stored(key_of(url))


def uploaded_never(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    job = files.create()
    is_past(job["id"])
    cloud.sweep()
    assert files.read(job)["status"] == "FAILED"


def stage_was_not_woken(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    with cloud.queues_paused():
        job = files.started()
        is_past(job["id"])
        cloud.sweep()
    cloud.drain()
    assert files.read(job)["status"] == "COMPLETED"


def stage_lost_the_job(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    """Its lease ends between the upload of the output and the last word; some parts of another it leaves, too."""
    from chalicelib.objects import presign, transfers

    deliver = transfers.deliver

    def late(path: Any, key: str, *more: Any) -> None:
        deliver(path, key, *more)
        is_past(key.split("/")[1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "deliver", late)
        job = files.started()
        cloud.drain()
    assert files.read(job)["status"] == "RUNNING"
    presign.begin_multipart(f"output/{job['id']}/1/parts")
    cloud.sweep()
    assert files.read(job)["status"] == "COMPLETED"


def output_could_not_be_uploaded(files: Files, api: Api, cloud: LocalCloud) -> None:  # noqa: ARG001  a story's form
    with no_part_is_taken(cloud):
        job = files.started()
        cloud.drain()
    is_past(job["id"])
    cloud.sweep()
    cloud.hurry()
    assert files.read(job)["status"] == "COMPLETED"


def handed_over(files: Files, api: Api, cloud: LocalCloud) -> None:
    """A function has too little memory for it; an agent does it, badly at first."""
    from chalicelib.engines.tabular.errors import NotEnoughMemory
    from chalicelib.files import stage

    def give_up(*_: Any) -> None:
        raise NotEnoughMemory("too large")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "process", give_up)
        job = files.started()
        cloud.drain()
    agent = api.agent()
    _take(agent, job)
    _deliver(agent, job)
    ok(agent.patch(f"/api/jobs/{job['id']}", {"state": "failed", "payload": {"error": "no"}}))


def done_by_an_agent(files: Files, api: Api, cloud: LocalCloud) -> None:
    job = files.started(original_file_size_bytes=LARGE_BYTES)
    cloud.drain()
    agent = api.agent()
    _take(agent, job)
    told = ok(agent.get(f"/api/jobs/{job['id']}/input"))["download"]
    assert requests.get(told["url"], headers=told["headers"], timeout=TIMEOUT).content == PEOPLE
    key = _deliver(agent, job)
    result = {"output": {"object_key": key, "file_name": "people_processed.csv", "size": len(PEOPLE)}, "report": {}}
    ok(agent.patch(f"/api/jobs/{job['id']}", {"state": "completed", "payload": result}))
    assert files.download(job) == PEOPLE


@contextmanager
def no_part_is_taken(cloud: LocalCloud) -> Iterator[None]:
    """Whatever a stage uploads goes up in parts, which are refused."""
    from botocore.exceptions import ClientError
    from s3transfer.manager import TransferConfig

    from chalicelib import aws
    from chalicelib.objects import transfers

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "UploadPart")

    cloud.failures.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "_IN_PARTS", TransferConfig(multipart_threshold=1))
        aws.s3().meta.events.register("before-call.s3.UploadPart", refuse)
        yield
        aws.s3().meta.events.unregister("before-call.s3.UploadPart", refuse)
    assert {failure.error.partition("(")[0] for failure in cloud.failures} == {"StorageFailed"}
    cloud.failures.clear()


def _take(agent: Caller, job: dict[str, Any]) -> None:
    assert ok(agent.post("/api/jobs/claim", {"queues": [LARGE]}))["job"]["jobId"] == job["id"]
    ok(agent.patch(f"/api/jobs/{job['id']}", {"state": "running"}))


def _deliver(agent: Caller, job: dict[str, Any]) -> str:
    digest = hashlib.sha256(PEOPLE).hexdigest()
    told = {"fileName": "people_processed.csv", "size": len(PEOPLE), "sha256": digest}
    announced = ok(agent.post(f"/api/jobs/{job['id']}/artifacts", told))
    upload = announced["upload"]
    assert requests.put(upload["url"], data=PEOPLE, headers=upload["headers"], timeout=TIMEOUT).ok
    path = f"/api/jobs/{job['id']}/artifacts/{announced['artifactId']}/complete"
    return str(ok(agent.post(path))["drivePath"])


def _put(url: str, content: bytes) -> requests.Response:
    answer = requests.put(url, data=content, timeout=TIMEOUT)
    assert answer.ok, answer.text
    return answer


def is_past(job_id: str) -> None:
    """Whatever the job waits for, or its lease, is over."""
    from chalicelib.jobs.tables import JobRow

    JobRow(job_id).update(actions=[JobRow.due.set(datetime.now(UTC) - timedelta(hours=1))])


def _stored(key: str) -> bool:
    from chalicelib import aws
    from chalicelib.settings import settings

    return "Contents" in aws.s3().list_objects_v2(Bucket=settings().bucket, Prefix=key)


@contextmanager
def _a_watch_that_looks() -> Iterator[None]:
    """Even a job of a moment is looked at while it is done."""
    from chalicelib.jobs import watch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "LOOK_SECONDS", 0)
        yield


Story = Callable[[Files, Api, LocalCloud], None]
ALL: tuple[Story, ...] = (
    processed,
    processed_with_many_columns,
    uploaded_in_parts,
    forgotten,
    uploaded_after_it_was_cancelled,
    uploaded_never,
    stage_was_not_woken,
    stage_lost_the_job,
    output_could_not_be_uploaded,
    handed_over,
    done_by_an_agent,
)
