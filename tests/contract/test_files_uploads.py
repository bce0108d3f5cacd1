"""Inputs: what is signed, what counts as uploaded, in parts, forgotten, late, and changed afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from local.cloud import LocalCloud
from tests.contract import sigv4
from tests.contract.harness import AwsSpy, changed_settings
from tests.support.api import TIMEOUT, ok
from tests.support.files import PEOPLE, Files, key_of, refusal


@pytest.fixture
def _events_at_once(cloud: LocalCloud) -> Iterator[None]:  # noqa: ARG001  it has made the queue
    """The event of an upload is not delayed, so that it comes before the client's word."""
    from chalicelib import aws, queues

    url = aws.sqs().get_queue_url(QueueName=queues.name_of(queues.UPLOADS))["QueueUrl"]
    aws.sqs().set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    yield
    aws.sqs().set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "60"})


def _put(url: str, content: bytes = PEOPLE) -> requests.Response:
    answer = requests.put(url, data=content, timeout=TIMEOUT)
    assert answer.ok, answer.text
    return answer


def test_only_the_key_is_signed_so_any_type_and_length_may_come(files: Files) -> None:
    url = ok(files.post(files.create(), "upload-url"))["upload_url"]
    assert sigv4.signed_headers(url) == {"host"}
    assert sigv4.accepts("PUT", url, {"Content-Type": "text/csv", "Content-Length": "7"})


def test_upload_url_that_was_tampered_with_is_refused(files: Files) -> None:
    """Threat 36: host, key, query, method and expiry are all signed; the local S3 does not check, so we do."""
    job = files.create()
    url = ok(files.post(job, "upload-url"))["upload_url"]
    host = url.split("/")[2]
    lasts = sigv4.parameters(url)["X-Amz-Expires"]
    tampered = [
        url.replace(host, "example.com"),
        url.replace(job["id"], "file_00000000000000000000000000"),
        url.replace("people.csv", "other.csv"),
        url.replace(f"X-Amz-Expires={lasts}", "X-Amz-Expires=604800"),
        f"{url}&versionId=1",
    ]
    assert sigv4.accepts("PUT", url)
    assert not any(sigv4.accepts("PUT", each) for each in tampered)
    assert not sigv4.accepts("GET", url)
    assert not sigv4.accepts("PUT", url, at=datetime.now(UTC) + timedelta(seconds=int(lasts) + 5))


def test_upload_url_may_be_asked_for_again_until_something_is_there(files: Files) -> None:
    job = files.create()
    first, second = (ok(files.post(job, "upload-url"))["upload_url"] for _ in range(2))
    assert key_of(first) == key_of(second)
    _put(second)
    status, detail = refusal(files.post(job, "upload-url"))
    assert status == 400
    assert "mark it as uploaded" in detail


def test_name_of_a_file_is_never_a_path(files: Files) -> None:
    """Threat 39: the key is made by the server."""
    job = files.create(name="../../etc/pass wd?.csv")
    assert key_of(ok(files.post(job, "upload-url"))["upload_url"]) == f"input/{job['id']}/_.._etc_pass_wd_.csv"


@pytest.mark.parametrize("key", ["", "input/x/people.csv", "output/people.csv", "../people.csv"])
def test_only_the_jobs_own_key_marks_it(files: Files, key: str) -> None:
    job = files.create()
    files.upload(job, PEOPLE)
    status, detail = refusal(files.mark(job, key))
    assert (status, detail.split(":")[0]) == (400, "object_key")
    assert files.read(job)["status"] == "PENDING"


def test_nothing_uploaded_cannot_be_marked(files: Files) -> None:
    job = files.create()
    key = key_of(ok(files.post(job, "upload-url"))["upload_url"])
    assert refusal(files.mark(job, key)) == (400, "Nothing has been uploaded yet.")
    assert files.read(job)["status"] == "PENDING"


def test_marking_twice_is_refused_and_repeating_the_same_request_is_not(files: Files) -> None:
    job = files.create()
    key = files.upload(job, PEOPLE)
    first = files.mark(job, key, headers={"Idempotency-Key": f"mark-{job['id']}"})
    assert ok(first)["status"] == "QUEUED"
    assert ok(files.mark(job, key, headers={"Idempotency-Key": f"mark-{job['id']}"}))["id"] == job["id"]
    assert refusal(files.mark(job, key))[0] == 400


def test_what_a_client_forgets_the_event_of_its_upload_does(cloud: LocalCloud, files: Files) -> None:
    job = files.create()
    files.upload(job, PEOPLE)
    cloud.drain()
    assert files.read(job)["status"] == "PENDING", "the event waits for the client to come first"
    cloud.hurry()
    assert files.ended(job)["status"] == "COMPLETED"


@pytest.mark.usefixtures("_events_at_once")
def test_client_whose_upload_was_seen_first_may_still_mark_it_once(cloud: LocalCloud, files: Files) -> None:
    job = files.create()
    key = files.upload(job, PEOPLE)
    cloud.drain()
    assert files.ended(job)["status"] == "COMPLETED"
    assert ok(files.mark(job, key))["id"] == job["id"]
    assert refusal(files.mark(job, key))[0] == 400


@pytest.mark.usefixtures("_events_at_once")
def test_upload_that_comes_after_its_job_was_cancelled_does_not_stay(cloud: LocalCloud, files: Files) -> None:
    job = files.create()
    url = ok(files.post(job, "upload-url"))["upload_url"]
    ok(files.post(job, "cancel"))
    _put(url)
    cloud.drain()
    assert _stored(key_of(url)) is False
    assert files.read(job)["status"] == "CANCELLED"


@pytest.mark.usefixtures("_events_at_once")
def test_second_upload_after_marking_is_not_processed(cloud: LocalCloud, files: Files) -> None:
    """Threat 36: what was marked counts, and a URL that still lasts cannot put something else in its place."""
    with changed_settings(file_large_bytes="10"):  # So that it waits.
        job = files.create()
        url = ok(files.post(job, "upload-url"))["upload_url"]
        _put(url)
        ok(files.mark(job, key_of(url)))
    _put(url, b"name,city,age\nMallory,New York,1\n")
    cloud.drain()
    from chalicelib.jobs.tables import JobRow

    JobRow(job["id"]).update(actions=[JobRow.queue.set("files"), JobRow.slot.set("ready#files#0")])
    cloud.drain()
    job = files.ended(job)
    assert job["status"] == "FAILED"
    assert job["error_message"] == "The input file was uploaded again after it had been marked as uploaded."
    assert job["output_object_key"] is None


def test_file_in_parts(files: Files) -> None:
    parts = [b"name,city,age\n" + b"Alice,New York,30\n" * 300_000, b"Bob,London,25\n"]
    job = files.create(name="big.csv")
    begun = ok(files.post(job, "multipart-upload"))
    assert begun["object_key"] == f"input/{job['id']}/big.csv"
    assert begun["part_size_bytes"] >= 5 * 1024 * 1024
    asked = {"upload_id": begun["upload_id"], "part_numbers": [1, 2]}
    signed = ok(files.post(job, "multipart-upload/parts", asked))["parts"]
    assert all(sigv4.accepts("PUT", part["upload_url"]) for part in signed)
    tags = [_put(part["upload_url"], content).headers["ETag"] for part, content in zip(signed, parts, strict=True)]
    ends = [{"part_number": number, "etag": tag} for number, tag in enumerate(tags, 1)]
    told = {"upload_id": begun["upload_id"], "parts": ends[::-1]}
    joined = ok(files.post(job, "multipart-upload/complete", told))
    assert ok(files.post(job, "multipart-upload/complete", told)) == joined, "a lost answer may be asked for again"
    ok(files.mark(job, joined["object_key"]))
    job = files.ended(job)
    assert job["report"]["rows_in"] == 300_001
    assert files.download(job) == b"".join(parts)


def test_parts_that_are_not_there_are_not_joined(files: Files) -> None:
    job = files.create()
    upload_id = ok(files.post(job, "multipart-upload"))["upload_id"]
    told = {"upload_id": upload_id, "parts": [{"part_number": 1, "etag": '"x"'}]}
    assert refusal(files.post(job, "multipart-upload/complete", told))[0] == 400
    assert files.read(job)["status"] == "PENDING"


def test_upload_in_parts_that_was_never_begun_is_not_joined(files: Files, aws: AwsSpy) -> None:
    aws.fail("CompleteMultipartUpload", "NoSuchUpload")  # The local S3 breaks down over an id that it does not know.
    told = {"upload_id": "made-up", "parts": [{"part_number": 1, "etag": '"x"'}]}
    assert refusal(files.post(files.create(), "multipart-upload/complete", told))[0] == 400


@pytest.mark.parametrize("numbers", [[], [0], [10_001], list(range(1, 102)), ["1"]])
def test_part_numbers_are_those_of_the_store(files: Files, numbers: list[int]) -> None:
    told = {"upload_id": "x", "part_numbers": numbers}
    status, detail = refusal(files.post(files.create(), "multipart-upload/parts", told))
    assert status == 400
    assert detail.startswith("part_numbers")


def test_file_over_5_gb_is_pointed_to_parts_which_are_large_enough(files: Files) -> None:
    job = files.create(original_file_size_bytes=6 * 1024**3)
    status, detail = refusal(files.post(job, "upload-url"))
    assert status == 400
    assert "multipart-upload" in detail
    assert ok(files.post(job, "multipart-upload"))["part_size_bytes"] * 10_000 >= 6 * 1024**3


def _stored(key: str) -> bool:
    from chalicelib.errors import UploadIncomplete
    from chalicelib.objects import presign

    try:
        presign.look(key)
    except UploadIncomplete:
        return False
    return True
