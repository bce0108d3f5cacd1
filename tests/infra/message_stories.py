"""What is told of jobs, to consumers and to webhooks, as ``stories`` has it for everything else."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from local.cloud import LocalCloud
from tests.contract.hooked import Hooked, hooked
from tests.support.api import Api, ok
from tests.support.files import Files

# Its JSON is small enough for a document of the table, and in a message, in ASCII, too large for that.
ACCENTED = "é" * 100_000
COMPLETED = {"events": ["job_completed"]}
# Rounds of waiting after which no attempt is left.
EVERY_ATTEMPT = 9


def administered(cloud: LocalCloud, api: Api) -> None:
    with hooked(cloud, api, api.user()) as ours:
        user = ours.bench.user
        ok(user.get("/api/webhooks"))
        ours.read()
        ok(user.patch(ours.path, {"description": "d"}))
        ok(user.post(f"{ours.path}/rotate-secret"))
        tried = ok(user.post(f"{ours.path}/test"))
        ours.settle()
        assert [each["status"] for each in ours.deliveries()] == ["succeeded"]
        ok(user.post(f"{ours.path}/deliveries/{tried['id']}/redeliver"))
        ours.settle()
        assert len(ours.receiver.received) == 2
        assert user.delete(ours.path).ok


def told_whatever_the_size(cloud: LocalCloud, api: Api) -> None:
    """Results that lie in the store, that are put there to be told, and that fit; and a file."""
    noise = base64.b64encode(secrets.token_bytes(120_000)).decode()
    cloud.messages()
    with hooked(cloud, api, api.user(), **COMPLETED) as ours:
        for told in ({"noise": noise}, {"accented": ACCENTED}, {"answer": 42}):
            ours.bench.report(ours.bench.running(), "completed", told)
        Files(ours.bench.user).started()
        ours.settle()
        assert len(ours.receiver.received) == 4
        references = [each["blob_references"] for each in _completed(ours)]
    prefixes = {blob["blob_name"].partition("/")[0] for blobs in references for blob in blobs}
    assert prefixes == {"documents", "messages", "output"}


def told_of_a_result_that_is_gone(cloud: LocalCloud, api: Api) -> None:
    """What the job has put out is not there any more when it is told of."""
    from chalicelib import aws
    from chalicelib.settings import settings

    with hooked(cloud, api, api.user(), **COMPLETED) as ours:
        job_id = ours.bench.running()
        key = f"output/{job_id}/gone"
        assert "Contents" not in aws.s3().list_objects_v2(Bucket=settings().bucket, Prefix=key)
        ours.bench.report(job_id, "completed", {"output": {"object_key": key}})
        ours.settle()
        assert [each["blob_references"] for each in _completed(ours)] == [[]]


def refused_by_its_receiver(cloud: LocalCloud, api: Api) -> None:
    with hooked(cloud, api, api.user(), **COMPLETED) as ours:
        ours.receiver.script = [500] * 8
        _complete(ours)
        ours.settle(EVERY_ATTEMPT)
        assert [each["status"] for each in ours.deliveries()] == ["failed"]
        _complete(ours)
        ours.settle()
        ours.receiver.script = [410]
        _complete(ours)
        ours.settle()
        assert ours.read()["active"] is False


def _complete(ours: Hooked) -> None:
    ours.bench.report(ours.bench.running(), "completed")


def _completed(ours: Hooked) -> list[dict[str, Any]]:
    return [each for each in ours.cloud.messages() if each["message_type"] == "job_completed"]


Story = Callable[[LocalCloud, Api], None]
ALL: tuple[Story, ...] = (
    administered,
    told_whatever_the_size,
    told_of_a_result_that_is_gone,
    refused_by_its_receiver,
)
